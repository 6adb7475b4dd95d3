"""Emptying the tables after a test that committed.

Django truncates every table, makes roles and permissions anew, and tells every app that it has migrated: most of a
second for a test that wrote ten rows. Here rows are deleted, by one request to the server and past the triggers. Roles
and permissions stay, unless a test changed them. On a server given from outside it is done Django's way.
"""

from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.test import TransactionTestCase

from reporting import facts

# What post_migrate makes, and a test finds when Django has emptied the tables.
KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
# As when somebody shortens the log of changes: every copy of the facts is read anew.
MARK = "INSERT INTO reporting_change (source, row_id) VALUES ('pruned', 0)"
MOST = 8 * 1024 * 1024  # bytes of a table; of a larger one too many dead rows would be left

_kept: dict[str, Any] = {}  # by database: what stood in the kept tables when Django had made them


def instead_of_djangos_way() -> None:
    """From now on, for tests of pytest-django as well."""
    djangos_way = TransactionTestCase._fixture_teardown

    def teardown(case: TransactionTestCase) -> None:
        if case.available_apps is None and not case.serialized_rollback:
            put_back()
        else:
            djangos_way(case)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]


def put_back() -> None:
    """Leave the tables as Django would: empty, with roles and permissions."""
    if _database() not in _kept or not by_deleting():
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False, inhibit_post_migrate=False)
        _kept[_database()] = _what_is_kept()
    facts._shared = None  # this process's copy would not look anew before every older transaction has ended, anybody's


def by_deleting() -> bool:
    """Delete all rows but the kept ones; False where that does not do."""
    tables = connection.introspection.django_table_names(only_existing=False, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(pg_relation_size(name::regclass)) FROM unnest(%s) name", [tables])
        if cursor.fetchone()[0] > MOST or _what_is_kept() != _kept[_database()]:
            return False
        deletions = [f'DELETE FROM "{table}"' for table in tables if table not in KEPT]
        with transaction.atomic():
            cursor.execute("; ".join(["SET LOCAL session_replication_role = replica", *deletions, MARK]))
    return True


def _database() -> str:
    return str(connection.settings_dict["NAME"])


def _what_is_kept() -> Any:
    parts = ", ".join(f"(SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM {table} t)" for table in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {parts}")
        return cursor.fetchone()
