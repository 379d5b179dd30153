"""HttpUser within Locust: a drop-in for its two HTTP users."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import gevent
import pytest
from gevent.pool import Group
from locust import constant, task
from locust.env import Environment
from locust.exception import StopTest, StopUser
from tests.users.http.support import PATIENCE_S, KeepingSink, Service

from loadworthy.record.sample import FailureKind
from loadworthy.users.http import HttpUser
from loadworthy.users.sink import ATTRIBUTE


class Recording:
    """What the engine puts on the environment."""

    def __init__(self) -> None:
        self.sink = KeepingSink()

    def sink_for(self, user: Any) -> KeepingSink:
        return self.sink


@pytest.fixture
def environment(service: Service) -> Environment:
    """An environment that records into a list."""
    environment = Environment(host=service.url())
    setattr(environment, ATTRIBUTE, Recording())
    return environment


def sink_of(environment: Environment) -> KeepingSink:
    """Where its samples went."""
    sink: KeepingSink = getattr(environment, ATTRIBUTE).sink
    return sink


def make(user_class: type[HttpUser], environment: Environment) -> Any:
    """A user of the class, its host set as a runner would."""
    user_class.host = environment.host
    return user_class(environment)


class Plain(HttpUser):
    """A user with one task."""

    wait_time = constant(0)

    @task
    def fetch(self) -> None:
        self.client.get("/b/length")
        self.client.post("/echo", json={"a": 1}, name="echo")
        raise StopUser


def test_tasks_run(environment: Environment) -> None:
    """Locust's task loop drives the user; when its greenlet ends, its connections are closed."""
    user = make(Plain, environment)
    greenlet = user.start(Group())
    greenlet.join(PATIENCE_S)
    gevent.sleep(0)
    assert [(sample.kind, sample.name) for sample in sink_of(environment).samples] == [
        ("GET", "/b/length"),
        ("POST", "echo"),
    ]
    assert user.client.pool._last is None


def test_abstract_and_host() -> None:
    """The class itself is not run, and a host is needed."""
    assert HttpUser.abstract
    assert not Plain.abstract

    class Homeless(HttpUser):
        host = None

    with pytest.raises(StopTest, match="host"):
        Homeless(Environment())


def test_class_attributes_are_honoured(environment: Environment, service: Service) -> None:
    """Limits, headers, TLS and proxy of the class reach the client."""

    class Impatient(HttpUser):
        network_timeout = 0.05

    class Custom(HttpUser):
        max_redirects = 1
        max_body_bytes = 1000
        max_head_bytes = 500
        default_headers = MappingProxyType({"X-Default": "1", "User-Agent": "mine"})

    hasty = make(Impatient, environment).client
    hasty.get("/b/hang")
    hasty.close()
    session = make(Custom, environment).client
    session.get("/hops/2")
    session.get("/b/body-huge")
    session.get("/b/head-huge")
    sent = session.get("/echo").content
    assert b"X-Default: 1\r\n" in sent
    assert sent.count(b"User-Agent") == sent.count(b"User-Agent: mine\r\n") == 1
    assert sink_of(environment).kinds == ["timeout_read", "protocol", "too_large", "too_large", None]
    session.close()


def test_total_timeout(environment: Environment) -> None:
    """A drip cannot hold a user for longer than the total allows."""

    class Patient(HttpUser):
        network_timeout = PATIENCE_S
        total_timeout = 0.1

    session = make(Patient, environment).client
    session.get("/b/drip")
    assert sink_of(environment).kinds == ["timeout_read"]


def test_insecure_and_proxy(environment: Environment, service: Service) -> None:
    """insecure, proxy_host and proxy_port as in FastHttpUser; TLS is verified by default."""

    class Careful(HttpUser):
        pass

    class Careless(HttpUser):
        insecure = True
        proxy_host = "127.0.0.1"
        proxy_port = service.ports["proxy"]

    environment.host = service.url("tls-self-signed")
    before = service.count("/CONNECT")
    for user_class in (Careful, Careless):
        session = make(user_class, environment).client
        session.get("/b/length")
        session.close()
    assert sink_of(environment).kinds == ["tls", None]
    assert service.count("/CONNECT") == before + 1


def test_rest(environment: Environment) -> None:
    """rest() parses JSON, fails what is none, and catches the exceptions of its block."""
    user = make(Plain, environment)
    with user.rest("GET", "/b/json") as response:
        assert response.js == {"a": [1, "ä"]}
    with user.rest("GET", "/b/length") as response:
        assert response.js is None
    with user.rest("GET", "/b/json") as response:
        assert response.js["a"] == [], "wrong list"
    with user.rest("GET", "/b/json") as response:
        response.js["nope"]
    with user.rest_("GET", "/b/json") as response:
        pass
    sink = sink_of(environment)
    assert sink.kinds == [None, "assertion", "assertion", "assertion", None]
    assert [sample.name for sample in sink.samples] == ["/b/json", "/b/length", "/b/json", "/b/json", "/b/json?_=..."]
    failures = [sample.failure for sample in sink.samples if sample.failure]
    assert failures[1].message == "wrong list"
    user.client.close()


def test_rest_sends_json_headers(environment: Environment) -> None:
    """Content-Type and Accept are JSON, as in Locust."""
    user = make(Plain, environment)
    with user.rest("POST", "/echo", json={"a": 1}) as response:
        assert b"Accept: application/json\r\n" in response.content
        assert response.content.count(b"Content-Type: application/json\r\n") == 1
        assert b"Accept: */*" not in response.content
        response.success()
    user.client.close()


def test_rest_without_a_response(environment: Environment, service: Service) -> None:
    """A failed attempt keeps its kind."""
    user = make(Plain, environment)
    with user.rest("GET", "/b/empty-reply") as response:
        assert response.js is None
    failure = sink_of(environment).only.failure
    assert failure is not None
    assert failure.kind is FailureKind.RESET
    user.client.close()


def test_locusts_own_statistics_without_the_engine(service: Service) -> None:
    """Under plain locust the samples reach Locust's statistics."""
    environment = Environment(host=service.url())
    user = make(Plain, environment)
    user.client.get("/b/length")
    user.client.get("/b/not-found")
    getattr(environment, ATTRIBUTE).flush()
    assert environment.stats.get("/b/length", "GET").num_requests == 1
    assert environment.stats.get("/b/not-found", "GET").num_failures == 1
    user.client.close()


def test_context_reaches_listeners(environment: Environment) -> None:
    """The user's context() is told to listeners."""

    class Known(HttpUser):
        def context(self) -> dict[str, Any]:
            return {"account": 7}

    user = make(Known, environment)
    sink = sink_of(environment)
    sink.listeners = [object()]
    user.client.get("/b/length", context={"step": 1})
    assert sink.heard[0]["context"] == {"account": 7, "step": 1}
    user.client.close()
