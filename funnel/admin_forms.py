"""Formsets of the admin whose rows have an order."""

from typing import Any

from unfold.forms import PaginationInlineFormSet


class AtTheEnd(PaginationInlineFormSet):
    """Rows by `position`: one that is added goes behind those that are there, in the order in which they were added."""

    def save_new(self, form: Any, commit: bool = True) -> Any:
        form.instance.position = 1 + max(
            (row.instance.position for row in self.forms if row is not form and row.instance.pk), default=-1
        )
        return super().save_new(form, commit=commit)
