"""One trip of one person through the funnel, as it was played, before it is written (writing.py)."""

from dataclasses import dataclass, field

from demandcenter.demo_world.campaigns import Program
from demandcenter.demo_world.deals import Deal
from demandcenter.demo_world.journeys import Step, Touch
from demandcenter.demo_world.notes import Remark
from demandcenter.demo_world.people import Human
from demandcenter.demo_world.warmth import Reached
from funnel.models import Function, Stage


@dataclass(slots=True, kw_only=True, eq=False)
class Trip:
    """One lead with everything that happened to it; times are local. sdr, executive: who worked it, if anybody.

    reached: the MQL that the model made of it.
    """

    human: Human
    number: int
    steps: list[Step]
    touches: list[Touch]
    solution: str
    channel: str
    program: Program | None
    offer: str
    function: str = Function.MARKETING.value
    sdr: str = ""
    executive: str = ""
    deal: Deal | None = None
    remarks: list[Remark] = field(default_factory=list)
    reached: Reached | None = None

    @property
    def owner(self) -> str:
        """Sales development from the MQL on; the account executive from the SQL on, unless it was sent back."""
        entered = [step.stage for step in self.steps if step.stage]
        if entered[-1] in (Stage.SQL, Stage.OPPORTUNITY, Stage.WON):
            return self.executive
        return "" if entered[-1] == Stage.INQUIRY else self.sdr

    @property
    def was_sql(self) -> bool:
        """Whether sales development has handed it on."""
        return any(step.stage == Stage.SQL for step in self.steps)
