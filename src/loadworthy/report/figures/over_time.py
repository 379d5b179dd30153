"""A scenario over time: what was put through, how long it took, what failed, who was at work, how the generator did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadworthy.report.figures import layers, said
from loadworthy.report.figures.course import PERCENTILES, Course
from loadworthy.report.figures.drift_band import TREND, trend_layers
from loadworthy.report.figures.figure import Columns, Figure, Key
from loadworthy.report.figures.rows import KINDS, TIMELINE
from loadworthy.report.figures.theme import AMBER, BLUE, INK, PURPLE, RED, TEAL
from loadworthy.report.figures.theme import KINDS as KIND_COLOURS

_SOME = 5.0
"""Where the axis of rates ends if there were none at all: zero is at its foot then, not in its middle."""
_TIMES = (("p50", BLUE), ("p95", AMBER), ("p99", RED))


def over_time_figures(course: Course) -> list[Figure]:
    """All of them, without those that would be empty."""
    made = [*put_through(course), failures(course), *at_work(course), generator(course)]
    return [figure for figure in made if figure is not None]


def put_through(course: Course) -> list[Figure]:
    """The throughput, and how long it took where any point has a percentile."""
    has_times = any(course.knows(f"{name}_ms") for name in PERCENTILES)
    return [throughput(course), *([response_time(course)] if has_times else [])]


def at_work(course: Course) -> list[Figure]:
    """The users, unless they came and went between two readings: then the chart would say that there were none."""
    unseen = course.whole is not None and course.whole.users > 0 and not course.has("users")
    return [] if unseen else [users(course)]


def throughput(course: Course) -> Figure:
    """Requests per second; beside them, in an open workload, what was intended and begun."""
    keys = [("requests", Key("requests", BLUE, "area"))]
    if course.is_open:
        keys.append(("intended", Key("iterations intended", INK, "dashed")))
        keys.append(("begun", Key("iterations begun", TEAL)))
    if course.is_open and course.has("dropped"):
        keys.append(("dropped", Key("dropped", PURPLE, "area")))
    if course.has("failure_rate"):
        keys.append(("failed", Key("failed", RED, "area")))
    top = None if course.has("throughput") or course.has("intended") else _SOME
    look = _Look("throughput", "Throughput", "per second", 190, top, by_series=True)
    return _of_columns(course, keys, look, said.throughput(course))


def response_time(course: Course) -> Figure:
    """Percentiles of the response time, with the limits that are in sight."""
    names = [name for name in PERCENTILES if course.knows(f"{name}_ms")]
    keys = [(name, Key(name, colour)) for name, colour in _TIMES if name in names]
    missing = [name for name in PERCENTILES if name not in names]
    look = _Look("response-time", "Response time", "ms", 240, by_series=True)
    limits: Columns = {"label": [one.label for one in course.limits], "value": [one.value for one in course.limits]}
    words = said.response_time(course, missing)
    return _of_columns(course, keys or [("p50", Key("p50", BLUE))], look, words, limits=limits, trend=course.trend)


def failures(course: Course) -> Figure | None:
    """Failures per second, one kind on another; None where nothing failed."""
    import altair as alt

    if not course.kinds and not course.is_live:
        return None
    shown = list(course.kinds) or ["failed"]
    keys = [Key(kind, KIND_COLOURS[min(place, len(KIND_COLOURS) - 1)], "area") for place, kind in enumerate(shown)]
    # While a run goes on nobody knows what kinds are to come: Vega gives each the next colour.
    scale = layers.colours(keys) if course.kinds else alt.Scale(range=list(KIND_COLOURS))
    area = (
        alt.Chart(alt.NamedData(KINDS))
        .mark_area(clip=True, opacity=0.75)
        .encode(
            x=layers.time_axis(),
            y=alt.Y("rate:Q").stack("zero"),
            color=alt.Color("kind:N", scale=scale, sort=shown),
        )
    )
    chart = layers.over_time([area], height=140, end_ms=course.end_ms)
    return Figure(
        "failures", "Failures", "per second, by kind", said.failures(course), chart, {}, keys if course.kinds else (),
        height=140, is_over_time=True, tip=(TIMELINE, [("failed", "failed")]),
    )  # fmt: skip


def error_rate(course: Course) -> Figure:
    """The share of requests that failed, in percent."""
    keys = [("error_rate", Key("error rate", RED, "area"))]
    return _of_columns(
        course,
        keys,
        _Look("error-rate", "Error rate", "%", 130, top=None if course.has("failures") else 1.0),
        said.failures(course),
    )


def users(course: Course) -> Figure:
    """Users at work."""
    keys = [("users", Key("users", TEAL, "area"))]
    return _of_columns(course, keys, _Look("users", "Users", "", 130, whole_numbers=True), said.users(course))


def generator(course: Course) -> Figure | None:
    """How busy the generator was, in percent of a core; None where it was not read."""
    if not course.knows("cpu"):
        return None
    keys = [("cpu", Key("busiest process", PURPLE, "area"))]
    look = _Look(
        "generator", "Generator", "% of a core", 110, top=None if max(course.values("cpu"), default=0.0) > 1 else 100.0
    )
    return _of_columns(course, keys, look, said.generator(course))


@dataclass(frozen=True, slots=True)
class _Look:
    """What a chart is called and how it is drawn; ``top`` is the end of its y axis."""

    key: str
    title: str
    unit: str
    height: int
    top: float | None = None
    by_series: bool = False
    whole_numbers: bool = False


def _stands_alone(course: Course, column: str) -> bool:
    """Whether a point of the column has no neighbour: no line goes through it, so it would not be seen."""
    values = [] if course.is_live else course.data()[TIMELINE][column]
    known = [False, *(value is not None for value in values), False]
    return any(
        one and not before and not after for before, one, after in zip(known, known[1:], known[2:], strict=False)
    )


def _of_columns(
    course: Course,
    keyed: Sequence[tuple[str, Key]],
    look: _Look,
    words: str,
    *,
    limits: Columns | None = None,
    trend: tuple[str, Columns] | None = None,
) -> Figure:
    """A chart of columns of the timeline, in the order in which they are drawn."""
    trend_key = [] if trend is None else [Key(trend[0], INK, "dashed")]
    keys = [*(key for _, key in keyed), *trend_key]
    x = layers.time_axis()
    drawn = [part for column, key in keyed for part in layers.line(column, key, keys, x)]
    drawn += [layers.spots(column, key, x) for column, key in keyed if _stands_alone(course, column)]
    drawn += [part for key in trend_key for part in trend_layers(key, keys, x)]
    data = {} if limits is None else {layers.LIMITS: limits}
    if trend is not None:
        data = {**data, TREND: trend[1]}
    is_named = len(keys) == 1 and keys[0].label == look.title.lower()
    return Figure(
        look.key,
        look.title,
        look.unit,
        words,
        layers.over_time(
            drawn,
            height=look.height,
            end_ms=course.end_ms,
            with_limits=limits is not None,
            top=look.top,
            whole_numbers=look.whole_numbers,
        ),
        data,
        () if is_named else keys,
        look.height,
        is_over_time=True,
        by_series=look.by_series,
        tip=(TIMELINE, [(column, key.label) for column, key in keyed]),
    )
