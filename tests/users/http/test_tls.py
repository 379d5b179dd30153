"""TLS: who is trusted, and what fails how."""

from __future__ import annotations

from typing import Any

import pytest
from gevent.socket import wait_read  # type: ignore[attr-defined]  # untyped
from tests.users.http.support import PATIENCE_S, Service, open_client

from loadworthy.users.http.dial import dial, route_to
from loadworthy.users.http.urls import parse_url


def options_for(service: Service, **options: Any) -> dict[str, Any]:
    """Options with the names of certificates replaced by their paths."""
    paths = {name: str(service.certificates / f"{name}.pem") for name in ("ca", "client", "server")}
    return {key: paths.get(value, value) if isinstance(value, str) else value for key, value in options.items()}


@pytest.mark.parametrize(
    ("listener", "options", "kind"),
    [
        ("tls", {"verify": "ca"}, None),
        ("tls", {"verify": False}, None),
        ("tls", {}, "tls"),
        ("tls-self-signed", {"verify": "ca"}, "tls"),
        ("tls-self-signed", {"verify": False}, None),
        ("tls-wrong-host", {"verify": "ca"}, "tls"),
        ("tls-wrong-host", {"verify": False}, None),
        ("tls-client", {"verify": "ca", "cert": "client"}, None),
        ("tls", {"verify": "/nonexistent/ca.pem"}, "tls"),
        ("tls", {"verify": "ca", "cert": "/nonexistent/cert.pem"}, "tls"),
    ],
)
def test_trust(listener: str, options: dict[str, Any], kind: str | None, service: Service) -> None:
    """Certificates are verified by default, against the authorities given."""
    session, sink = open_client(service.url(listener))
    response = session.get("/b/length", **options_for(service, **options))
    assert sink.kinds == [kind]
    assert response.content == (b"" if kind else b"hello")
    if sink.only.failure is not None:
        assert "127.0.0.1" not in sink.only.failure.message


def test_missing_client_certificate(service: Service) -> None:
    """With TLS 1.3 the server refuses after the handshake: a failed sample, never a hang."""
    session, sink = open_client(service.url("tls-client"))
    session.get("/b/length", **options_for(service, verify="ca"))
    assert sink.kinds[0] in {"tls", "reset"}


def test_settings_of_the_session(service: Service) -> None:
    """verify and cert of the session, set at any time; a pair is certificate and key."""
    session, sink = open_client(service.url("tls-client"))
    session.verify = str(service.certificates / "ca.pem")
    client = str(service.certificates / "client.pem")
    session.cert = (client, client)
    assert session.get("/b/length").ok
    session.verify = True
    session.get("/b/length")
    assert sink.kinds == [None, "tls"]


def test_insecure_session(service: Service) -> None:
    """verify=False from the start."""
    session, _ = open_client(service.url("tls-self-signed"), verify=False)
    assert session.get("/b/length").ok


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/b/chunked-split", None),
        ("/b/until-close", None),
        ("/b/gzip", None),
        ("/b/length-truncated", "protocol"),
        ("/b/empty-reply", "reset"),
        ("/b/hang", "timeout_read"),
        ("/b/body-huge", None),
    ],
)
def test_behaviours_through_tls(path: str, kind: str | None, service: Service) -> None:
    """What goes right or wrong in clear does so through TLS."""
    timeout_s = 0.3 if kind == "timeout_read" else PATIENCE_S
    session, sink = open_client(service.url("tls"), verify=False, read_timeout_s=timeout_s)
    plain, _ = open_client(service.url(), read_timeout_s=timeout_s)
    assert session.get(path).content == plain.get(path).content
    assert sink.kinds == [kind]


def test_connection_is_kept_and_counted(service: Service) -> None:
    """A kept TLS connection is used again, session tickets notwithstanding; bytes are those inside TLS."""
    session, sink = open_client(service.url("tls"), verify=False)
    session.get("/b/length")
    kept = session.pool._last
    assert kept is not None
    kept.idle_since_ns = 0  # as if it had been idle for long
    session.get("/b/length")
    assert session.pool._last is kept
    assert sink.samples[0].received_bytes == sink.samples[1].received_bytes == len(service_hello())
    assert sink.samples[0].sent_bytes == sink.samples[1].sent_bytes


def test_session_tickets_do_not_make_it_stale(service: Service) -> None:
    """What the server sends after the handshake is not a response that nobody asked for."""
    url = parse_url(service.url("tls") + "/")
    connection = dial(route_to(url, None, False, None), PATIENCE_S)
    try:
        wait_read(connection._socket.fileno(), timeout=PATIENCE_S)  # the tickets
        assert not connection.is_stale()
        assert not connection.is_stale()
    finally:
        connection.close()


def service_hello() -> bytes:
    """What /b/length answers."""
    from tests.support.rawserver import HELLO

    return HELLO


def test_large_bodies_both_ways(service: Service) -> None:
    """More than the buffers hold."""
    session, sink = open_client(service.url("tls"), verify=False)
    body = b"x" * 3_000_000
    assert session.post("/echo", data=body).content.endswith(body)
    assert sink.only.sent_bytes == sink.only.received_bytes - len(
        b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\nContent-Type: application/octet-stream\r\n\r\n"
    )


def test_plain_server_on_https(service: Service) -> None:
    """A server that speaks no TLS fails as tls (or by time, where it waits for more)."""
    session, sink = open_client(service.url("plain").replace("http:", "https:"), connect_timeout_s=0.3)
    session.get("/b/length")
    assert sink.kinds[0] in {"tls", "timeout_connect"}


def test_handshake_that_never_answers(service: Service) -> None:
    """The handshake is part of connecting."""
    session, sink = open_client(service.url("plain").replace("http:", "https:"), connect_timeout_s=0.1)
    session.get("/b/length")
    assert sink.kinds == ["timeout_connect"]


def test_redirect_from_http_to_https(service: Service) -> None:
    """Both in one call, one sample."""
    session, sink = open_client(service.url(), verify=False)
    target = f"{service.url('tls')}/b/length".encode().hex()
    response = session.get(f"/to/{target}")
    assert response.content == b"hello"
    assert sink.kinds == [None]
