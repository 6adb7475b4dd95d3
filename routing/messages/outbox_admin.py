"""The admin of what leaves the product: webhooks, and deliveries and mails that were given up."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from funnel.admin import LargeTable, ReadOnly
from funnel.admin_acts import pk_of
from funnel.sealing import seal
from routing.messages import outbox, posting
from routing.messages.envelopes import Told
from routing.messages.posting import NotPosted
from routing.models import Delivery, Notice, Webhook


class WebhookForm(forms.ModelForm):
    """Where to post. Address and secret are kept sealed and never shown again; left blank, what is kept stays."""

    url = forms.CharField(
        label="Address", max_length=1000, required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Where to post: https, outside this network. Kept sealed and not shown again. Blank: as it is.",
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        choices=Notice.Kind.choices, required=False, widget=forms.CheckboxSelectMultiple, help_text="None: all of them."
    )
    secret = forms.CharField(
        max_length=200, required=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Signs what is sent (HMAC SHA-256); signed JSON needs it. Blank: as it is.",
    )  # fmt: skip

    class Meta:
        model = Webhook
        fields = ("name", "preset", "url", "secret", "kinds", "team", "active")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if not url and not self.instance.sealed_url:
            raise forms.ValidationError("Give the address to post to.")
        if url and (problem := posting.problem_of(url, private=settings.WEBHOOKS_WITHIN)):
            raise forms.ValidationError(problem)
        return url

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if url := cleaned.get("url"):
            self.instance.host, self.instance.sealed_url = urlsplit(url).hostname or "", seal(url)
        if secret := cleaned.get("secret"):
            self.instance.sealed = seal(secret)
        if cleaned.get("preset") == Webhook.Preset.GENERIC and not self.instance.sealed:
            self.add_error("secret", "Give a secret: with it the other side sees that it comes from here.")
        return cleaned


@admin.register(Webhook)
class WebhookAdmin(ModelAdmin):
    form = WebhookForm
    list_display = ("name", "preset", "host", "team", "active")
    list_select_related = ("team",)
    readonly_fields = ("host",)
    actions_detail = ("send_a_test",)

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> list[str]:
        """The host says which address is kept, once one is."""
        return ["name", "preset", *(["host"] if obj else []), "url", "secret", "kinds", "team", "active"]

    @action(description="Send a test", icon="send", permissions=["change"])
    def send_a_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        webhook = get_object_or_404(Webhook, pk=pk_of(object_id))
        now = timezone.now()
        told = Told(
            key=f"test:{now.timestamp():.0f}", kind="test", title="Demand Center", sentence="This is a test.",
            lead_id=None, at=now, url=settings.PUBLIC_URL,
        )  # fmt: skip
        try:
            outbox.post_to(webhook, told, now=now)
        except NotPosted as problem:
            messages.error(request, f"It did not arrive: {problem.sentence}")
        else:
            messages.success(request, f"{webhook} took it.")
        return redirect("admin:routing_webhook_change", webhook.pk)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, LargeTable, ModelAdmin):
    """What is on its way out of the product, and what was given up."""

    list_display = ("due_at", "channel", "webhook", "attempts", "sent_at", "set_aside_at", "problem")
    list_select_related = ("webhook",)
    list_filter = ("channel", ("set_aside_at", admin.EmptyFieldListFilter))
    actions = ("try_again_now",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("routing.change_delivery")

    @admin.action(description="Try again now", permissions=["retry"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = outbox.try_again(list(queryset.values_list("pk", flat=True)), now=timezone.now())
        which = "1 delivery is" if count == 1 else f"{count} deliveries are"
        self.message_user(request, f"{which} tried again now.", messages.SUCCESS)
