"""`manage.py config`: reference data and policies as one readable file."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demandcenter.configuration import ConfigurationError, apply, export, rehearse

BAD_FILE = 2


class Command(BaseCommand):
    help = (
        "Write the reference data and the policies into a YAML file, say what a file would change, or apply it. "
        "A file is - for the terminal. diff ends with status 1 where something differs, 2 for a file that is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("deed", choices=("export", "diff", "apply"))
        parser.add_argument("file", metavar="FILE.yaml", help="- for standard input or output")
        parser.add_argument("--prune", action="store_true", help="also delete what the file's sections do not name")

    def handle(self, *, deed: str, file: str, prune: bool, **_options: Any) -> None:
        try:
            if deed == "export":
                self._export(file)
                return
            text = _read(file)
            plan = apply(text, prune=prune) if deed == "apply" else rehearse(text, prune=prune)
        except ConfigurationError as error:
            listed = "\n".join(f"  {problem}" for problem in error.problems)
            raise CommandError(f"Nothing was changed.\n{listed}", returncode=BAD_FILE) from error
        for line in plan.lines():
            self.stdout.write(line)
        if deed == "apply" and plan:
            self.stdout.write(" ".join(["Applied.", *plan.notes]))
        if deed == "diff" and plan:
            sys.exit(1)

    def _export(self, file: str) -> None:
        text = export()
        if file == "-":
            self.stdout.write(text, ending="")
            return
        draft = Path(f"{file}.new")  # a file is there whole or not at all
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)
        except OSError as error:
            raise CommandError(f"{file} could not be written: {error.strerror}.", returncode=BAD_FILE) from error
        self.stdout.write(f"Written to {file}.")


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text.", returncode=BAD_FILE) from error
    except OSError as error:
        raise CommandError(f"{file} could not be read: {error.strerror}.", returncode=BAD_FILE) from error
