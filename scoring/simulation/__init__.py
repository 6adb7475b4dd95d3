"""Versions tried on history: replayed with only what was known at each moment (docs/scoring.md).

`ask` puts a replay into the queue, `work` works what waits; what it came to stands in SimulatedLead.
"""

from scoring.simulation.changes import Change, changes
from scoring.simulation.requests import ask, cancel, is_stale, latest, of, refresh
from scoring.simulation.versions import digest_of
from scoring.simulation.working import work

__all__ = ["Change", "ask", "cancel", "changes", "digest_of", "is_stale", "latest", "of", "refresh", "work"]
