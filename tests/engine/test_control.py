"""How whoever leads a run, or presses Ctrl-C, ends it."""

from __future__ import annotations

import signal

import gevent
import pytest
from gevent.event import Event

from loadworthy.engine.control import Control, EndReason


def test_one_who_asks_for_the_end_is_an_interruption_with_words() -> None:
    """Told once, in the words of whoever was first; a run that ends itself is not asked any more."""
    told: list[str] = []
    control = Control()
    with control.signals(told.append):
        control.ask_to_stop("stopped from the live page")
        control.ask_to_stop("again")
        control.abort("and a threshold")
    assert told == ["stopped from the live page"]
    assert (control.asked, control.why, control.reason) == (told[0], None, EndReason.INTERRUPTED)
    aborted = Control()
    aborted.abort("a threshold was missed")
    aborted.ask_to_stop("too late")
    assert (aborted.asked, aborted.reason) == (None, EndReason.ABORTED)


def test_a_signal_after_somebody_asked_is_the_first_one() -> None:
    """It ends nothing at once; the one after it does. Handlers are put back."""
    before = signal.getsignal(signal.SIGINT)
    told: list[str] = []
    control = Control()
    control.ask_to_stop("stopped from the live page")
    with control.signals(told.append):
        assert told == ["stopped from the live page"]  # what was asked before anybody could be told
        signal.raise_signal(signal.SIGINT)
        assert told[1:] == ["stopping"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("signals", [2, 3])
def test_a_second_signal_breaks_off_nobody_but_who_leads(signals: int) -> None:
    """Whoever runs when it comes goes on; a third one is for those who never let others run. It is raised once."""
    done: list[str] = []

    def hand_out() -> None:
        for _ in range(signals):
            signal.raise_signal(signal.SIGINT)
        done.append("all of it")

    with Control().signals(lambda _words: None):
        gevent.spawn(hand_out)
        with pytest.raises(KeyboardInterrupt):
            Event().wait(60)
        gevent.idle()
    assert done == (["all of it"] if signals == 2 else [])
