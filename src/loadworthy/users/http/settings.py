"""What a session is set to: the attributes that users of ``requests.Session`` know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from loadworthy import __version__
from loadworthy.clock import wall_s
from loadworthy.users.http.cookies import CookieJar
from loadworthy.users.http.exchange import Limits
from loadworthy.users.http.headers import SessionHeaders, StaticHeaders, static_headers
from loadworthy.users.http.plan import PlanCache, plans_for
from loadworthy.users.http.request import basic_auth
from loadworthy.users.http.tls import Cert, Verify
from loadworthy.users.http.urls import split_userinfo

DEFAULT_HEADERS = (
    ("User-Agent", f"loadworthy/{__version__}"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept", "*/*"),
)


class SessionSettings:
    """The settings of one session; see :class:`~loadworthy.users.http.session.HttpSession`.

    Attributes that may be set as in ``requests.Session``: headers, auth, params, cookies, proxies, verify, cert,
    max_redirects. What follows from headers, auth, verify and cert is worked out once and forgotten when one is set.
    """

    def __init__(
        self, base_url: str | None, headers: Mapping[str, Any] | None, limits: Limits, verify: Verify, proxy: str | None
    ) -> None:
        self._base_url, self._auth = split_userinfo(base_url) if base_url else ("", None)
        self.request_name: str | None = None
        self.params: Any = {}
        self.proxies: dict[str, str] = {"http": proxy, "https": proxy} if proxy else {}
        self.max_redirects = 30
        self.total_follows_read = True
        self.limits = limits
        self._verify: Verify = verify
        self._cert: Cert = None
        self._cookies = CookieJar(wall_s)
        self._static: StaticHeaders | None = None
        self._plans: PlanCache | None = None
        self._headers = SessionHeaders([*DEFAULT_HEADERS, *(headers or {}).items()], self._forget)

    @property
    def base_url(self) -> str:
        """What relative URLs are appended to."""
        return self._base_url

    @base_url.setter
    def base_url(self, base_url: str) -> None:
        self._base_url = base_url
        self._forget()

    @property
    def headers(self) -> SessionHeaders:
        """Sent with every request."""
        return self._headers

    @headers.setter
    def headers(self, headers: Mapping[str, Any]) -> None:
        self._headers = SessionHeaders(headers.items(), self._forget)
        self._forget()

    @property
    def auth(self) -> Any:
        """A pair (user, password), or a callable as ``requests`` has them."""
        return self._auth

    @auth.setter
    def auth(self, auth: Any) -> None:
        self._auth = auth
        self._forget()

    @property
    def verify(self) -> Verify:
        """Whether, or against which authorities, TLS certificates are verified."""
        return self._verify

    @verify.setter
    def verify(self, verify: Verify) -> None:
        self._verify = verify
        self._forget()

    @property
    def cert(self) -> Cert:
        """The client's own certificate."""
        return self._cert

    @cert.setter
    def cert(self, cert: Cert) -> None:
        self._cert = cert
        self._forget()

    @property
    def cookies(self) -> CookieJar:
        """The cookie jar; may be given any mapping or jar."""
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        jar = CookieJar(wall_s)
        jar.update(cookies or {})
        self._cookies = jar

    @property
    def cookiejar(self) -> CookieJar:
        """The cookie jar by the name that it has in Locust's fast client."""
        return self._cookies

    def _forget(self) -> None:
        """What was worked out from headers, auth, verify or cert is no longer true."""
        self._static = self._plans = None

    def static_headers(self) -> StaticHeaders:
        """The session's headers, Basic authentication included, encoded."""
        if self._static is None:
            items = list(self._headers.items())
            if is_pair(self._auth):
                items = [item for item in items if item[0].lower() != "authorization"]
                items.append(("Authorization", basic_auth(*self._auth)))
            self._static = static_headers(tuple(items))
        return self._static

    def plans(self) -> PlanCache:
        """The cache of requests without options."""
        if self._plans is None:
            self._plans = plans_for(self._base_url, self._verify, self._cert)
        return self._plans


def is_pair(auth: Any) -> TypeGuard[tuple[Any, Any]]:
    """Whether it is (user, password) for Basic authentication rather than a callable."""
    return isinstance(auth, tuple | list) and len(auth) == 2  # a pair
