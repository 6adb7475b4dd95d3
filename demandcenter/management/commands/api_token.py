"""`manage.py api_token`: make a token for the API, and show its secret once."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from funnel.tokens import DAYS, MOST_DAYS, TokenProblem, create_token


class Command(BaseCommand):
    help = (
        "Make a token by which another system uses the API as USER. The secret goes to standard output and is shown "
        "this once; only its hash is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", help="The log-in as which the system acts.")
        parser.add_argument("--name", required=True, help="The system that uses it; the source of what it sends.")
        parser.add_argument("--days", type=int, default=DAYS, help=f"How long it lasts, at most {MOST_DAYS}.")

    def handle(self, **options: Any) -> None:
        users = get_user_model()._default_manager
        user = users.filter(**{get_user_model().USERNAME_FIELD: options["user"]}).first()
        if user is None:
            raise CommandError(f"There is no log-in “{options['user']}”.")
        try:
            made = create_token(user=user, name=options["name"], days=options["days"], now=timezone.now())
        except TokenProblem as problem:
            raise CommandError(str(problem)) from problem
        self.stderr.write(f"Token “{made.token.name}” of {user} until {made.token.expires_at:%Y-%m-%d}; keep it safe:")
        self.stdout.write(made.secret)
