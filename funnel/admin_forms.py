"""Formsets of the admin whose rows have an order."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max
from unfold.forms import PaginationInlineFormSet


class AtTheEnd(PaginationInlineFormSet):
    """Rows with a name and a `position`: one that is added goes behind those that are there."""

    def clean(self) -> None:
        """Django compares the names of this page's rows with each other; here with those of the other pages."""
        super().clean()
        if not self.per_page or self.paginator.num_pages < 2:
            return
        here = [form.instance.pk for form in self.initial_forms]
        kept = [form for form in self.forms if not self._should_delete_form(form)]
        names = {form.cleaned_data.get("name") for form in kept if hasattr(form, "cleaned_data")}
        there = self.model._default_manager.filter(**{self.fk.name: self.instance}, name__in=names - {None})
        if taken := there.exclude(pk__in=here).values_list("name", flat=True).first():
            raise ValidationError(f"There is a {self.model._meta.verbose_name} “{taken}” on another page already.")

    def save_new(self, form: Any, commit: bool = True) -> Any:
        there = self.model._default_manager.filter(**{self.fk.name: self.instance})
        last = there.aggregate(last=Max("position"))["last"]
        form.instance.position = 0 if last is None else last + 1
        return super().save_new(form, commit=commit)

    def how_many(self) -> int:
        """The rows that there will be, those on other pages of the form too."""
        before = self.paginator.count if self.per_page else self.initial_form_count()
        added = sum(1 for form in self.extra_forms if form.has_changed() and not self._should_delete_form(form))
        return before + added - sum(1 for form in self.initial_forms if self._should_delete_form(form))
