"""Mail in: a gateway passes on what people answer, and what reps send with a blind copy to it."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from funnel.intake import take_in
from funnel.models import Person, Rep
from funnel.serializers import ProblemsSerializer
from routing.cadences import mail
from routing.models import OwnMail

MAIL: Final = "mail"  # the source of the touches


class MailSerializer(serializers.Serializer):
    message_id = serializers.CharField(max_length=150, help_text="The mail's Message-ID; the same twice counts once.")
    sent_at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="Blank: now.")
    sender = serializers.CharField(max_length=320, help_text="The header From.")
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=2000), allow_empty=True, max_length=50, help_text="To, Cc and Bcc."
    )
    subject = serializers.CharField(required=False, allow_blank=True, default="", max_length=1000)
    headers = serializers.DictField(
        required=False, default=dict, help_text="Auto-Submitted, Precedence and the like, as far as the mail has them."
    )


class MailOutcomeSerializer(serializers.Serializer):
    recorded = serializers.IntegerField(help_text="Touches that are new.")
    known = serializers.IntegerField(help_text="Touches that were recorded before.")
    ignored = serializers.IntegerField(help_text="Addresses of nobody we know.")
    automatic = serializers.BooleanField(help_text="A machine wrote it, so that it is nobody's answer.")


class MailView(APIView):
    """Mail of people and of our own, as touches. Nobody is made known by it, and no text of a mail is kept."""

    @extend_schema(
        operation_id="mail_receive",
        description="Record a mail as touches of the people it is from or to. From one of our reps it is outbound and "
        "does the step of a cadence that is due; from a person it is an answer, which stops cadences; an automatic "
        "reply is recorded as automatic and stops nothing. The log-in of the token needs the right to add touches.",
        request=MailSerializer,
        responses={200: MailOutcomeSerializer, 400: OpenApiResponse(ProblemsSerializer, "Something makes no sense.")},
        examples=[
            OpenApiExample(
                "Body",
                {
                    "message_id": "<17@mail.example.com>",
                    "sent_at": "2026-06-01T12:00:00Z",
                    "sender": "Lea Brunner <lea@example.com>",
                    "recipients": ["jonas@ours.example"],
                    "subject": "Re: Your question",
                    "headers": {"Auto-Submitted": "no"},
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        if not request.user.has_perm("funnel.add_activity"):
            raise PermissionDenied("Your role does not let you send touches; an administrator can change that.")
        told = MailSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        return Response(MailOutcomeSerializer(_record(told.validated_data)).data)


def _record(told: dict[str, Any]) -> dict[str, Any]:
    now = timezone.now()
    said = mail.read(
        sender=told["sender"], recipients=told["recipients"], subject=told["subject"], headers=told["headers"],
        ours=_ours(),
    )  # fmt: skip
    if OwnMail.objects.filter(message_id=told["message_id"]).exists():  # sent from here, so it is logged
        return {"recorded": 0, "known": len(said), "ignored": 0, "automatic": False}
    known = set(Person.objects.filter(email__in=[one.email for one in said]).values_list("email", flat=True))
    rows = [
        {
            "external_id": f"{told['message_id']} {one.email}"[:200],
            "email": one.email,
            "type": one.type,
            "direction": one.direction,
            "automatic": one.automatic,
            "occurred_at": (told["sent_at"] or now).isoformat(),
        }
        for one in said
        if one.email in known
    ]
    answers = take_in("activities", rows, source=MAIL, now=now) if rows else []
    if problems := [problem.words for answer in answers for problem in answer.problems]:
        raise ValidationError({"message_id": problems})
    return {
        "recorded": sum(answer.status == "created" for answer in answers),
        "known": sum(answer.status != "created" for answer in answers),
        "ignored": len(said) - len(rows),
        "automatic": any(one.automatic for one in said),
    }


def _ours() -> set[str]:
    """The addresses of reps, and of their log-ins."""
    found = Rep.objects.values_list("email", "user__email")
    return {address.lower() for pair in found for address in pair if address}
