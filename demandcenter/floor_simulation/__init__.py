"""A sales floor's fortnight played through the product's own services, in time that is made up.

The world is the demo's. People come in, the pipeline scores, routes and times, reps work their queues in the order that
the product shows them, quick ones and slow ones; what became of every MQL is counted in `report.py`. The same seed and
start give the same fortnight.
"""

from demandcenter.floor_simulation.days import FEWEST_REPS, Floor
from demandcenter.floor_simulation.report import Report, open_mqls, report

__all__ = ["FEWEST_REPS", "Floor", "Report", "open_mqls", "report"]
