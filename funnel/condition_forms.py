"""A condition in a form: JSON that the builder (static/js/conditions.js) edits as rows, or a person as text."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from funnel.condition_views import read_condition
from funnel.conditions import check, full_sentence
from funnel.fields import Fields


class ConditionWidget(UnfoldAdminTextareaWidget):
    """The JSON in a text area, the sentence below it, and all that the builder needs to know.

    fields_url: the address of the fields of anything that conditions may be about (/scoring/conditions/touch/fields);
    the other addresses lie beside it. of: what this one is about, or by the value of the select `decided_by` in the
    same form; "" where that kind has no condition.
    """

    class Media:
        js = ["js/conditions.js"]
        css = {"all": ["css/conditions.css"]}

    def __init__(
        self, *, fields_url: Callable[[], str], of: str | Mapping[str, str], fields: Fields, decided_by: str = ""
    ) -> None:
        super().__init__(attrs={"rows": 5, "spellcheck": "false"})
        self.fields_url = fields_url
        self.of = of
        self.fields = fields
        self.decided_by = decided_by

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        try:
            said = full_sentence(read_condition(value or ""), self.fields)
        except ValueError:
            said = ""
        context = {
            "textarea": super().render(name, value, attrs, renderer),
            "sentence": said,
            "url": self.fields_url().rsplit("/", 2)[0],
            "of": json.dumps(self.of),
            "decided_by": self.decided_by,
        }
        return SafeString(render_to_string("admin/condition.html", context))


class ConditionField(forms.JSONField):
    """A condition as JSON; blank is {}, which always holds. What is wrong stays in the field as it was typed.

    Whoever knows the fields calls `refused` in the form's clean.
    """

    def __init__(self, *, widget: ConditionWidget, required: bool = False, **options: Any) -> None:
        super().__init__(widget=widget, required=required, **options)

    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str):
            return value or {}
        try:
            return read_condition(value)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError("A condition is needed: without one this would hold for everybody.", code="required")

    def bound_data(self, data: Any, initial: Any) -> Any:
        if self.disabled or data is None:
            return initial
        try:
            return read_condition(data)
        except ValueError:
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, InvalidJSONInput):
            return str(value)
        return json.dumps(value, ensure_ascii=False, indent=2) if value else ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or {}) != self.to_python(data)
        except ValidationError:
            return True


def refused(tree: Any, fields: Fields) -> Sequence[str]:
    """What is wrong with a condition that was read, in sentences."""
    return check({} if tree is None else tree, fields)
