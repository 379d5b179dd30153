"""What ``request()`` returns: a response that users of ``requests`` and of Locust's clients know.

Nearly everything is worked out when it is asked for: most responses of a load test are looked at for their status only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from requests import PreparedRequest
from requests import exceptions as requests_exceptions
from requests.structures import CaseInsensitiveDict
from requests.utils import parse_header_links

from loadworthy.users.http.encoding import decode_text, encoding_of
from loadworthy.users.http.errors import StatusError
from loadworthy.users.http.headers import content_type, parse_header_lines, parse_headers
from loadworthy.users.http.redirects import REDIRECTS, follow
from loadworthy.users.http.request import Message

if TYPE_CHECKING:
    from loadworthy.users.http.catch import Catch
    from loadworthy.users.http.cookies import CookieJar
    from loadworthy.users.http.stream import BodyStream

_STATUS_LINE = re.compile(rb"HTTP/1\.\d +\d{3}[ \t]*([^\r\n]*)")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_ERROR_STATUS = 400


class Stamps(NamedTuple):
    """When things happened (µs, monotonic) and how many bytes went over the wire, all hops together.

    ``first_byte_us`` is that of the last hop's response; 0 if none had begun.
    """

    intended_us: int
    sent_us: int
    done_us: int
    sent_bytes: int
    received_bytes: int
    first_byte_us: int


class Response:
    """A response, or the record of an attempt that brought none (``status_code`` 0, ``error`` says why).

    Attributes:
        status_code: 0 when there was no complete response.
        error: an :class:`~loadworthy.users.http.errors.AttemptError` with attribute ``kind``, or None if all is well.
        history: the responses of the redirects that led here, oldest first.
        js: set by ``rest()``: the parsed JSON.
    """

    error: Exception | None = None
    js: Any = None
    _encoding: str | None = None
    _encoding_known = False
    _headers: CaseInsensitiveDict[str] | None = None
    _cookies: CookieJar | None = None
    _stream: BodyStream | None = None
    _catch: Catch | None = None
    _prepared: PreparedRequest | None = None
    _url: str | None = None
    connection: Any = None
    raw: Any = None

    def __init__(
        self, message: Message, status_code: int, head: bytes, content: bytes, history: list[Response], stamps: Stamps
    ) -> None:
        self.message = message
        self.status_code = status_code
        self._head = head
        self._content = content
        self.history = history
        self.stamps = stamps

    # --- how it went ---

    @property
    def ok(self) -> bool:
        """Whether there is a response with a status below 400."""
        return 0 < self.status_code < _ERROR_STATUS

    def __bool__(self) -> bool:
        return self.ok

    @property
    def reason(self) -> str:
        """The reason phrase of the status line."""
        match = _STATUS_LINE.match(self._head)
        return match[1].decode("latin-1") if match else ""

    @property
    def elapsed(self) -> timedelta:
        """From the call to the end of the response (to its head, when streamed)."""
        return timedelta(microseconds=self.stamps.done_us - self.stamps.sent_us)

    def raise_for_status(self) -> None:
        """Raise the ``error``, or what :meth:`failure` was told; nothing after :meth:`success`.

        What is raised after the sample was recorded has ``loadworthy_recorded`` set, so that it is not counted again.
        """
        __tracebackhide__ = True
        judgement = self._catch.judgement if self._catch is not None else None
        error: Any = self.error if judgement is None else judgement
        if error is None or error is True:
            return
        if isinstance(error, StatusError):
            error = StatusError(f"{error} for url: {self.url}", response=cast("Any", self), request=self.request)
        if self._catch is None:
            error.loadworthy_recorded = True
        raise error

    # --- what came ---

    @property
    def headers(self) -> CaseInsensitiveDict[str]:
        """The header fields; those that came more than once joined by a comma, as in ``requests``."""
        if self._headers is None:
            self._headers = parse_headers(self._head)
        return self._headers

    @property
    def content(self) -> bytes:
        """The body, its content codings undone; ``b""`` when the attempt failed."""
        if self._stream is not None:
            self._content = self._stream.read_all()
        return self._content

    @property
    def encoding(self) -> str | None:
        """The charset by the headers; may be set before :attr:`text` is read."""
        if not self._encoding_known:
            self._encoding, self._encoding_known = encoding_of(content_type(self._head)), True
        return self._encoding

    @encoding.setter
    def encoding(self, encoding: str | None) -> None:
        self._encoding, self._encoding_known = encoding, True

    @property
    def apparent_encoding(self) -> str:
        """The charset that the body looks like."""
        import charset_normalizer

        return str(charset_normalizer.detect(self.content)["encoding"] or "utf-8")

    @property
    def text(self) -> str:
        """The body as text; UTF-8 where the head names no charset."""
        content = self.content
        return decode_text(content, self.encoding) if content else ""

    def json(self, **kwargs: Any) -> Any:
        """The body as JSON; raises :class:`requests.exceptions.JSONDecodeError`."""
        try:
            if self.encoding in {None, "utf-8"}:
                try:
                    return json.loads(self.content, **kwargs)
                except UnicodeDecodeError:
                    pass  # as text, with replacement characters, like requests
            return json.loads(self.text, **kwargs)
        except json.JSONDecodeError as error:
            raise requests_exceptions.JSONDecodeError(error.msg, error.doc, error.pos) from error

    @property
    def cookies(self) -> CookieJar:
        """The cookies that this response set."""
        if self._cookies is None:
            self._cookies = self._new_jar()
        return self._cookies

    def _new_jar(self) -> CookieJar:
        from loadworthy.clock import wall_s
        from loadworthy.users.http.cookies import CookieJar

        jar = CookieJar(wall_s)
        url = self.message.url
        for name, value in parse_header_lines(self._head):
            if name.lower() == "set-cookie":
                jar.receive(value, url.host, url.target, url.scheme == "https")
        return jar

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """The Link header, by relation."""
        header = self.headers.get("link")
        if not header:
            return {}
        return {link.get("rel") or link.get("url") or "": link for link in parse_header_links(header)}

    # --- where it came from ---

    @property
    def url(self) -> str:
        """The URL of the last request, after redirects."""
        return self.message.url.full if self._url is None else self._url

    @url.setter
    def url(self, url: str) -> None:
        self._url = url

    @property
    def request(self) -> PreparedRequest:
        """The request that this is the answer to."""
        if self._prepared is None:
            self._prepared = to_prepared(self.message)
        return self._prepared

    @request.setter
    def request(self, request: PreparedRequest) -> None:
        self._prepared = request

    @property
    def is_redirect(self) -> bool:
        """Whether it is a redirect that could be followed."""
        return self.status_code in REDIRECTS and "location" in self.headers

    @property
    def is_permanent_redirect(self) -> bool:
        """Whether it is one that should be remembered."""
        return self.is_redirect and self.status_code in {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT}

    @property
    def next(self) -> PreparedRequest | None:
        """The request that an unfollowed redirect asks for."""
        if not self.is_redirect:
            return None
        return to_prepared(follow(self.message, self.status_code, self.headers["location"]))

    # --- piece by piece ---

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False, **kwargs: Any) -> Iterator[Any]:
        """The body in pieces of at most ``chunk_size`` bytes (None: as they come).

        ``decode_unicode`` (``decode_content`` for users of FastHttpUser) gives text instead. A stream that breaks
        raises an :class:`~loadworthy.users.http.errors.AttemptError`.
        """
        as_text = kwargs.pop("decode_content", False) or decode_unicode
        if kwargs:
            raise TypeError(f"iter_content() got unexpected arguments {sorted(kwargs)}")
        if chunk_size is not None and chunk_size <= 0:
            raise ValueError("chunk_size must be positive, or None for pieces as they come")
        pieces = _slices(self._pieces(), chunk_size)
        return _decode_pieces(pieces, self.encoding or "utf-8") if as_text else pieces

    def iter_lines(
        self, chunk_size: int = 512, decode_unicode: bool = False, delimiter: str | bytes | None = None
    ) -> Iterator[Any]:
        """The body line by line, without line ends, each as soon as it is complete."""
        pending: Any = None
        for piece in self.iter_content(chunk_size if self._stream is None else None, decode_unicode):
            whole = piece if pending is None else pending + piece
            lines = whole.split(delimiter) if delimiter else whole.splitlines()
            pending = lines.pop() if lines and lines[-1] and whole and lines[-1][-1] == whole[-1] else None
            yield from lines
        if pending is not None:
            yield pending

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_content(128)

    def _pieces(self) -> Iterator[bytes]:
        if self._stream is None:
            if self._content:
                yield self._content
        else:
            yield from self._stream

    def close(self) -> None:
        """Let go of the connection of a streamed response; the rest of its body is lost."""
        if self._stream is not None:
            self._stream.close()

    # --- the with-block ---

    def __enter__(self) -> Self:
        if self._catch is not None:
            self._catch.enter(self)
        elif self._stream is None:
            raise _not_caught("use a with-block")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _traceback: object) -> bool:
        try:
            return self._catch.leave(self, error) if self._catch is not None else False
        finally:
            self.close()

    def catch(self, catch: Catch) -> None:
        """Let a with-block judge this response; called by the session."""
        self._catch = catch

    def record_unjudged(self) -> None:
        """Record the sample although the with-block was never entered; called by the session."""
        if self._catch is not None:
            self._catch.record(self)

    def success(self) -> None:
        """Count the request as successful, whatever its status; only inside the with-block."""
        self._caught("success()").judge(True)

    def failure(self, reason: Any) -> None:
        """Count the request as failed, for this reason (text or exception); only inside the with-block."""
        self._caught("failure()").judge(reason)

    @property
    def request_meta(self) -> dict[str, Any]:
        """What Locust keeps here; changes to ``name``, ``request_type`` and ``response_time`` (ms) are heeded."""
        return self._caught("request_meta").meta

    def _caught(self, what: str) -> Catch:
        if self._catch is None:
            raise _not_caught(f"use {what}")
        return self._catch

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class RestResponse(Response):
    """As :class:`Response`; the name that annotations of ``rest()`` use."""


def _not_caught(action: str) -> Exception:
    from locust.exception import LocustError

    return LocustError(f"to {action} on a response, pass catch_response=True to the request")


def to_prepared(message: Message) -> PreparedRequest:
    """The request as ``requests`` would hold it."""
    prepared = PreparedRequest()
    prepared.method = message.method
    prepared.url = message.url.full
    prepared.headers = CaseInsensitiveDict(message.headers.items())
    prepared.body = message.body or None  # type: ignore[assignment]  # bytes, or the iterable that the user gave
    prepared.prepare_cookies(None)
    return prepared


def _slices(pieces: Iterator[bytes], size: int | None) -> Iterator[bytes]:
    for piece in pieces:
        if size is None or len(piece) <= size:
            yield piece
        else:
            yield from (piece[at : at + size] for at in range(0, len(piece), size))


def _decode_pieces(pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    import codecs

    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    except LookupError:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text
