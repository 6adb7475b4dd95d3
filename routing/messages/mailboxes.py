"""The mail server of a user: kept, tried out, forgotten. Its password is sealed and never shown again."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings

from funnel.sealing import Unreadable, seal, unseal
from routing.messages import smtp
from routing.messages.posting import NotPosted, public_address
from routing.messages.smtp import Letter, Server
from routing.models import Mailbox

UNREADABLE: Final = "The password of your mail can no longer be read here; enter it again under Your mail."


class Wrong(Exception):
    """What was entered cannot be; `field` names it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


def mailbox_of(user: Any) -> Mailbox | None:
    """The server that the user entered. One query."""
    return Mailbox.objects.filter(user=user.pk).first()


def set_mailbox(
    user: Any, *, address: str, host: str, port: int, security: str, username: str, password: str
) -> Mailbox:
    """Keep the user's server. password: blank leaves the one that is kept, as long as it goes to the same place.

    Raises Wrong.
    """
    there = mailbox_of(user)
    server = Server(host=host.strip().lower(), port=port, security=security, username=username.strip())
    if wrong := smtp.problem_of(server, within=settings.MAILBOXES_WITHIN):
        raise Wrong(*wrong)
    try:
        public_address(server.host, server.port, private=settings.MAILBOXES_WITHIN)
    except NotPosted as problem:
        raise Wrong("host", problem.sentence) from problem
    sealed = seal(password)
    if not password and server.username:
        if there is None or not there.sealed:
            raise Wrong("password", "Enter the password, or leave the user name blank.")
        if (there.host, there.port, there.security, there.username) != (
            server.host, server.port, server.security, server.username,
        ):  # fmt: skip
            raise Wrong("password", "Enter the password again: it was for another server or user name.")
        sealed = there.sealed
    made, _new = Mailbox.objects.update_or_create(
        user=user,
        defaults={
            "address": address,
            "host": server.host,
            "port": server.port,
            "security": server.security,
            "username": server.username,
            "sealed": sealed if server.username else "",
        },
    )
    return made


def forget_mailbox(user: Any) -> None:
    """Delete the user's server with its password."""
    Mailbox.objects.filter(user=user.pk).delete()


def send_test(mailbox: Mailbox, *, now: datetime) -> None:
    """Send the user a mail from themselves. Raises NotPosted."""
    text = "This is a test. Mails that you send to prospects from Demand Center go out like this one.\n"
    letter = letter_from(
        mailbox, recipient=mailbox.address, subject="A test from Demand Center", body=text, key=f"test.{uuid4().hex}",
        at=now,
    )  # fmt: skip
    send(mailbox, letter)


def letter_from(mailbox: Mailbox, *, recipient: str, subject: str, body: str, key: str, at: datetime) -> Letter:
    """A mail of the user. key: tells it from all others."""
    return Letter(
        sender=mailbox.address,
        sender_name=mailbox.user.get_full_name(),
        recipient=recipient,
        subject=subject,
        body=body,
        message_id=message_id_of(key),
        at=at,
    )


def message_id_of(key: str) -> str:
    return f"<{key}@{_our_name()}>"


def send(mailbox: Mailbox, letter: Letter) -> None:
    """Send a mail through the user's server. Raises NotPosted."""
    try:
        password = unseal(mailbox.sealed)
    except Unreadable as error:
        raise NotPosted(UNREADABLE, hopeless=True) from error
    server = Server(
        host=mailbox.host, port=mailbox.port, security=mailbox.security, username=mailbox.username, password=password
    )
    smtp.send(server, letter, within=settings.MAILBOXES_WITHIN, ours=_our_name())


def _our_name() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"
