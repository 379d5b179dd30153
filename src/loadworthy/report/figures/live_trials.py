"""A search while it goes on: the rate of each trial, what it said, and between which rates the limit lies."""

from __future__ import annotations

from loadworthy.report.figures import layers
from loadworthy.report.figures.figure import Figure
from loadworthy.report.figures.theme import CARD, INK
from loadworthy.report.figures.trials import KEYS, TRIALS, shapes_of

BOUNDS = "bounds"
"""Its data sets: ``place``, ``rate``, ``result``, ``words`` of each trial; ``label``, ``value`` of what is known."""
_HEIGHT = 200
_WORDS = (
    "Each mark is a trial. The dashed lines are the highest rate that is known to hold and the lowest that is known to "
    "be too much: the search goes on until they are close enough."
)


def live_trials_figure() -> Figure:
    """The figure, ready for trials that are to come."""
    import altair as alt

    keys = list(KEYS.values())
    labels = [key.label for key in keys]
    base = alt.Chart(alt.NamedData(TRIALS)).encode(
        x=alt.X("place:Q", title="trial", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(padding=12)),
        y=alt.Y("rate:Q", title="per second", scale=alt.Scale(zero=True)),
    )
    way = base.mark_line(opacity=0.35, strokeWidth=1).encode(stroke=alt.value(INK))
    marks = base.mark_point(filled=True, size=90, opacity=1, strokeWidth=1).encode(
        color=alt.Color("result:N", scale=layers.colours(keys)),
        shape=alt.Shape("result:N", scale=alt.Scale(domain=labels, range=shapes_of(keys))),
        stroke=alt.value(CARD),
        tooltip=alt.Tooltip("words:N"),
    )
    chart = layers.plain(alt.layer(*layers.limits(BOUNDS), way, marks).properties(height=_HEIGHT))
    return Figure("trials", "Trials", "rate, per second", _WORDS, chart, {}, keys, _HEIGHT)
