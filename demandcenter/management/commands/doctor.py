"""`manage.py doctor`: look an installation over and say what to mend."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from demandcenter.diagnosis import examine


class Command(BaseCommand):
    help = "Check this installation and say what to mend; exit status 1 if anything must be."
    requires_system_checks: list[str] = []  # a broken installation is what this command is for

    def handle(self, **_options: Any) -> None:
        styles = {"ok": self.style.SUCCESS, "note": self.style.WARNING, "mend": self.style.ERROR}
        to_mend = 0
        for finding in examine():
            self.stdout.write(f"{styles[finding.state](f'{finding.state:<5}')} {finding.text}")
            if finding.remedy:
                self.stdout.write(f"      {finding.remedy}")
            to_mend += finding.state == "mend"
        if to_mend:
            self.stdout.write(self.style.ERROR(f"{to_mend} to mend."))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS("Nothing to mend."))
