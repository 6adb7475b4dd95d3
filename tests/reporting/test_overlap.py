"""Transactions that overlap: whatever commits late, rolls back or deletes, the copy ends up as PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from funnel.models import CostLine
from reporting.facts import Copy
from reporting.models import Change
from reporting.tasks import prune_changes
from tests.reporting.sameness import differences
from tests.reporting.spending import amounts, line, session, spend


@pytest.fixture
def copy(transactional_db: None) -> Copy:
    return Copy(connection, interval=0)


def test_a_transaction_that_commits_late_is_not_lost(copy: Copy) -> None:
    with session() as slow, session() as quick:
        spend(1, slow)
        spend(2, quick)
        quick.commit()
        assert amounts(copy) == [2]
        spend(3, quick)
        quick.commit()
        assert amounts(copy) == [2, 3]
        slow.commit()
        assert amounts(copy) == [1, 2, 3]


def test_a_transaction_that_is_rolled_back_leaves_nothing(copy: Copy) -> None:
    with session() as other:
        spend(1, other)
        assert amounts(copy) == []
        other.rollback()
        assert amounts(copy) == []


def test_a_row_written_twice_while_an_older_transaction_runs_is_there_once(copy: Copy) -> None:
    with session() as slow:
        spend(1, slow)
        mine = line(2)
        assert amounts(copy) == [2]
        CostLine.objects.filter(pk=mine.pk).update(amount=5)
        assert amounts(copy) == [5]
        mine.delete()
        assert amounts(copy) == []
        slow.commit()
        assert amounts(copy) == [1]


def test_nothing_new_leaves_the_version_and_its_answers(copy: Copy) -> None:
    line(1)
    copy.refresh()
    before, made = copy.version, []
    for _ in range(2):
        copy.answer("key", lambda: made.append(1))
        copy.refresh()
    assert (copy.version, made) == (before, [1])
    line(2)
    copy.refresh()
    copy.answer("key", lambda: made.append(2))
    assert (copy.version, made) == (before + 1, [1, 2])


def test_a_transaction_that_stays_open_does_not_make_every_refresh_a_change(copy: Copy) -> None:
    with session() as slow:
        spend(1, slow)
        line(2)
        copy.refresh()
        before = copy.version
        copy.refresh()
        assert copy.version == before
        slow.commit()
        copy.refresh()
        assert (copy.version, amounts(copy)) == (before + 1, [1, 2])


def test_readers_and_writers_at_once_always_see_whole_transactions(copy: Copy) -> None:
    """Each transaction adds +n and -n, so that every state of the copy adds up to nothing."""

    def write(writer: int) -> None:
        with session() as other:
            for step in range(40):
                spend(writer * 100 + step, other)
                spend(-(writer * 100 + step), other)
                if step % 7 == 3:
                    other.rollback()
                elif step % 7 == 5:
                    with other.cursor() as cursor:
                        cursor.execute("DELETE FROM funnel_costline WHERE abs(amount) = %s", [writer * 100 + step - 1])
                    other.commit()
                else:
                    other.commit()

    def read(_: int) -> list[Any]:
        sums = []
        try:
            for _ in range(25):
                copy.refresh()
                sums.append(copy.rows("SELECT coalesce(sum(amount), 0) FROM cost").rows[0][0])
        finally:
            connection.close()
        return sums

    copy.refresh()
    with ThreadPoolExecutor(5) as threads:
        writers = [threads.submit(write, number) for number in (1, 2, 3)]
        readers = [threads.submit(read, number) for number in (1, 2)]
        assert {total for reader in readers for total in reader.result()} == {0}
        for writer in writers:
            writer.result()
    copy.refresh()
    assert differences(copy) == {}
    assert copy.rows("SELECT count(*) FROM cost").rows[0][0] == CostLine.objects.count() > 100


WHO = st.integers(0, 2)


class Sessions(RuleBasedStateMachine):
    """Three connections that write, delete, commit and roll back in any order, a log that is pruned, and a copy.

    Each connection touches rows of its own only, so that none waits for another's lock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.copy = Copy(connection, interval=0)
        self.stack = ExitStack()
        self.sessions = [self.stack.enter_context(session()) for _ in range(3)]

    def run(self, who: int, sql: str) -> None:
        with self.sessions[who].cursor() as cursor:
            cursor.execute(sql, {"who": str(who)})

    @rule(who=WHO, count=st.integers(1, 3))
    def insert(self, who: int, count: int) -> None:
        for number in range(count):
            spend(number, self.sessions[who], source=str(who))

    @rule(who=WHO)
    def update(self, who: int) -> None:
        self.run(who, "UPDATE funnel_costline SET amount = amount + 10 WHERE source = %(who)s AND amount < 20")

    @rule(who=WHO)
    def delete(self, who: int) -> None:
        self.run(who, "DELETE FROM funnel_costline WHERE source = %(who)s AND amount >= 20")

    @rule(who=WHO)
    def commit(self, who: int) -> None:
        self.sessions[who].commit()

    @rule(who=WHO)
    def roll_back(self, who: int) -> None:
        self.sessions[who].rollback()

    @rule()
    def prune(self) -> None:
        Change.objects.update(recorded_at=datetime(2026, 1, 1, tzinfo=UTC))
        prune_changes()

    @rule()
    def refresh(self) -> None:
        self.copy.refresh()
        assert differences(self.copy) == {}

    def teardown(self) -> None:
        try:
            for one in self.sessions:
                one.commit()
            self.refresh()
        finally:
            self.stack.close()
            CostLine.objects.all().delete()


def test_any_order_of_overlapping_transactions_ends_in_agreement(transactional_db: None) -> None:
    run_state_machine_as_test(
        Sessions, settings=settings(max_examples=20, stateful_step_count=25, deadline=None, print_blob=True)
    )
