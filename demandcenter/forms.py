from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User


class AdministratorForm(BaseUserCreationForm):
    """Who administers the installation once the demo is gone."""

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = ""
        self.fields["password1"].help_text = "At least 10 characters, and not one that everybody uses."
        self.fields["password2"].help_text = ""


class ConfirmForm(forms.Form):
    """Somebody else administers already; only the confirmation is asked."""
