"""A worker's batches: numbered, kept until acknowledged, sent again, never lost."""

from typing import Any

from loadworthy.engine import wire
from loadworthy.engine.worker import BatchOutlet
from loadworthy.record.interval import Interval
from loadworthy.testing import FakeClock
from loadworthy.units import US_PER_S


def interval(number: int) -> Interval:
    return Interval(scenario="load", process=1, number=number, start_ms=number * 1000, duration_ms=1000)


def test_an_interval_takes_failures_and_events_along() -> None:
    """What came up since the last batch travels with the next."""
    sent: list[tuple[str, dict[str, Any]]] = []
    outlet = BatchOutlet(lambda kind, data: sent.append((kind, data)), FakeClock())
    outlet.failures([{"message": "a"}])
    outlet.event({"type": "warning"})
    outlet.interval(interval(0))
    outlet.interval(interval(1))
    assert [kind for kind, _ in sent] == [wire.BATCH, wire.BATCH]
    assert [batch["number"] for _, batch in sent] == [0, 1]
    assert (sent[0][1]["failures"], sent[0][1]["events"]) == ([{"message": "a"}], [{"type": "warning"}])
    assert (sent[1][1]["failures"], sent[1][1]["events"]) == ([], [])


def test_what_is_not_acknowledged_is_sent_again_as_it_was() -> None:
    """The same number and content, so that the master can know a repeat; an acknowledged batch is forgotten."""
    clock = FakeClock()
    sent: list[dict[str, Any]] = []
    outlet = BatchOutlet(lambda _kind, data: sent.append(data), clock)
    outlet.interval(interval(0))
    outlet.interval(interval(1))
    outlet.acknowledge(0)
    clock.advance(round((wire.RESEND_AFTER_S - 1) * US_PER_S))
    outlet.resend()
    assert len(sent) == 2
    clock.advance(2 * US_PER_S)
    outlet.resend()
    assert sent[2:] == [sent[1]]
    outlet.acknowledge(1)
    clock.advance(10 * US_PER_S)
    outlet.resend()
    assert len(sent) == 3
