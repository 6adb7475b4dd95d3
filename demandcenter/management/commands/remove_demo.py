"""`manage.py remove_demo`: delete the demo's records and log-ins and name who administers from now on."""

import getpass
import os
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from demandcenter import demo


class Command(BaseCommand):
    help = "Delete the demo's records and log-ins and start with an empty installation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--administrator", default="", help="username of the administrator to create")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, administrator: str, yes: bool, **_options: Any) -> None:
        if not demo.demo_users().exists():
            raise CommandError("There is no demo here; nothing was removed.")
        self.stdout.write("This deletes, for good:")
        for name, number in demo.what_goes():
            self.stdout.write(f"  {number:>10,}  {name}")
        if not administrator and not demo.administrator_remains():
            if yes:
                raise CommandError("Name an administrator with --administrator; nobody else could log in.")
            administrator = input("Username of the administrator from now on: ").strip()
        password = self._password(administrator) if administrator else ""
        if not yes and input("Type yes to remove the demo: ").strip().lower() != "yes":
            raise CommandError("Nothing was removed.")
        try:
            demo.remove_demo(username=administrator, password=password)
        except ValueError as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError("Something is writing to the database. Nothing was removed; try again.") from error
        self.stdout.write("The demo is gone.")

    def _password(self, username: str) -> str:
        """From DJANGO_SUPERUSER_PASSWORD, as createsuperuser takes it, else from the keyboard."""
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD") or getpass.getpass(f"Password of {username}: ")
        try:
            validate_password(password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return password
