"""Colours and the look of charts.

A chart's description has the colours of the light theme. In a page each of them is replaced by the CSS variable of its
name (``--blue``), so that one drawing serves light, dark and print; files are drawn in the light theme as they are.
"""

from __future__ import annotations

from loadworthy.report.figures.figure import Json

BLUE, AMBER, RED, TEAL, PURPLE = "#1f6fc4", "#c98500", "#cf4436", "#14837a", "#7b3fa8"
INK, SOFT, RULE, CARD = "#1b2330", "#5b6675", "#dde2e9", "#fffffe"
HEAT = ("#e3eefa", "#c3daf3", "#9cc1e9", "#6fa4dc", "#4485c9", "#2464a8", "#10437c")
"""From few to many."""

PALETTE = {
    "blue": BLUE, "amber": AMBER, "red": RED, "teal": TEAL, "purple": PURPLE,
    "ink": INK, "soft": SOFT, "rule": RULE, "card": CARD,
    **{f"heat-{place}": colour for place, colour in enumerate(HEAT, 1)},
}  # fmt: skip
"""CSS variable, without its dashes → its value in the light theme; no two are the same."""

KINDS = (RED, AMBER, PURPLE, BLUE, TEAL, SOFT)
"""For things that have no order, the most frequent first."""

_AXIS_PX = 46
"""Left of every chart: so the times of charts above each other stand above each other."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif'


def config(*, with_legend: bool) -> Json:
    """Vega-Lite's ``config``; a page has legends of its own, a file needs the chart's."""
    return {
        "aria": False,  # the page says in words what a chart shows; a label for each mark would drown that
        "background": None,
        "font": FONT,
        "padding": {"left": 2, "right": 12, "top": 6, "bottom": 2},
        "view": {"stroke": None},
        "axis": {
            "domain": False, "gridColor": RULE, "tickColor": SOFT, "labelColor": SOFT, "labelFontSize": 12,
            "titleColor": SOFT, "titleFontSize": 12, "titleFontWeight": 400, "labelPadding": 6, "ticks": False,
        },
        "axisX": {"grid": False, "ticks": True, "tickSize": 4, "labelPadding": 4},
        "axisY": {"tickCount": 5, "minExtent": _AXIS_PX},
        "legend": {
            "disable": not with_legend, "orient": "top", "title": None, "labelColor": SOFT, "labelFontSize": 13,
            "labelLimit": 600,
            "symbolType": "stroke", "symbolStrokeWidth": 3,
        },
        "title": {"anchor": "start", "color": INK, "fontSize": 16, "subtitleColor": SOFT, "subtitleFontSize": 12},
        "line": {"strokeWidth": 1.8, "strokeJoin": "round", "strokeCap": "round"},
    }  # fmt: skip
