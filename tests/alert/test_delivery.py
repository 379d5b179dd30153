"""A message is tried again where that may help, after each of the pauses; whoever waits for it hears how far it is."""

from __future__ import annotations

from loadworthy.alert.carriers import Undelivered
from loadworthy.alert.delivery import Outcome, deliver


def delivered(*results: Exception | None) -> tuple[Outcome, list[Outcome], list[float]]:
    """What came of tries that end so, with two pauses; what was heard meanwhile; the pauses that were made."""
    coming, heard, pauses = iter(results), list[Outcome](), list[float]()

    def send() -> None:
        if (error := next(coming)) is not None:
            raise error

    outcome = deliver(send, (1, 4), pauses.append, heard.append)
    return outcome, heard, pauses


def busy(reason: str, *, may_pass: bool = True) -> Undelivered:
    """That it did not go out."""
    return Undelivered(reason, "is it up?", may_pass=may_pass)


def test_until_it_is_sent() -> None:
    """The beginning of each try is heard, and why the last one failed."""
    outcome, heard, pauses = delivered(busy("a"), busy("b"), None)
    assert outcome == Outcome(True, 3, reached=True)
    assert [(one.sent, one.tries, one.reason) for one in heard] == [
        (False, 1, ""), (False, 1, "a"), (False, 2, "a"), (False, 2, "b"), (False, 3, "b"),
    ]  # fmt: skip
    assert pauses == [1, 4]


def test_until_it_makes_no_sense_any_more() -> None:
    """After the last pause, or at once; some of several may have it; a plugin's error is no end of the others."""
    assert delivered(busy("a"), busy("b"), busy("c"))[0] == Outcome(False, 3, "c", "is it up?")
    refused = busy("a", may_pass=False)
    refused.reached = True
    assert delivered(refused)[0] == Outcome(False, 1, "a", "is it up?", reached=True)
    assert delivered(busy("a"), KeyError("x"))[0] == Outcome(False, 2, "KeyError: 'x'")
