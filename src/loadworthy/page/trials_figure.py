"""A search while it goes on: the rate of each trial, what it said, and between which rates the limit lies."""

from __future__ import annotations

from loadworthy.report.figures import layers
from loadworthy.report.figures.figure import Figure, Key
from loadworthy.report.figures.theme import CARD, INK, PURPLE, RED, TEAL
from loadworthy.report.live_scenario import BROKE, GENERATOR, HELD

TRIALS, BOUNDS = "trials", "bounds"
"""Its data sets: ``place``, ``rate``, ``result``, ``words`` of each trial; ``label``, ``value`` of what is known."""
_KEYS = (Key(HELD, TEAL, "circle"), Key(BROKE, RED, "diamond"), Key(GENERATOR, PURPLE, "triangle"))
_SHAPES = {"circle": "circle", "diamond": "diamond", "triangle": "triangle-up"}
_HEIGHT = 200
_WORDS = (
    "Each mark is a trial. The dashed lines are the highest rate that is known to hold and the lowest that is known to "
    "be too much: the search goes on until they are close enough."
)


def trials_figure() -> Figure:
    """The figure, ready for trials that are to come."""
    import altair as alt

    labels = [key.label for key in _KEYS]
    base = alt.Chart(alt.NamedData(TRIALS)).encode(
        x=alt.X("place:Q", title="trial", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(padding=12)),
        y=alt.Y("rate:Q", title="per second", scale=alt.Scale(zero=True)),
    )
    way = base.mark_line(opacity=0.35, strokeWidth=1).encode(stroke=alt.value(INK))
    marks = base.mark_point(filled=True, size=90, opacity=1, strokeWidth=1).encode(
        color=alt.Color("result:N", scale=alt.Scale(domain=labels, range=[key.colour for key in _KEYS])),
        shape=alt.Shape("result:N", scale=alt.Scale(domain=labels, range=[_SHAPES[key.shape] for key in _KEYS])),
        stroke=alt.value(CARD),
        tooltip=alt.Tooltip("words:N"),
    )
    known = alt.Chart(alt.NamedData(BOUNDS)).encode(y="value:Q")
    rules = known.mark_rule(strokeDash=[6, 4], opacity=0.65).encode(color=alt.value(INK))
    names = known.mark_text(align="right", dx=-4, dy=-6, fontSize=12).encode(
        x=alt.value("width"), text="label:N", color=alt.value(INK)
    )
    chart = layers.plain(alt.layer(rules, way, marks, names).properties(height=_HEIGHT))
    return Figure("trials", "Trials", "rate, per second", _WORDS, chart, {}, _KEYS, _HEIGHT)
