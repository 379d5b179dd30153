"""Parts of making a connection: connect and tls are recorded by themselves, where and when they happen."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from tests.support.rawserver import HELLO
from tests.users.http.support import PATIENCE_S, Scripted, Service, open_client

from loadworthy.users.http import HttpSession
from loadworthy.users.http.dial import dial, route_to
from loadworthy.users.http.urls import parse_url


def address(service: Service, listener: str) -> str:
    """How parts name this listener."""
    return f"127.0.0.1:{service.ports[listener]}"


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}, {"stream": True}])
def test_connect(options: dict[str, Any], service: Service) -> None:
    """A new connection is one part, within its sample; a kept one is none."""
    session, sink = open_client(service.url())
    for _ in range(2):
        assert session.get("/b/length", **options).content == b"hello"
    (part,) = sink.parts
    assert part[:2] == ("connect", address(service, "plain"))
    sample = sink.samples[0]
    assert sample.sent_us <= part.start_us <= part.done_us <= sample.first_byte_us
    assert sink.part_kinds == [("connect", None)]


def test_of_a_retry() -> None:
    """A dead connection that is replaced costs a second connect."""
    server = Scripted([HELLO, b""], [HELLO])
    session, sink = open_client(server.url)
    session.get("/first")
    session.get("/again")
    assert sink.part_kinds == [("connect", None)] * 2
    assert sink.parts[1].start_us >= sink.samples[1].sent_us


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:{refused}", "connect"),
        ("http://nonexistent.invalid:{refused}", "dns"),
        ("http://127.0.0.1:{deaf}", "timeout_connect"),
    ],
)
def test_connect_that_fails(url: str, kind: str, service: Service) -> None:
    """A failed connect fails as its sample does."""
    session, sink = open_client(url.format(**service.ports), connect_timeout_s=0.1 if "deaf" in url else PATIENCE_S)
    session.get("/")
    assert sink.kinds == [kind]
    assert sink.part_kinds == [("connect", kind)]
    assert sink.parts[0].name == session.base_url.removeprefix("http://")
    assert sink.only.failure is not None
    assert sink.parts[0].failure is not None
    assert sink.parts[0].failure.message == sink.only.failure.message


def test_tls(service: Service) -> None:
    """The handshake is a part of the same name, after the connect."""
    session, sink = open_client(service.url("tls"), verify=False)
    session.get("/b/length")
    session.get("/b/length")
    assert sink.part_kinds == [("connect", None), ("tls", None)]
    connect, tls = sink.parts
    assert connect.name == tls.name == address(service, "tls")
    assert connect.done_us <= tls.start_us < tls.done_us <= sink.samples[0].first_byte_us


def test_tls_that_fails(service: Service) -> None:
    """A certificate that is not trusted fails the handshake, not the connect."""
    session, sink = open_client(service.url("tls-self-signed"))
    session.get("/b/length")
    assert sink.kinds == ["tls"]
    assert sink.part_kinds == [("connect", None), ("tls", "tls")]


def test_tls_that_never_ends(service: Service) -> None:
    """A handshake that runs out of time is a part with the sample's failure."""
    session, sink = open_client(service.url("plain").replace("http:", "https:"), connect_timeout_s=0.1)
    session.get("/b/length")
    assert sink.part_kinds == [("connect", None), ("tls", "timeout_connect")]


def test_authorities_that_cannot_be_read(service: Service) -> None:
    """Nothing was tried, so there is no part."""
    session, sink = open_client(service.url("tls"), verify="/nonexistent/ca.pem")
    session.get("/b/length")
    assert (sink.kinds, sink.parts) == (["tls"], [])


def test_of_a_proxy(service: Service) -> None:
    """One connects to the proxy; the handshake is with the origin."""
    session, sink = open_client(None, verify=False, proxy=service.url("proxy"))
    session.get(service.url() + "/b/length")
    assert [part[:2] for part in sink.parts] == [("connect", address(service, "proxy"))]
    sink.parts.clear()
    session.get(service.url("tls") + "/b/length")
    assert [part[:2] for part in sink.parts] == [
        ("connect", address(service, "proxy")),
        ("tls", address(service, "tls")),
    ]
    assert sink.kinds == [None, None]


def test_of_a_proxy_that_refuses(service: Service) -> None:
    """The tunnel is neither part: the connect went well, the sample fails."""
    proxy = service.url("proxy").replace("http://", "http://bad:x@")
    session, sink = open_client(service.url("tls"), verify=False, proxy=proxy)
    session.get("/b/length")
    assert sink.kinds == ["connect"]
    assert sink.part_kinds == [("connect", None)]


def test_of_redirects(service: Service) -> None:
    """Each connection on the way has its parts; the sample is one."""
    session, sink = open_client(service.url(), verify=False)
    target = f"{service.url('tls')}/b/length"
    session.get(f"/to/{target.encode().hex()}")
    assert sink.kinds == [None]
    assert [part[:2] for part in sink.parts] == [
        ("connect", address(service, "plain")),
        ("connect", address(service, "tls")),
        ("tls", address(service, "tls")),
    ]


def test_of_ipv6(service: Service) -> None:
    """An address of IPv6 stands in brackets."""
    if "ipv6" not in service.ports:
        pytest.skip("this machine has no IPv6")
    session, sink = open_client(service.url("ipv6"))
    session.get("/b/length")
    assert sink.parts[0].name == f"[::1]:{service.ports['ipv6']}"


def test_cut_off(service: Service) -> None:
    """A connect that the end of the run cuts off is no part, as its attempt is no sample."""
    session, sink = open_client(service.url("deaf"))
    greenlet = gevent.spawn(session.get, "/")
    gevent.sleep(0)
    greenlet.kill()
    assert (sink.parts, sink.samples, sink.interruptions) == ([], [], 1)


class Deaf:
    """A sink that knows nothing of parts."""

    listeners = None

    def __init__(self) -> None:
        self.samples = 0

    def record(self, *_sample: Any) -> None:
        self.samples += 1

    def interrupted(self) -> None:
        """Nothing."""

    def notify(self, **_meta: Any) -> None:
        """Nobody."""


def test_sink_without_parts(service: Service) -> None:
    """A sink that only takes samples does."""
    sink = Deaf()
    with HttpSession(service.url("tls"), sink, verify=False) as session:
        assert session.get("/b/length").ok
    assert sink.samples == 1


def test_dial_by_itself(service: Service) -> None:
    """Who dials without a sink, as WebSockets do, records nothing, and has no probe."""
    connection = dial(route_to(parse_url(service.url("tls") + "/"), None, False, None), PATIENCE_S)
    assert connection.probe is None
    connection.close()


def test_of_connections_that_are_not_kept(service: Service) -> None:
    """Each request that needs a connection of its own has a connect of its own."""
    session, sink = open_client(service.url())
    session.get("/b/connection-close")
    session.get("/b/connection-close")
    assert sink.part_kinds == [("connect", None)] * 2
