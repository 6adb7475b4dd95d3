"""A sales floor's fortnight played through the product's own services, in time that is made up.

The world is the demo's. People come in, the pipeline scores, routes and times, SDRs work their queues in the order that
the product shows them and hand SQLs to account executives, quick ones and slow ones; what became of everything is
counted in `report.py`. The same seed and start give the same fortnight.
"""

from demandcenter.floor_simulation.days import FEWEST_REPS, Floor
from demandcenter.floor_simulation.report import Report, opening, report

__all__ = ["FEWEST_REPS", "Floor", "Report", "opening", "report"]
