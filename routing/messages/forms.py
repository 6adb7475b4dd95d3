"""The forms of how a user is told, by kind and way and in which hours, and of their mail server."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.forms import BoundField

from routing.models import Mailbox, Notice, Reach, Wish

_WAYS = Wish.Way.choices
HOURS = ("zone", "quiet_from", "quiet_until", "hot_passes", "digest_at")


def _clock(label: str, **kwargs: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "This is no time of day; write it like 18:00."},
        **kwargs,
    )


class ReachForm(forms.Form):
    """One tick a kind and way (`hot-email`), quiet hours, and when the daily e-mail comes."""

    zone = forms.ChoiceField(
        label="Your time zone", choices=lambda: [(zone, zone) for zone in sorted(available_timezones())]
    )
    quiet_from = _clock("Quiet from", required=False)
    quiet_until = _clock("until", required=False, help_text="What comes meanwhile is sent then. Blank: no quiet hours.")
    hot_passes = forms.BooleanField(label="Somebody who raises a hand is told in quiet hours too", required=False)
    digest_at = _clock("The daily e-mail comes at")

    def __init__(self, *args: Any, reach: Reach, wishes: set[tuple[str, str]], **kwargs: Any) -> None:
        kwargs["initial"] = {name: getattr(reach, name) for name in HOURS}
        super().__init__(*args, **kwargs)
        for kind, label in Notice.Kind.choices:
            for way, words in _WAYS:
                self.fields[f"{kind}-{way}"] = forms.BooleanField(
                    label=f"{label}: {words}",
                    required=False,
                    initial=(kind, way) in wishes,
                    disabled=way != Wish.Way.BROWSER and not settings.MAIL_ON,
                )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("quiet_from")) != bool(cleaned.get("quiet_until")) and not self.errors:
            missing = "quiet_until" if cleaned.get("quiet_from") else "quiet_from"
            self.add_error(missing, "Quiet hours have a beginning and an end.")
        return cleaned

    def lines(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Each kind with its ticks, in the order of the ways."""
        for kind, label in Notice.Kind.choices:
            yield str(label), [self[f"{kind}-{way}"] for way, _words in _WAYS]

    def wishes(self) -> set[tuple[str, str]]:
        """What was ticked, as (kind, way)."""
        return {
            (kind, way)
            for kind in Notice.Kind.values
            for way in Wish.Way.values
            if self.cleaned_data.get(f"{kind}-{way}")
        }


class MailboxForm(forms.Form):
    """The user's mail server. A password that is kept is never shown; blank leaves it."""

    address = forms.EmailField(
        label="Your address", help_text="From whom the mails are.", error_messages={"required": "Enter your address."}
    )
    host = forms.CharField(
        label="Server", max_length=253, help_text="For outgoing mail (SMTP), like smtp.example.com.",
        error_messages={"required": "Enter the server of your provider."},
    )  # fmt: skip
    port = forms.IntegerField(label="Port", initial=587, min_value=1, max_value=65535)
    security = forms.ChoiceField(label="Encryption", choices=Mailbox.Security.choices)
    username = forms.CharField(
        label="User name", max_length=320, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    password = forms.CharField(
        label="Password", max_length=500, required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, mailbox: Mailbox | None, address: str = "", **kwargs: Any) -> None:
        names = ("address", "host", "port", "security", "username")
        kwargs["initial"] = {name: getattr(mailbox, name) for name in names} if mailbox else {"address": address}
        super().__init__(*args, **kwargs)
        if mailbox and mailbox.sealed:
            self.fields["password"].help_text = "One is kept, encrypted. Blank: as it is."
        else:
            self.fields["password"].help_text = "Kept encrypted. Many providers give one for programs only."
