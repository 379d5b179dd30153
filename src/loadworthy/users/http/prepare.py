"""From the arguments of ``request()`` and the settings of the session to a message and the call that will send it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from requests.sessions import merge_setting as merge_setting_untyped

from loadworthy.users.http.call import Call, Options
from loadworthy.users.http.errors import RequestError
from loadworthy.users.http.exchange import Limits
from loadworthy.users.http.headers import merge_headers
from loadworthy.users.http.request import Message, build_message, check_method, plain_body, prepare_as_requests
from loadworthy.users.http.settings import SessionSettings, is_pair
from loadworthy.users.http.urls import Url, is_absolute, parse_url

_NS_PER_S = 1_000_000_000


def unsent_message(method: object, url: object) -> Message:
    """What stands for the request in a sample whose request could not be built."""
    text = url.decode("latin-1") if isinstance(url, bytes) else str(url)
    return Message(str(method).upper(), Url(text, "", "", 0, "", text, None), b"")


def prepare(session: SessionSettings, method: str, url: str, options: Options, call: Call) -> Message:
    """The message to send; ``call`` is set up by the options.

    Raises :class:`RequestError` for what cannot be sent.
    """
    _set_up(session, options, call)
    text = url_text(url)
    full = text if is_absolute(text) else f"{session.base_url}{text}"
    parsed = parse_url(full, _merge_params(options.params, session.params))
    checked = check_method(method)
    auth = options.auth if options.auth is not None else session.auth
    plain = None
    if options.files is None and (auth is None or is_pair(auth)) and not options.hooks:
        plain = plain_body(options.data, options.json)
    if plain is not None:
        return build_message(checked, parsed, session.static_headers(), options.headers, plain, auth)
    headers = merge_headers(session.headers, options.headers)
    pair = tuple(auth) if is_pair(auth) else auth
    message, prepared = prepare_as_requests(checked, parsed, headers, options.data, options.json, options.files, pair)
    call.hooks += prepared.hooks["response"]
    return message


def url_text(url: object) -> str:
    """The URL as text, UTF-8 as in ``requests``."""
    if isinstance(url, bytes):
        return url.decode()
    if not isinstance(url, str):
        raise RequestError(f"the URL must be text, not {type(url).__name__}")
    return url


merge_setting: Callable[[Any, Any], Any] = merge_setting_untyped


def _merge_params(params: Any, of_session: Any) -> Any:
    return merge_setting(params, of_session) if of_session else params


def _set_up(session: SessionSettings, options: Options, call: Call) -> None:
    call.allow_redirects = options.allow_redirects
    call.stream = bool(options.stream)
    if options.timeout is not None:
        call.limits, call.total_deadline_ns = _limits(session, options.timeout, call)
    if options.verify is not None:
        call.verify = options.verify
    if options.cert is not None:
        call.cert = options.cert
    if options.proxies is not None:
        call.proxies = merge_setting(options.proxies, session.proxies)
    if options.cookies:
        call.jar = session.cookies.copy()
        call.jar.update(options.cookies)
    for hook in _hooks(options.hooks):
        call.hooks.append(hook)


def _hooks(hooks: Any) -> list[Any]:
    of_response = (hooks or {}).get("response") or []
    return [of_response] if callable(of_response) else list(of_response)


def _limits(session: SessionSettings, timeout: Any, call: Call) -> tuple[Limits, int]:
    limits = session.limits
    connect_s, read_s = timeout if isinstance(timeout, tuple | list) else (timeout, timeout)
    connect_s = limits.connect_s if connect_s is None else float(connect_s)
    read_ns = limits.read_ns if read_s is None else int(float(read_s) * _NS_PER_S)
    if connect_s <= 0 or read_ns <= 0:
        raise RequestError("timeout must be positive: seconds, or a pair (connect, read)")
    total_ns = 10 * read_ns if session.total_follows_read else limits.total_ns
    begun_ns = call.total_deadline_ns - limits.total_ns
    return limits._replace(connect_s=connect_s, read_ns=read_ns, total_ns=total_ns), begun_ns + total_ns
