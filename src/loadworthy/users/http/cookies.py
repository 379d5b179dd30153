"""A cookie jar by RFC 6265: no sockets, and the time comes from outside.

What the RFC leaves to the user agent is settled here: there is no list of public suffixes (a load test talks to the
hosts that it names), a jar holds at most 50 cookies a domain and 1000 in all (the oldest go first), and a cookie larger
than 4096 bytes is not kept (RFC 6265, 6.1).

The jar is also the mapping that users of ``requests`` expect: ``jar["a"]``, ``jar.get``, ``jar.set(name, value,
domain=…, path=…)``, ``jar.update``, iteration over names. A cookie set that way without a domain goes to every host.
"""

from __future__ import annotations

import calendar
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from requests.cookies import CookieConflictError

MAX_COOKIE_BYTES = 4096
MAX_PER_DOMAIN = 50
MAX_IN_ALL = 1000

_DELIMITERS = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?", re.DOTALL)
_DAY = re.compile(r"(\d{1,2})(?:\D.*)?", re.DOTALL)
_YEAR = re.compile(r"(\d{2,4})(?:\D.*)?", re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MAX_AGE = re.compile(r"-?[0-9]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FOREVER_S = float("inf")
_FIRST_YEAR = 1601  # RFC 6265, 5.1.1


@dataclass(slots=True)
class Cookie:
    """One cookie. ``domain`` empty: set by the user, for every host. Times are seconds since the epoch."""

    name: str
    value: str
    domain: str
    path: str
    secure: bool = False
    http_only: bool = False
    host_only: bool = True
    expires_s: float | None = None
    """None for a cookie of the session."""
    created: int = 0
    """Counts up over the jar; replacing a cookie keeps it (RFC 6265, 5.3, 11.3)."""

    @property
    def expires(self) -> float | None:
        """As ``http.cookiejar`` names it."""
        return self.expires_s


_Key = tuple[str, str, str]  # domain, path, name


class CookieJar(MutableMapping[str, str]):
    """Cookies of one user.

    Attributes:
        store: the cookies by (domain, path, name); its truth value is the cheap test for an empty jar.
    """

    __slots__ = ("_created", "_wall_s", "store")

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._created = 0
        self.store: dict[_Key, Cookie] = {}

    # --- the protocol ---

    def receive(self, set_cookie: str, host: str, path: str, is_secure: bool) -> Cookie | None:
        """Take in the value of one Set-Cookie header of a response from ``host`` to a request for ``path``.

        Returns the cookie that was kept, None if it was refused or expired something.
        """
        now_s = self._wall_s()
        cookie = parse_set_cookie(set_cookie, host, path, now_s)
        if cookie is None or (cookie.secure and not is_secure):
            return None
        if cookie.expires_s is not None and cookie.expires_s <= now_s:
            self.store.pop((cookie.domain, cookie.path, cookie.name), None)
            return None
        self._put(cookie)
        return cookie

    def header(self, host: str, path: str, is_secure: bool) -> str:
        """The value of the Cookie header for a request; empty if no cookie applies."""
        if not self.store:
            return ""
        now_s = self._wall_s()
        chosen = []
        expired = []
        for key, cookie in self.store.items():
            if cookie.expires_s is not None and cookie.expires_s <= now_s:
                expired.append(key)
            elif _applies(cookie, host, path, is_secure):
                chosen.append(cookie)
        for key in expired:
            del self.store[key]
        chosen.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        return "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in chosen)

    def _put(self, cookie: Cookie) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        old = self.store.get(key)
        if old is None:
            self._make_room(cookie.domain)
            self._created += 1
            cookie.created = self._created
        else:
            cookie.created = old.created
        self.store[key] = cookie

    def _make_room(self, domain: str) -> None:
        same = [key for key in self.store if key[0] == domain]
        if len(same) >= MAX_PER_DOMAIN:
            del self.store[same[0]]
        elif len(self.store) >= MAX_IN_ALL:
            del self.store[next(iter(self.store))]

    # --- the mapping that users of requests know ---

    def set(
        self, name: str, value: str | None, *, domain: str = "", path: str = "/", **attributes: Any
    ) -> Cookie | None:
        """Set a cookie by hand; a value of None removes it.

        Known attributes: ``secure``, ``expires`` (seconds since the epoch). Raises :class:`ValueError` for a name or
        value that would break the header, and :class:`TypeError` for other attributes.
        """
        if value is None:
            self._remove(lambda cookie: cookie.name == name and domain in {"", cookie.domain})
            return None
        if _CONTROL.search(name + value) or ";" in name + value or "=" in name:
            raise ValueError(f"cookie {name!r} has a control character, ';' or '=' in it that the header cannot carry")
        secure, expires_s = bool(attributes.pop("secure", False)), attributes.pop("expires", None)
        if attributes:
            raise TypeError(f"set() got unexpected attributes {sorted(attributes)}; known are secure and expires")
        host_only = not domain.startswith(".")
        cookie = Cookie(name, value, domain.lstrip(".").lower(), path, secure, False, host_only, expires_s)
        self._put(cookie)
        return cookie

    def set_cookie(self, cookie: Any) -> None:
        """Take in a cookie of ``http.cookiejar`` (or one of ours)."""
        self.set(
            cookie.name,
            cookie.value or "",
            domain=cookie.domain or "",
            path=cookie.path or "/",
            secure=bool(cookie.secure),
            expires=cookie.expires,
        )

    def get(  # requests' jar takes domain and path, too
        self, name: str, default: Any = None, domain: str | None = None, path: str | None = None
    ) -> Any:
        """The value of a cookie; raises :class:`requests.cookies.CookieConflictError` when several fit."""
        found = self._find(name, domain, path)
        return default if found is None else found.value

    def get_dict(self, domain: str | None = None, path: str | None = None) -> dict[str, str]:
        """Names and values, of one domain or path if given."""
        return {
            cookie.name: cookie.value
            for cookie in self.store.values()
            if (domain is None or cookie.domain == domain) and (path is None or cookie.path == path)
        }

    def list_domains(self) -> list[str]:
        """The domains that have cookies."""
        return list(dict.fromkeys(cookie.domain for cookie in self.store.values()))

    def list_paths(self) -> list[str]:
        """The paths that have cookies."""
        return list(dict.fromkeys(cookie.path for cookie in self.store.values()))

    def iter_cookies(self) -> Iterator[Cookie]:
        """The cookies themselves; iterating over the jar gives names, as a mapping does."""
        return iter(list(self.store.values()))

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        """Forget all cookies, or those of a domain, a path, a name."""
        self._remove(
            lambda cookie: (
                (domain is None or cookie.domain == domain)
                and (path is None or cookie.path == path)
                and (name is None or cookie.name == name)
            )
        )

    def update(self, other: Any = (), /, **named: str) -> None:  # cookie jars, too
        """Take in a dict, pairs, our jar, or a jar of ``http.cookiejar``."""
        for cookie in cookies_in(other):
            if isinstance(cookie, tuple):
                self.set(*cookie)
            elif isinstance(cookie, Cookie):
                self._put(Cookie(**{field: getattr(cookie, field) for field in Cookie.__slots__}))
            else:
                self.set_cookie(cookie)
        for name, value in named.items():
            self.set(name, value)

    def copy(self) -> CookieJar:
        """An independent jar with the same cookies."""
        jar = CookieJar(self._wall_s)
        jar.update(self)
        return jar

    def __getitem__(self, name: str) -> str:
        found = self._find(name, None, None)
        if found is None:
            raise KeyError(name)
        return found.value

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.clear(name=name)

    def __contains__(self, name: object) -> bool:
        return any(cookie.name == name for cookie in self.store.values())

    def __iter__(self) -> Iterator[str]:
        return iter([cookie.name for cookie in self.store.values()])

    def __len__(self) -> int:
        return len(self.store)

    def __repr__(self) -> str:
        return f"<CookieJar {self.get_dict()!r}>"

    def _find(self, name: str, domain: str | None, path: str | None) -> Cookie | None:
        found = [
            cookie
            for cookie in self.store.values()
            if cookie.name == name and domain in {None, cookie.domain} and path in {None, cookie.path}
        ]
        if len(found) > 1:
            raise CookieConflictError(f"there are several cookies named {name!r}; say which domain and path")
        return found[0] if found else None

    def _remove(self, is_meant: Callable[[Cookie], bool]) -> None:
        for key in [key for key, cookie in self.store.items() if is_meant(cookie)]:
            del self.store[key]


def cookies_in(source: Any) -> Iterable[Any]:
    """Name–value pairs or cookie objects, whatever ``cookies=`` was given as."""
    if isinstance(source, CookieJar):
        return list(source.store.values())
    if hasattr(source, "set_cookie"):  # http.cookiejar: iterating gives cookies
        return list(source)
    if isinstance(source, Mapping):
        return list(source.items())
    return list(source)


def _applies(cookie: Cookie, host: str, path: str, is_secure: bool) -> bool:
    if cookie.secure and not is_secure:
        return False
    if cookie.domain and cookie.domain != host and (cookie.host_only or not domain_matches(host, cookie.domain)):
        return False
    return path_matches(path, cookie.path)


def domain_matches(host: str, domain: str) -> bool:
    """RFC 6265, 5.1.3: equal, or a subdomain; an address only matches itself."""
    if host == domain:
        return True
    return host.endswith(f".{domain}") and not _is_address(host)


def path_matches(path: str, cookie_path: str) -> bool:
    """RFC 6265, 5.1.4: equal, or below."""
    if path == cookie_path:
        return True
    return path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")


def default_path(path: str) -> str:
    """RFC 6265, 5.1.4: the directory of the request's path."""
    if not path.startswith("/") or path.count("/") == 1:
        return "/"
    return path[: path.rindex("/")]


def parse_set_cookie(text: str, host: str, path: str, now_s: float) -> Cookie | None:
    """The cookie of a Set-Cookie value (RFC 6265, 5.2 and 5.3), None if it must be ignored."""
    pair, _, attributes = text.partition(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")
    too_large = len(name) + len(value) > MAX_COOKIE_BYTES
    if too_large or not (name or value) or not equals or not name or _CONTROL.search(pair):
        return None
    cookie = Cookie(name, value, host, default_path(path.partition("?")[0]))
    max_age_s: float | None = None
    for attribute in attributes.split(";"):
        key, _, argument = attribute.partition("=")
        key, argument = key.strip(" \t").lower(), argument.strip(" \t")
        if key == "expires":
            at_s = parse_date(argument)
            cookie.expires_s = at_s if at_s is not None else cookie.expires_s
        elif key == "max-age" and _MAX_AGE.fullmatch(argument):
            age_s = int(argument[:18])
            max_age_s = now_s + age_s if age_s > 0 else -_FOREVER_S
        elif key == "domain":
            _set_domain(cookie, argument)
        elif key == "path":
            cookie.path = argument if argument.startswith("/") else default_path(path.partition("?")[0])
        elif key == "secure":
            cookie.secure = True
        elif key == "httponly":
            cookie.http_only = True
    if max_age_s is not None:
        cookie.expires_s = max_age_s
    return cookie if domain_matches(host, cookie.domain) else None


def _set_domain(cookie: Cookie, argument: str) -> None:
    domain = argument.removeprefix(".").lower()
    if domain:
        cookie.domain, cookie.host_only = domain, False


def parse_date(text: str) -> float | None:
    """Seconds since the epoch by the lenient parser of RFC 6265, 5.1.1; None if it is no date."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in filter(None, _DELIMITERS.split(text)):
        if time is None and (match := _TIME.fullmatch(token)):
            time = tuple(int(part) for part in match.groups())
        elif day is None and (match := _DAY.fullmatch(token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := _YEAR.fullmatch(token)):
            year = _full_year(int(match[1]))
    if time is None or day is None or month is None or year is None:
        return None
    hour, minute, second = time
    if not 1 <= day <= 31 or year < _FIRST_YEAR or hour > 23 or minute > 59 or second > 59:  # the calendar
        return None
    if day > calendar.monthrange(year, month)[1]:
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def _full_year(year: int) -> int:
    if 70 <= year <= 99:  # RFC 6265, 5.1.1
        return year + 1900
    return year + 2000 if year <= 69 else year


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
