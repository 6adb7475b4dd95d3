"""Mail through a server that somebody typed: encrypted, to public addresses only, to the very one that was looked at.

No database here; who may send what to whom is decided by whoever calls.
"""

import base64
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Any, Final

from routing.messages.posting import NotPosted, public_address

TIMEOUT: Final = 10.0  # seconds
STARTTLS, TLS, NONE = "starttls", "tls", "none"
_WELCOME: Final = 235
PORTS: Final = (25, 465, 587, 2525)  # of mail; others are no mail servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server and the log-in there. security: starttls, tls or none."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail from one to one, as text."""

    sender: str
    sender_name: str
    recipient: str
    subject: str
    body: str
    message_id: str
    at: datetime


def problem_of(server: Server, *, within: bool) -> tuple[str, str] | None:
    """The field that cannot be, and a sentence; None where all can, as they are written. within: other ports and no
    encryption are allowed.
    """
    if not within and server.port not in PORTS:
        return "port", f"Mail is sent through port {', '.join(map(str, PORTS[:-1]))} or {PORTS[-1]}."
    if not within and server.security == NONE:
        return "security", "Without encryption anybody on the way could read the password and the mails."
    return None


def send(server: Server, letter: Letter, *, within: bool, ours: str, timeout: float = TIMEOUT) -> None:
    """Send one mail. ours: the name by which we greet the server. within: addresses of the network are allowed.

    Raises NotPosted, with what the server said.
    """
    if wrong := problem_of(server, within=within):
        raise NotPosted(wrong[1], hopeless=True)
    try:
        message = _message(letter)
    except ValueError as error:
        raise NotPosted(f"{letter.recipient} cannot be written to.", hopeless=True) from error
    address = public_address(server.host, server.port, private=within)
    try:
        with _connected(server, address, ours=ours, timeout=timeout) as connection:
            if server.security == STARTTLS:
                connection.starttls(context=ssl.create_default_context())
            if server.username:
                _log_in(connection, server)
            connection.send_message(message, letter.sender, [letter.recipient])
    except (smtplib.SMTPException, OSError) as error:
        raise _told(error, server, letter) from error


def _log_in(connection: smtplib.SMTP, server: Server) -> None:
    try:
        connection.login(server.username, server.password)
    except UnicodeEncodeError as error:  # the library knows plain letters only, RFC 4616 knows all
        told = base64.b64encode(f"\0{server.username}\0{server.password}".encode()).decode()
        code, said = connection.docmd("AUTH", f"PLAIN {told}")
        if code != _WELCOME:
            raise smtplib.SMTPAuthenticationError(code, said) from error


def _message(letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"] = formataddr((letter.sender_name, letter.sender))
    message["To"] = letter.recipient
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = letter.message_id
    message.set_content(letter.body)
    return message


def _told(error: Exception, server: Server, letter: Letter) -> NotPosted:
    """What went wrong, in a sentence, and whether trying again can help: what a server says for good begins with 5."""
    said, codes = f"{server.host} did not answer as a mail server: {type(error).__name__}.", []
    hopeless = isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError)
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"The certificate of {server.host} is not valid for it, so nothing was sent."
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        said = f"{server.host} does not offer {_missing(str(error).upper())}."
    elif isinstance(error, smtplib.SMTPRecipientsRefused):
        said = f"{server.host} does not take mail for {letter.recipient}."
        codes = [code for code, _said in error.recipients.values()]
    elif isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
        said = f"{server.host} did not take it: {error.smtp_code}."
        if isinstance(error, smtplib.SMTPAuthenticationError):
            said = f"{server.host} does not accept the user name or the password."
        elif isinstance(error, smtplib.SMTPSenderRefused):
            said = f"{server.host} does not let you send as {letter.sender}."
    return NotPosted(said, hopeless=hopeless or any(500 <= code < 600 for code in codes))


def _missing(said: str) -> str:
    """What a server lacks, by what the library says of it in capitals."""
    if "STARTTLS" in said:
        return "STARTTLS"
    return "addresses with such letters" if "SMTPUTF8" in said else "what is needed to log in"


def _connected(server: Server, address: str, *, ours: str, timeout: float) -> smtplib.SMTP:
    """A connection to the address that was looked at; the certificate still goes by the name."""
    if server.security == TLS:
        return _Tls(address, server.host, server.port, ours, timeout=timeout, context=ssl.create_default_context())
    return _Plain(address, server.host, server.port, ours, timeout=timeout)


class _Plain(smtplib.SMTP):
    def __init__(self, address: str, *args: Any, **kwargs: Any) -> None:
        self._address = address
        super().__init__(*args, **kwargs)

    def _get_socket(self, _host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._address, port), timeout)


class _Tls(smtplib.SMTP_SSL):
    def __init__(self, address: str, *args: Any, **kwargs: Any) -> None:
        self._address = address
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.context.wrap_socket(socket.create_connection((self._address, port), timeout), server_hostname=host)
