"""Several requests in one call: redirects, cookies on the way, authentication, proxies."""

from __future__ import annotations

import io
from typing import Any

import pytest
from requests.auth import HTTPBasicAuth, HTTPDigestAuth
from tests.users.http.support import Client, Scripted, Service, open_client


@pytest.fixture
def client(service: Service) -> Client:
    """A session on the plain listener."""
    return open_client(service.url())


def to(url: str) -> str:
    """A path that redirects there."""
    return f"/to/{url.encode().hex()}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_post_through_each_redirect(status: int, client: Client) -> None:
    """The method and body of the second request, one sample with the bytes of both."""
    response = client.session.post(f"/b/redirect-{status}", data=b"body")
    is_kept = status in {307, 308}
    assert response.content.startswith(b"POST " if is_kept else b"GET ")
    assert response.content.endswith(b"body") is is_kept
    assert (b"Content-Length" in response.content) is is_kept
    assert [hop.status_code for hop in response.history] == [status]
    assert client.sink.only.received_bytes > len(response.content)
    assert client.sink.only.sent_bytes > len(response.content)


def test_limit(client: Client) -> None:
    """As many redirects as allowed are followed, one more is a protocol failure."""
    assert client.session.get("/hops/30").content == b"hello"
    response = client.session.get("/hops/31")
    assert client.sink.kinds == [None, "protocol"]
    assert len(response.history) == 30
    client.session.max_redirects = 1
    client.session.get("/hops/2")
    assert client.sink.kinds[2] == "protocol"


def test_not_followed(client: Client) -> None:
    """allow_redirects=False shows the redirect, and where it would lead."""
    response = client.session.get("/hops/2", allow_redirects=False)
    assert (response.status_code, response.is_redirect, response.is_permanent_redirect) == (302, True, False)
    assert response.next is not None
    assert response.next.url == f"{client.session.base_url}/hops/1"
    assert client.session.head("/hops/2").status_code == 302
    assert client.session.head("/hops/2", allow_redirects=True).status_code == 200
    assert client.session.get("/b/length").next is None


def test_credentials_do_not_cross_origins(client: Client, service: Service) -> None:
    """Another port is another origin: no Authorization, no cookies of this call."""
    elsewhere = to(f"{service.url('other')}/echo")
    options: dict[str, Any] = {"auth": ("me", "secret"), "cookies": {"mine": "1"}, "headers": {"X-A": "1"}}
    sent = client.session.get(elsewhere, **options).content
    assert b"X-A: 1" in sent
    assert b"Authorization" not in sent
    assert b"Cookie" not in sent
    sent = client.session.get(to("/echo"), **options).content
    assert b"Authorization" in sent
    assert b"Cookie: mine=1" in sent


def test_body_that_can_be_rewound(client: Client) -> None:
    """A file is sent again from where it was; an iterator cannot be."""
    file = io.BytesIO(b"skipped content")
    file.seek(8)
    assert client.session.post("/b/redirect-307", data=file).content.endswith(b"content")
    client.session.post("/b/redirect-307", data=iter([b"once"]))
    assert client.sink.kinds == [None, "exception"]


def set_cookie(header: str) -> str:
    """A path whose response sets this cookie."""
    return f"/cookie/{header.encode().hex()}"


def test_cookies_come_back(client: Client) -> None:
    """What a response sets is sent from then on, until it is deleted."""
    session = client.session
    response = session.get(set_cookie("a=1; Path=/"))
    assert response.cookies.get_dict() == {"a": "1"}
    assert session.cookies["a"] == "1"
    assert b"Cookie: a=1\r\n" in session.get("/echo").content
    session.get(set_cookie("b=2; Path=/elsewhere"))
    assert b"Cookie: a=1\r\n" in session.post("/echo", json=1).content
    session.get(set_cookie("a=; Max-Age=0; Path=/"))
    assert b"Cookie" not in session.get("/echo").content


def test_cookies_on_the_way(client: Client) -> None:
    """A cookie that a redirect sets is sent with the next hop."""
    answers = [
        b"HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ]
    server = Scripted(answers)
    session, sink = open_client(server.url)
    assert session.get("/").ok
    assert b"Cookie: a=1\r\n" in server.requests[1]
    assert sink.kinds == [None]


def test_cookies_of_one_request(client: Client) -> None:
    """cookies= are sent once, beside the session's, and not kept; a Cookie header silences both."""
    session = client.session
    session.cookies.set("a", "1")
    assert b"Cookie: a=1; b=2\r\n" in session.get("/echo", cookies={"b": "2"}).content
    assert b"Cookie: a=1\r\n" in session.get("/echo").content
    assert b"Cookie: own=3\r\n" in session.get("/echo", headers={"Cookie": "own=3"}, cookies={"b": "2"}).content


@pytest.mark.parametrize("auth", [("me", "secret"), HTTPBasicAuth("me", "secret")])
def test_basic(auth: Any, client: Client) -> None:
    """A pair or an object of requests, for the request or for the session."""
    expected = b"Authorization: Basic bWU6c2VjcmV0\r\n"
    assert expected in client.session.get("/echo", auth=auth).content
    client.session.auth = auth
    assert expected in client.session.get("/echo").content
    assert expected in client.session.post("/echo", json={}).content


def test_digest(client: Client) -> None:
    """Digest authentication answers one challenge, in the same sample; then it knows."""
    auth = HTTPDigestAuth("me", "secret")
    response = client.session.get("/digest", auth=auth)
    assert response.content == b"welcome"
    assert [hop.status_code for hop in response.history] == [401]
    client.session.get("/digest", auth=auth)
    assert client.sink.kinds == [None, None]
    client.session.get("/digest", auth=HTTPDigestAuth("stranger", "x"))
    assert client.sink.kinds[2] == "status"


def test_http_proxy(client: Client, service: Service) -> None:
    """A proxy gets the absolute form and its credentials; the origin's stay where they belong."""
    proxy = service.url("proxy").replace("http://", "http://user:p%40ss@")
    session, sink = open_client(service.url())
    sent = session.get("/echo?x=1", proxies={"http": proxy}).content
    assert sent.startswith(f"GET {service.url()}/echo?x=1 HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in sent
    assert sink.only.name == "/echo?x=1"
    session.proxies["http"] = proxy
    assert session.get("/echo").content.startswith(b"GET http://")
    session.proxies.clear()
    assert session.get("/echo").content.startswith(b"GET /echo")


def test_https_through_a_proxy(service: Service) -> None:
    """CONNECT opens a tunnel, TLS is with the origin."""
    session, sink = open_client(
        service.url("tls"), verify=str(service.certificates / "ca.pem"), proxy=service.url("proxy")
    )
    before = service.count("/CONNECT")
    assert session.get("/b/length").content == b"hello"
    assert session.get("/b/length").content == b"hello"
    assert service.count("/CONNECT") == before + 1
    assert service.last("/CONNECT").startswith(f"CONNECT 127.0.0.1:{service.ports['tls']} HTTP/1.1\r\n".encode())
    assert sink.kinds == [None, None]


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [("http://bad:x@{proxy}", "connect"), ("http://{refused}", "connect"), ("socks5://{proxy}", "exception")],
)
def test_proxies_that_refuse(proxy: str, kind: str, service: Service) -> None:
    """A proxy that says no, is not there, or is of another sort."""
    places = {name: f"127.0.0.1:{service.ports[name]}" for name in ("proxy", "refused")}
    session, sink = open_client(service.url("tls"), verify=False)
    session.get("/b/length", proxies={"https": proxy.format(**places)})
    assert sink.kinds == [kind]


def test_environment_is_not_read(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment would falsify what is measured."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    session, sink = open_client(service.url())
    assert session.get("/b/length").ok
    assert session.get("/b/length", params={"a": "1"}).ok
    assert sink.kinds == [None, None]
