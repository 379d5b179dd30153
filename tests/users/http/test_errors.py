"""Kinds of failures, and what this machine has run out of: the generator's own failure is not the target's."""

from __future__ import annotations

import _socket
import errno
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from gevent import socket as gevent_socket
from tests.users.http.support import Service, open_client

from loadworthy.record.sample import FailureKind
from loadworthy.users.http import connection
from loadworthy.users.http.connection import connect
from loadworthy.users.http.errors import (
    AttemptError,
    GeneratorLimitError,
    failure_kind,
    generator_limit,
)

LIMITS = [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM]


@pytest.mark.parametrize("code", LIMITS)
def test_limit(code: int) -> None:
    """Each says in one line what is missing and how to mend it, and is an error that users of requests catch."""
    error = generator_limit(code)
    assert isinstance(error, GeneratorLimitError)
    assert isinstance(error, requests.exceptions.ConnectionError)
    assert error.kind is FailureKind.GENERATOR
    assert " left" in str(error)
    assert ": " in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("code", [None, 0, errno.ECONNREFUSED, errno.ENETUNREACH, errno.ETIMEDOUT])
def test_no_limit(code: int | None) -> None:
    """What the network or the target says is no limit of ours."""
    assert generator_limit(code) is None


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """The error, raised from that cause."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EMFILE, "x"), FailureKind.GENERATOR),
        (requests.ConnectionError("x"), FailureKind.CONNECT),
        (caused(requests.ConnectionError("x"), OSError(errno.EADDRNOTAVAIL, "x")), FailureKind.GENERATOR),
        (
            caused(requests.ConnectionError("x"), caused(ValueError("x"), OSError(errno.ENFILE, "x"))),
            FailureKind.GENERATOR,
        ),
        (caused(requests.ConnectionError("x"), OSError(errno.ECONNREFUSED, "x")), FailureKind.CONNECT),
        (caused(AssertionError("x"), OSError(errno.EMFILE, "x")), FailureKind.ASSERTION),
        (ssl.SSLError(1, "x"), FailureKind.TLS),
        (TimeoutError(), FailureKind.TIMEOUT_READ),
        (KeyError("x"), FailureKind.EXCEPTION),
        ("x", FailureKind.ASSERTION),
    ],
)
def test_kinds_of_others_errors(error: object, kind: FailureKind) -> None:
    """Errors of other clients are judged by what is beneath them."""
    assert failure_kind(error) is kind


class Exhausted(_socket.socket):
    """A socket that cannot connect for want of something of this machine."""

    code = errno.EADDRNOTAVAIL

    def connect_ex(self, _address: Any) -> int:
        return self.code


@pytest.mark.parametrize("code", LIMITS)
def test_connect_without_a_port(code: int, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What connect() says of this machine is no refusal; sample and part say so."""
    monkeypatch.setattr(Exhausted, "code", code)
    monkeypatch.setattr(connection._socket, "socket", Exhausted)  # type: ignore[attr-defined]
    session, sink = open_client(service.url())
    response = session.get("/b/length")
    assert isinstance(response.error, GeneratorLimitError)
    assert sink.kinds == ["generator"]
    assert sink.part_kinds == [("connect", "generator")]
    assert sink.only.failure is not None
    assert sink.only.failure.message == str(generator_limit(code))


class Odd(_socket.socket):
    """A socket that can use addresses of 127.0.0.1 only."""

    def connect_ex(self, address: Any) -> int:
        return super().connect_ex(address) if address[0] == "127.0.0.1" else errno.EADDRNOTAVAIL


@pytest.mark.parametrize("last", [True, False])
def test_other_addresses_answer(last: bool, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two addresses, one refuses and the other cannot be tried from here: the host refused."""
    port = service.ports["refused"]
    found = [(2, 1, 6, "", ("127.0.0.1", port)), (2, 1, 6, "", ("127.0.0.2", port))]
    monkeypatch.setattr(gevent_socket, "getaddrinfo", lambda *_: found if last else found[::-1])
    monkeypatch.setattr(connection._socket, "socket", Odd)  # type: ignore[attr-defined]
    with pytest.raises(AttemptError) as caught:
        connect("several.example", port, None, 5.0)
    assert caught.value.kind is FailureKind.CONNECT


WITHOUT_DESCRIPTORS = """
import json, os, resource, sys
from loadworthy.users.http import HttpSession
from loadworthy.users.http.errors import failure_kind
import requests
from tests.users.http.support import KeepingSink

plain, tls, authorities = sys.argv[1:]
sink = KeepingSink()
session = HttpSession(plain, sink, connect_timeout_s=60, read_timeout_s=60)
assert session.get("/b/length").ok
session.get("http://nonexistent.invalid/", name="warm")  # the resolver's thread has what it needs
session.close()
oracle = requests.Session()
oracle.trust_env = False
try:
    oracle.get("http://127.0.0.1:1/")
except requests.ConnectionError:
    pass
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
lowest_free = os.dup(0)
os.close(lowest_free)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
session.get("/b/length", name="plain")
session.get("http://nonexistent.invalid/", name="name")
session.get(tls + "/b/length", name="tls", verify=authorities)
try:
    oracle.get(plain + "/b/length")
except requests.ConnectionError as error:
    other = failure_kind(error)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
session.get("/b/length", name="afterwards")
session.close()
samples = {s.name: [s.failure.kind, s.failure.message] if s.failure else None for s in sink.samples}
parts = [[p.name, p.failure.kind if p.failure else None] for p in sink.parts]
print(json.dumps({"samples": samples, "parts": parts, "other": other}))
"""


def test_no_descriptor_left(service: Service) -> None:
    """A process at its limit of open files fails by itself: for sockets, for names, for files of authorities."""
    arguments = [service.url(), service.url("tls"), str(service.certificates / "ca.pem")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DESCRIPTORS, *arguments],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for name in ("plain", "name", "tls"):
        kind, text = told["samples"][name]
        assert kind == "generator", told
        assert "ulimit -n" in text
    assert told["samples"]["warm"][0] == "dns"
    assert told["samples"]["afterwards"] is None
    assert [kind for _, kind in told["parts"]] == [None, "dns", "generator", "generator", None]
    assert told["other"] == "generator"
