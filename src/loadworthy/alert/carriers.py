"""How a message goes out: by SMTP, as Slack's JSON, or by Apprise. Each says in a sentence why it did not.

E-mail is the standard library's: one message to all recipients, and what the server said to each; so a second try goes
only to those that did not get it. Slack's JSON is posted as it is, for webhooks of other hosts understand it, too. All
other services are Apprise's.
"""

from __future__ import annotations

import importlib
import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any, Self

from loadworthy.clock import wall_s

Settings = Mapping[str, Any]
Texts = Mapping[str, str]
"""A message in all formats: ``title``, ``text``, ``html``, ``slack``."""
Send = Callable[[], None]

_MOST_SAID = 300
_MOST_REFUSED = 3
_HTTP_HINTS = {
    400: "does the channel exist?",
    401: "is the webhook's URL right, and still valid?",
    403: "is the webhook's URL right, and still valid? May it write to the channel?",
    404: "is the webhook's URL right, and still valid? Does the channel exist?",
    410: "the webhook was removed; make a new one",
    429: "too many messages in a short time",
}
_PASSING_HTTP = frozenset({408, 425, 429})


class Undelivered(Exception):  # noqa: N818  # it is an outcome before it is an error
    """A message did not go out.

    Args:
        reason: what happened.
        hint: how to mend it; may be empty.
        may_pass: whether it makes sense to try again.

    ``reached`` says whether some of several recipients have it all the same.
    """

    def __init__(self, reason: str, hint: str = "", *, may_pass: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.may_pass = may_pass
        self.reached = False


def carrier(kind: str, settings: Settings, texts: Texts, timeout_s: float) -> Send:
    """What sends one message by one channel; each call is a try. It raises :class:`Undelivered`."""
    if kind == "email":
        return _Mail(settings, texts, timeout_s).send
    if kind == "slack":
        return lambda: _post_to_slack(settings, texts, timeout_s)
    return lambda: _by_apprise(settings, texts)


def warm_up(kind: str) -> None:
    """Import the libraries of a kind of channel."""
    if kind == "slack":
        importlib.import_module("requests")
    elif kind == "url":
        importlib.import_module("apprise").Apprise.instantiate("json://localhost")  # it finds its services


class _Mail:
    """One message, those who did not get it yet, and those who never will."""

    def __init__(self, settings: Settings, texts: Texts, timeout_s: float) -> None:
        self._settings = settings
        self._texts = texts
        self._timeout_s = timeout_s
        self._waiting = list(settings["to_addrs"])
        self._refused: dict[str, tuple[int, bytes]] = {}
        self._reached = False

    def send(self) -> None:
        try:
            self._try()
        except Undelivered as failure:
            failure.reached = self._reached
            raise

    def _try(self) -> None:
        server = f"{self._settings['host']}:{self._settings['port']}"
        try:
            refused, taken = self._handed_over(self._message())
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise _mail_failure(error, server, self._timeout_s) from error
        self._reached |= taken
        self._refused |= {address: why for address, why in refused.items() if not 400 <= why[0] < 500}
        still = refused if taken else dict.fromkeys(self._waiting)
        self._waiting = [one for one in self._waiting if one in still and one not in self._refused]
        if refused or self._refused:
            reason = f"{server} refused {_recipients({**self._refused, **refused})}"
            raise Undelivered(
                f"{reason}; the others have it" if self._reached else reason,
                "is the address right, and may this sender write to it?",
                may_pass=bool(self._waiting),
            )

    def _handed_over(self, message: EmailMessage) -> tuple[dict[str, tuple[int, bytes]], bool]:
        """Who of those that wait was refused, with what the server said, and whether it took the message at all."""
        smtp = self._connected()
        try:
            return smtp.send_message(message, to_addrs=self._waiting), True
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients, False  # perhaps not all: some servers hang up at the first (421)
        finally:
            with suppress(smtplib.SMTPException, OSError):  # by now it was taken, or the reason is known
                smtp.quit()
            smtp.close()

    def _message(self) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = self._texts["title"]
        message["From"] = self._settings["from_addr"]
        message["To"] = ", ".join(self._settings["to_addrs"])
        message["Date"] = formatdate(wall_s())
        message["Message-ID"] = make_msgid(domain=parseaddr(self._settings["from_addr"])[1].rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice answers it (RFC 3834)
        message.set_content(self._texts["text"])
        message.add_alternative(self._texts["html"], subtype="html")
        return message

    def _connected(self) -> smtplib.SMTP:
        settings, timeout_s = self._settings, self._timeout_s
        host, port = settings["host"], settings["port"]
        context = ssl.create_default_context()
        if settings["security"] == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(host, port, timeout=timeout_s)
        try:
            if settings["security"] == "starttls":
                smtp.starttls(context=context)
            if settings["username"] and settings["password"]:
                smtp.login(settings["username"], settings["password"])
        except BaseException:
            smtp.close()
            raise
        return smtp


def _recipients(refused: Mapping[str, tuple[int, bytes]]) -> str:
    """``the recipient nobody@example.com: 550 no such user``; of many some."""
    told = [f"{address}: {code} {_text(said)}" for address, (code, said) in list(refused.items())[:_MOST_REFUSED]]
    more = f", and {len(refused) - len(told)} more" if len(refused) > len(told) else ""
    return f"the recipient{'s' * (len(refused) != 1)} {', '.join(told)}{more}"


def _mail_failure(error: Exception, server: str, timeout_s: float) -> Undelivered:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = f"{error.smtp_code} {_text(error.smtp_error)}"
        hint = "are username and password right? Some services want a password made for programs"
        return Undelivered(f"{server} refused the login: {said}", hint, may_pass=error.smtp_code < 500)
    if isinstance(error, smtplib.SMTPResponseException):
        said = f"{error.smtp_code} {_text(error.smtp_error)}"
        return Undelivered(f"{server} refused: {said}", "", may_pass=error.smtp_code < 500)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        hint = "port 465 speaks TLS from the start; use_tls: false sends everything in the clear, the password, too"
        if "SMTPUTF8" in str(error):
            hint = "write from_addr and to_addrs in plain ASCII; this server takes no others"
        elif "STARTTLS" not in str(error):
            hint = "leave out username and password, or use the port for programs that log in"
        return Undelivered(f"{server}: {_text(str(error))}", hint, may_pass=False)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        hint = "port 465 speaks TLS from the start, others STARTTLS; is smtp_port right?"
        if isinstance(error.__context__, TimeoutError):
            return _network_failure(error.__context__, server, timeout_s, f"is it up? {hint}")
        return Undelivered(f"{server} closed the connection: {_text(str(error))}", hint, may_pass=True)
    if isinstance(error, OSError):
        return _network_failure(error, server, timeout_s, "are smtp_server and smtp_port right, and is it up?")
    return Undelivered(f"{server}: {type(error).__name__}: {_text(str(error))}", may_pass=False)


def _network_failure(error: OSError, server: str, timeout_s: float, hint: str) -> Undelivered:
    if isinstance(error, ssl.SSLCertVerificationError):
        mend = "name the file with your own authority's certificate in SSL_CERT_FILE, or mend the server's certificate"
        return Undelivered(f"the certificate of {server} is not trusted: {error.verify_message}", mend, may_pass=False)
    if isinstance(error, ssl.SSLError):
        mend = "port 465 speaks TLS from the start, others STARTTLS; is the port right?"
        return Undelivered(f"no TLS with {server}: {error.reason or error}", mend, may_pass=False)
    if isinstance(error, TimeoutError):
        return Undelivered(f"{server} did not answer within {timeout_s:g} s", hint, may_pass=True)
    if isinstance(error, ConnectionRefusedError):
        return Undelivered(f"{server} refused the connection", hint, may_pass=True)
    if isinstance(error, socket.gaierror):
        return Undelivered(f"the name of {server} cannot be resolved: {error.strerror}", hint, may_pass=True)
    return Undelivered(f"{server}: {error.strerror or _text(str(error))}", hint, may_pass=True)


def _post_to_slack(settings: Settings, texts: Texts, timeout_s: float) -> None:
    """Slack answers ``ok``, or a word that says what is wrong."""
    from urllib.parse import urlsplit

    import requests

    url = settings["webhook_url"]
    server = urlsplit(url).netloc.rpartition("@")[2]
    body: dict[str, str] = {"text": texts["slack"]}
    if settings["channel"]:
        body["channel"] = settings["channel"]
    try:
        with requests.post(url, json=body, timeout=timeout_s, allow_redirects=False, stream=True) as response:
            status = response.status_code
            said = _text(response.raw.read(_MOST_SAID, decode_content=True))
    except requests.RequestException as error:
        raise _http_failure(error, server, timeout_s) from error
    except OSError as error:
        raise _network_failure(error, server, timeout_s, "is the webhook's host up?") from error
    if not 200 <= status < 300:
        reason = f"{server} answered {status}{f': {said}' if said else ''}"
        raise Undelivered(reason, _HTTP_HINTS.get(status, ""), may_pass=status >= 500 or status in _PASSING_HTTP)


def _http_failure(error: Exception, server: str, timeout_s: float) -> Undelivered:
    """What stands behind an error of requests: the deepest cause that the operating system or TLS named."""
    import requests

    hint = "is the webhook's host right, and is it up?"
    if isinstance(error, requests.Timeout):
        return Undelivered(f"{server} did not answer within {timeout_s:g} s", hint, may_pass=True)
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
            return _network_failure(cause, server, timeout_s, hint)
        inner = next((one for one in (*cause.args, getattr(cause, "reason", None)) if isinstance(one, Exception)), None)
        cause = inner or cause.__cause__ or cause.__context__
    return Undelivered(f"{server}: {type(error).__name__}", hint, may_pass=not isinstance(error, ValueError))


def _by_apprise(settings: Settings, texts: Texts) -> None:
    """By whatever service the URL names. Why it failed is told in Apprise's log only."""
    import apprise

    asset = apprise.AppriseAsset(app_id="Loadworthy", app_desc="Performance tests", app_url="", async_mode=False)
    service = apprise.Apprise.instantiate(settings["url"], asset=asset)
    if service is None:
        reason = "Apprise does not know what to do with the URL"
        raise Undelivered(reason, "is it written as Apprise wants it for this service?", may_pass=False)
    with _Overheard() as overheard:
        sent = service.notify(body=texts["text"], title=texts["title"], body_format=apprise.NotifyFormat.TEXT)
    if not sent:
        reason = _text(overheard.words) or "the service did not take it"
        raise Undelivered(reason, "is the URL right, and is the service up?", may_pass=True)


class _Overheard(logging.Handler):
    """What Apprise logs in this thread while the context lasts; other channels send at the same time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._said: list[str] = []

    @property
    def words(self) -> str:
        return "; ".join(dict.fromkeys(self._said))

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._said.append(record.getMessage())

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_error: object) -> None:
        logging.getLogger("apprise").removeHandler(self)


def _text(said: object) -> str:
    """A server's words in one line, cut."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join(text.split())[:_MOST_SAID]
