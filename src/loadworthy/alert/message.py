"""A message before it is put into a format: what it says, in pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from loadworthy.plan.alerting import Matter


class ThresholdLine(NamedTuple):
    """A threshold and what was observed: ``fail``, ``booking: p95 < 500ms``, ``612 ms``."""

    verdict: str
    expression: str
    observed: str


class Fact(NamedTuple):
    """``Target``, ``http://shop.test``."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, as plain text that knows of no format.

    Args:
        matters: what it is about, the most severe first; of a test message nothing.
        about: by which keys it is remembered, for the cool-down.
        mark: the first word of the title, in capitals.
        subject: the rest of the title.
        sentences: why.
        thresholds: those that the run has, with what was observed.
        figures: each scenario with its key figures.
        facts: target, how long, where the report is.
    """

    matters: tuple[Matter, ...]
    about: tuple[str, ...]
    mark: str
    subject: str
    sentences: tuple[str, ...] = ()
    thresholds: tuple[ThresholdLine, ...] = ()
    figures: tuple[Fact, ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def title(self) -> str:
        """Mark and subject."""
        return f"{self.mark}  {self.subject}"

    def changed(self, change: Callable[[str], str], *, most: Sequence[int] = ()) -> Message:
        """The same with every text of it changed.

        ``most``: how many characters the subject, a sentence, an expression and any other text may then have, and how
        many sentences, thresholds and scenarios there may be; unbounded unless given.
        """
        subject, sentence, expression, other, *counts = most or (None,) * 4

        def short(text: str, bound: int | None) -> str:
            text = change(text)
            return text if bound is None or len(text) <= bound else f"{text[: bound - 1]}…"

        sentences, thresholds, scenarios = counts or (None, None, None)
        return replace(
            self,
            subject=short(self.subject, subject),
            sentences=tuple(short(one, sentence) for one in self.sentences[:sentences]),
            thresholds=tuple(
                ThresholdLine(one.verdict, short(one.expression, expression), short(one.observed, other))
                for one in self.thresholds[:thresholds]
            ),
            figures=tuple(
                Fact(short(one.label, expression), short(one.text, other)) for one in self.figures[:scenarios]
            ),
            facts=tuple(Fact(one.label, short(one.text, other)) for one in self.facts),
        )
