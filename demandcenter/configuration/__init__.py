"""Reference data and policies as one readable YAML file: export it, compare it, apply it.

A section is one table; a row is named by its natural key, and refers to rows of other sections by their names. A field
that a row of the file leaves out stays as it is; what is only in the database stays too, unless pruning is asked for.
Later parts of the product add their sections to SECTIONS; a section comes after those it refers to.
A document (DOCUMENTS) is a policy in versions, written as a whole: what it leaves out has its default.
"""

from demandcenter.configuration.applying import apply, rehearse
from demandcenter.configuration.files import export
from demandcenter.configuration.plans import Plan, compare
from demandcenter.configuration.sections import SECTIONS, ConfigurationError, Section

__all__ = ["SECTIONS", "ConfigurationError", "Plan", "Section", "apply", "compare", "export", "rehearse"]
