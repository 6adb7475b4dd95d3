"""A copy of the facts of its own for each test, and two people who agree on something."""

import pytest
from django.contrib.auth.models import User
from django.db import connection

from funnel.access import Role
from reporting.facts import Copy
from tests import factories as make


@pytest.fixture
def copy(db: None) -> Copy:
    return Copy(connection)


@pytest.fixture
def elif_(db: None) -> User:
    return make.user(Role.MARKETING_OPS, username="elif", first_name="Elif", last_name="Aydın")


@pytest.fixture
def hanna(db: None) -> User:
    return make.user(Role.SDR_MANAGER, username="hanna", first_name="Hanna", last_name="Solberg")
