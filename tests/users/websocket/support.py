"""What the tests of WebSocket users share: a user whose samples are kept."""

from __future__ import annotations

from typing import Any, NamedTuple

from locust.env import Environment
from tests.users.http.support import PATIENCE_S, KeepingSink, Sample

from loadworthy.record.sample import Failure
from loadworthy.users import WebSocketUser
from loadworthy.users.sink import ATTRIBUTE


class WholeSink(KeepingSink):
    """Keeps samples without a time, too."""

    def record_untimed(self, kind: str, name: str, content_bytes: int = 0, failure: Failure | None = None) -> None:
        self.record(kind, name, 1, 1, 0, 0, 0, 0, failure, content_bytes)


class Recording:
    """Gives every user the same sink."""

    def __init__(self) -> None:
        self.sink = WholeSink()

    def sink_for(self, _user: Any) -> KeepingSink:
        return self.sink


class Party(NamedTuple):
    """A user and what it recorded."""

    user: WebSocketUser
    sink: KeepingSink

    def of(self, kind: str) -> list[Sample]:
        """The samples of one kind."""
        return [sample for sample in self.sink.samples if sample.kind == kind]

    def kinds(self) -> list[tuple[str, str, str | None]]:
        """(kind, name, failure kind) of each sample."""
        return [(one.kind, one.name, one.failure.kind.value if one.failure else None) for one in self.sink.samples]


def make_user(url: str, **attributes: Any) -> Party:
    """A user of this host, not started, and patient unless told otherwise."""
    environment = Environment()
    recording = Recording()
    setattr(environment, ATTRIBUTE, recording)
    options = {"host": url, "network_timeout": PATIENCE_S, "connection_timeout": PATIENCE_S, **attributes}
    user_class: Any = type("Tested", (WebSocketUser,), options)
    return keep(Party(user_class(environment), recording.sink))


def keep(party: Party) -> Party:
    """The same; what its user has open is dropped when the test ends."""
    _made.append(party.user)
    return party


def drop_all() -> None:
    """Drop what the users of :func:`make_user` have open."""
    while _made:
        user = _made.pop()
        user.drop_websockets()
        user.client.close()


_made: list[WebSocketUser] = []
