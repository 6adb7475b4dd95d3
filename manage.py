#!/usr/bin/env python
"""Run an administrative task; `manage.py help` lists them."""

import os
import sys

# Commands that read code and files only. Every other one finds PostgreSQL and Redis running.
WITHOUT_SERVERS = {
    "",
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "makemigrations",
    "spectacular",
    "startapp",
    "version",
}
TABLE_OR_COLUMN_MISSING = {"42P01", "42703"}  # PostgreSQL's undefined_table, undefined_column


def needs_servers(arguments: list[str]) -> bool:
    """Tell whether the command of `arguments` (without the program's name) talks to PostgreSQL or Redis."""
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    return command not in WITHOUT_SERVERS and not {"-h", "--help"} & set(arguments)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demandcenter.settings")
    if needs_servers(sys.argv[1:]):
        from demandcenter.embedded import attach_command
        from demandcenter.server_programs import ServerError

        try:
            attach_command()  # for as long as this process lives
        except ServerError as error:
            sys.exit(str(error))
    from django.core.management import execute_from_command_line
    from django.db import ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", None) not in TABLE_OR_COLUMN_MISSING:
            raise
        sys.exit(
            f"The database is not that of this version: {str(error).splitlines()[0]}.\n"
            "Run `make run` or `python manage.py migrate`, then try again."
        )


if __name__ == "__main__":
    main()
