"""The suite's own servers."""

import os

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection

from funnel.access import Role
from reporting.facts import Copy
from tests import emptying
from tests import factories as make
from tests.servers import redis_url_of_worker

OURS = pytest.mark.skipif("DEMAND_TEST_DATABASE_URL" in os.environ, reason="runs on a PostgreSQL given from outside")


@OURS
@pytest.mark.django_db
def test_the_suite_runs_on_the_oldest_supported_postgresql_without_superuser_rights() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000, current_setting('is_superuser')")
        version, superuser = cursor.fetchone()
    assert version == int(os.environ.get("DEMAND_TEST_POSTGRES", "16"))
    assert superuser == "off"


def rows() -> set[str]:
    """The tables that have any."""
    tables = connection.introspection.django_table_names(include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in tables))
        return {name for (name,) in cursor.fetchall()}


@OURS
@pytest.mark.django_db(transaction=True)
def test_tables_are_emptied_for_the_next_test_and_roles_stay() -> None:
    copy = Copy(connection)
    emptying.put_back()  # whatever the last test left
    kept = rows()
    assert {"auth_group", "auth_permission"} <= kept <= {*emptying.KEPT, "reporting_change"}

    def fill() -> None:
        make.lead(account=make.account(), owner=make.rep(team=make.team(), user=make.user(Role.SDR)))
        copy.refresh(now=True)
        assert copy.rows("SELECT count(*) FROM lead").rows == [(1,)]

    fill()
    assert emptying.by_deleting()
    assert rows() == kept
    copy.refresh(now=True)
    assert copy.rows("SELECT (SELECT count(*) FROM lead), (SELECT count(*) FROM rep)").rows == [(0, 0)]

    fill()
    Group.objects.get(name=Role.SDR).permissions.clear()
    emptying.put_back()
    assert rows() == kept and Group.objects.get(name=Role.SDR).permissions.exists()


def test_the_cache_is_a_real_redis() -> None:
    cache.set("platform", {"answer": 42}, timeout=5)
    assert cache.get("platform") == {"answer": 42}


@pytest.mark.parametrize(
    ("url", "worker", "expected"),
    [
        ("redis://:pw@127.0.0.1:7000/0", None, "redis://:pw@127.0.0.1:7000/0"),
        ("redis://:pw@127.0.0.1:7000/0", "gw0", "redis://:pw@127.0.0.1:7000/1"),
        ("redis://:pw@127.0.0.1:7000/0", "gw11", "redis://:pw@127.0.0.1:7000/12"),
        ("redis://127.0.0.1:7000/", "gw1", "redis://127.0.0.1:7000/2"),
        ("redis://127.0.0.1:7000", "gw1", "redis://127.0.0.1:7000/2"),
    ],
)
def test_each_worker_has_its_own_redis_number(url: str, worker: str | None, expected: str) -> None:
    assert redis_url_of_worker(url, worker) == expected


@pytest.mark.xdist_group("a group")
def test_a_group_of_tests_is_named_to_the_controller_that_keeps_it_together(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only where tests are shared out by group")
    assert request.node.nodeid.endswith("@a group")
