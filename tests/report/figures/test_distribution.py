"""The percentile curve: its axis, its tail, and what is known of its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.figures.courses import drawn, filed, paths, texts

from loadworthy.analysis.percentile_curve import CurvePoint, PercentileCurve
from loadworthy.report.figures.distribution import distribution, percentile, place_of
from loadworthy.report.figures.figure import Figure

FRACTIONS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)


def curve(*points: tuple[float, float, float | None, float | None]) -> PercentileCurve:
    return PercentileCurve(tuple(CurvePoint(*one) for one in points), "windows")


def tailed(last: float = 0.9999, scale: float = 1.0, width: float = 0.1) -> PercentileCurve:
    """A curve whose times double from point to point, known to a tenth."""
    values = [(one, scale * 10 * 2.0**place) for place, one in enumerate(FRACTIONS) if one <= last]
    return curve(*((one, ms, ms * (1 - width), ms * (1 + width)) for one, ms in values))


def figure(response: PercentileCurve, service: PercentileCurve | None = None) -> Figure:
    found = distribution(response, service)
    assert found is not None
    return found


@given(st.floats(0, 0.9999), st.floats(0, 0.9999))
def test_the_tail_has_room(one: float, other: float) -> None:
    """As much from 99 to 99.9 as from 90 to 99; and the order is kept."""
    assert (one < other) <= (place_of(one) <= place_of(other))
    assert place_of(0.999) - place_of(0.99) == pytest.approx(place_of(0.99) - place_of(0.9))
    assert place_of(0.0) == 0
    assert str(place_of(0.0)) == "0.0", "no negative zero, which would have another label"


@pytest.mark.parametrize(
    ("fraction", "name"),
    [
        (0.0, "p0"),
        (0.5, "p50"),
        (0.975, "p97.5"),
        (0.999, "p99.9"),
        (0.9999, "p99.99"),
        (0.999206, "p99.921"),
        (0.99369, "p99.37"),
        (0.11349, "p11"),
        (0.9, "p90"),
        (0.99, "p99"),
    ],
)
def test_names_of_percentiles(fraction: float, name: str) -> None:
    """As people write them: two digits of what lies above."""
    assert percentile(fraction) == name


@pytest.mark.parametrize(
    ("last", "ticks"),
    [
        (0.9, ["p0", "p50", "p90"]),
        (0.99, ["p0", "p50", "p90", "p99"]),
        (0.9999, ["p0", "p50", "p90", "p99", "p99.9", "p99.99"]),
    ],
)
def test_the_axis_ends_with_the_curve(last: float, ticks: Sequence[str]) -> None:
    """Where there are too few requests, there is no percentile either."""
    found = texts(drawn(figure(tailed(last))))
    assert [text for text in found if text.startswith("p")] == ticks


def test_both_times_and_the_interval_are_drawn() -> None:
    """The response time with its band, the service time dashed."""
    found = figure(tailed(), tailed(scale=0.5))
    assert [key.label for key in found.legend] == ["response time", "service time", "95 % interval"]
    root = drawn(found)
    lines = paths(root, "line")
    assert [bool(one.get("stroke-dasharray")) for one in lines] == [False, True]
    (band,) = paths(root, "area")
    assert band.get("d")
    alone = figure(tailed(), None)
    assert [key.label for key in alone.legend] == ["response time", "95 % interval"]
    assert len(paths(drawn(alone), "line")) == 1


def test_a_curve_without_an_interval_has_no_band() -> None:
    """Nothing is made up."""
    found = figure(curve((0.0, 1.0, None, None), (0.5, 2.0, None, None), (0.9, 4.0, None, None)))
    assert not any(one.get("d") for one in paths(drawn(found), "area"))
    assert "confidence" not in found.words


@pytest.mark.parametrize("response", [curve(), curve((0.5, 1.0, None, None))])
def test_too_few_requests_make_no_curve(response: PercentileCurve) -> None:
    """One point is none."""
    assert distribution(response) is None


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (
            tailed(width=0.01),
            "took more than 40.0 ms; one in a hundred took more than 640 ms; one in a thousand took more than 1.28 s.",
        ),
        (tailed(0.9), "Half of the requests took more than 40.0 ms."),
        (tailed(width=0.3), "p99.99 lies between 1.79 s and 3.33 s, with 95 % confidence."),
    ],
)
def test_words(response: PercentileCurve, words: str) -> None:
    """Half, one in a hundred, one in a thousand; and the end of the curve where it is not well known."""
    text = figure(response).words
    assert words in text
    assert text.endswith("The curve ends where there are too few requests to go on.")


def test_a_well_known_end_is_not_doubted() -> None:
    """An interval of a few percent is drawn, and that is enough."""
    assert "confidence" not in figure(tailed(width=0.01)).words


def test_each_point_says_what_it_is() -> None:
    """For the pointer: percentile, value and interval."""
    words = figure(tailed()).data["curve"]["words"]
    assert words[2] == "p50: 40.0 ms, 36.0 ms to 44.0 ms"


@pytest.mark.parametrize(
    "response",
    [
        curve((0.0, 5.0, 5.0, 5.0), (0.5, 5.0, 5.0, 5.0), (0.9, 5.0, 5.0, 5.0)),
        curve((0.0, 0.0, None, None), (0.5, 1.0, 0.0, 2.0), (0.9, 2.0, 1.0, 3.0)),
        curve((0.0, 0.0, 0.0, 0.0), (0.5, 0.0, 0.0, 0.0), (0.9, 0.0, 0.0, 0.001)),
        curve((0.0, 0.0, 0.0, 0.0), (0.5, 0.0, 0.0, 0.0), (0.9, 0.0, 0.0, 0.0)),
        curve((0.0, 1e-3, 1e-3, 1e-3), (0.5, 1e6, 1e6, 1e6), (0.9999, 1e7, 1e7, 1e7)),
    ],
    ids=["all the same", "some are 0", "nearly all are 0", "all are 0", "ten decades"],
)
def test_any_times_can_be_drawn_if_at_all(response: PercentileCurve) -> None:
    """A user who fires events of 0 ms has a report, too, on whose logarithmic axis nothing falls to minus infinity."""
    found = distribution(response)
    if found is not None:
        root = drawn(found)
        filed(found)
        numbers = [text for text in texts(root) if not text.startswith("p")]
        assert numbers
