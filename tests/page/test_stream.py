"""What pages are sent: everything at first, then what is new, the same for all; and nobody holds up the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from tests.support.runs import interval, series, started

from loadworthy.errors import UsageError
from loadworthy.page import stream as module
from loadworthy.page.stream import MOST_PAGES, MOST_WAITING, Stream
from loadworthy.plan.model import Plan
from loadworthy.report.live_feed import LiveFeed


def feed() -> LiveFeed:
    """A feed of one scenario."""
    return LiveFeed(Plan.model_validate({"scenarios": {"load": {"users": 1}}}))


def parsed(raw: bytes) -> list[tuple[str, Any]]:
    """(event, data) of what was sent, as a browser reads it; fields and comments that it passes over are left out."""
    found = []
    for block in raw.decode("utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields.get("event", "message"), json.loads(fields["data"])))
    return found


def count_of(feed: LiveFeed, second: int) -> None:
    """A second of load."""
    feed.on_interval(interval(second, series("/a", [1000] * 10)))


def test_everything_first_and_then_what_is_new() -> None:
    """A page that comes while a run goes on gets all of it, and then the rest in pieces."""
    one = feed()
    one.on_event(started())
    count_of(one, 0)
    stream = Stream(one)
    events = stream.events()
    begin = next(events)
    assert begin.startswith(b"retry: 1000\n\nid: ")
    ((kind, whole),) = parsed(begin)
    assert (kind, whole["scenarios"]["load"]["figures"]["requests"]) == ("whole", 10)
    count_of(one, 1)
    stream.push()
    ((kind, change),) = parsed(next(events))
    assert (kind, change["scenarios"]["load"]["figures"]["requests"]) == ("change", 20)
    assert "generator" not in change


def test_all_pages_get_the_same_bytes() -> None:
    """What is new is encoded once; and who comes later begins where the others are."""
    one = feed()
    stream = Stream(one)
    early = stream.events()
    next(early)
    count_of(one, 0)
    late = stream.events()
    whole = parsed(next(late))[0][1]
    assert parsed(next(early))[0][0] == "change"
    assert whole["scenarios"]["load"]["figures"]["requests"] == 10
    count_of(one, 1)
    stream.push()
    assert next(early) == next(late)


def test_while_nobody_looks_nothing_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without a page costs no more than its intervals."""
    one = feed()
    monkeypatch.setattr(one, "change", lambda: pytest.fail("asked"))
    Stream(one).push()


def test_another_run_begins_with_everything() -> None:
    """Pages that look are told all of the new run."""
    stream = Stream(feed())
    events = stream.events()
    next(events)
    other = feed()
    other.begins()
    stream.show(other)
    ((kind, whole),) = parsed(next(events))
    assert (kind, whole["run"]["state"]) == ("whole", "starting")


def reader(events: Iterator[bytes], taken: list[bytes], go_on: Event) -> gevent.Greenlet:
    """A page that takes its first event, and the others when it is told to."""

    def read() -> None:
        for event in events:
            taken.append(event)
            go_on.wait()

    greenlet: gevent.Greenlet = gevent.spawn(read)
    gevent.sleep(0)
    return greenlet


def test_a_page_that_does_not_take_what_it_is_sent_is_dropped() -> None:
    """It hangs in the middle of sending; the others go on, and memory does not grow."""
    one = feed()
    stream = Stream(one)
    never = Event()
    slow = reader(stream.events(), [], never)
    quick = stream.events()
    next(quick)
    for second in range(MOST_WAITING + 5):
        count_of(one, second)
        stream.push()
        assert parsed(next(quick))[0][0] == "change"
    slow.join(timeout=60)
    assert slow.dead
    assert stream.pages == 1


def test_a_page_that_goes_is_forgotten() -> None:
    """The server closes what it iterates over when the connection is gone."""
    stream = Stream(feed())
    events = stream.events()
    next(events)
    assert stream.pages == 1
    events.close()  # type: ignore[attr-defined]
    assert stream.pages == 0


def test_in_the_end_the_last_of_what_is_new_is_sent_and_all_go() -> None:
    """Nobody keeps the server from stopping."""
    one = feed()
    stream = Stream(one)
    events = stream.events()
    next(events)
    count_of(one, 0)
    stream.close()
    (left,) = list(events)
    assert parsed(left)[0][1]["scenarios"]["load"]["figures"]["requests"] == 10
    assert list(stream.events()) == []


def test_silence_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while without news a comment is sent, so that either side hears when the other is gone."""
    monkeypatch.setattr(module, "HEARTBEAT_S", 0)
    stream = Stream(feed())
    events = stream.events()
    next(events)
    assert next(events) == b": still here\n\n"


def test_what_is_new_is_told_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once started, the stream asks the feed again and again."""
    monkeypatch.setattr(module, "PUSH_S", 0)
    one = feed()
    stream = Stream(one)
    events = stream.events()
    next(events)
    stream.start()
    count_of(one, 0)
    assert parsed(next(events))[0][0] == "change"
    stream.close()


def test_not_everybody_can_look() -> None:
    """Connections are bounded, and the sentence says so."""
    stream = Stream(feed())
    looking = [stream.events() for _ in range(MOST_PAGES)]
    for events in looking:
        next(events)
    with pytest.raises(UsageError, match="pages look"):
        stream.events()
    assert stream.pages == MOST_PAGES
