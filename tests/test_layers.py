"""Relations between tables go the same one way as imports; import-linter cannot see those made by string."""

import pytest
from django.apps import apps

ORDER = ["funnel", "scoring", "routing", "reporting", "demandcenter"]


def ours():
    return [model for label in ORDER for model in apps.get_app_config(label).get_models()]


@pytest.mark.parametrize("model", ours(), ids=lambda model: model._meta.label)
def test_relations_point_to_the_right(model):
    here = ORDER.index(model._meta.app_label)
    for field in model._meta.get_fields():
        if field.is_relation and not field.auto_created and field.related_model is not None:
            there = field.related_model._meta.app_label
            assert there not in ORDER or ORDER.index(there) <= here, f"{field} points to {there}"


def test_there_are_tables_to_look_at():
    assert len(ours()) > 25
