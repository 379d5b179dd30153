"""Courses put together by hand, and drawings of figures, read again: what the tests of charts begin with."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from html import unescape
from typing import Any

from loadworthy.analysis.timeline import Second
from loadworthy.report.figures.course import Course
from loadworthy.report.figures.draw import file_svg, inline_svg
from loadworthy.report.figures.figure import Columns, Figure
from loadworthy.report.figures.marks import marks_columns

SVG = "{http://www.w3.org/2000/svg}"
NO_MARKS: Mapping[str, Columns] = {"marks": marks_columns([])}


def second(at_s: int, **changes: Any) -> Second:
    """A second of a hundred requests, which took 10 ms, 20 ms and 30 ms."""
    facts = {
        "at_s": at_s, "requests": 100, "failures": 0, "throughput": 100.0, "failure_rate": 0.0,
        "p50_ms": 10.0, "p95_ms": 20.0, "p99_ms": 30.0, "users": 10,
    }  # fmt: skip
    return Second(**(facts | changes))


def opened(at_s: int, **changes: Any) -> Second:
    """The same of an open workload that begins all that is due."""
    return second(at_s, **({"intended": 100.0, "sent": 100.0, "dropped": 0.0} | changes))


def course(*changes: Mapping[str, Any], step_s: int = 1, **parts: Any) -> Course:
    """A course with a step for each of the changes, from the start to its end."""
    make = opened if parts.get("is_open") else second
    seconds = [make(place * step_s, **one) for place, one in enumerate(changes)]
    return Course(seconds, step_s, float(len(changes) * step_s), **parts)


def drawn(figure: Figure, data: Mapping[str, Columns] = NO_MARKS) -> ET.Element:
    """The figure as it stands in a page: well-formed, and nothing in it is no number."""
    text = inline_svg(figure, {**NO_MARKS, **data}, "place")
    assert not re.search(r'="[^"]*(NaN|Infinity|undefined)', text)
    return ET.fromstring(re.sub("[\ufffe\uffff]", "", text))  # HTML may have these, XML may not


def filed(figure: Figure, data: Mapping[str, Columns] = NO_MARKS, subtitle: str = "") -> ET.Element:
    """The figure as a file: an SVG document."""
    return ET.fromstring(file_svg(figure, {**NO_MARKS, **data}, subtitle))


def texts(root: ET.Element) -> list[str]:
    """What is written in a drawing."""
    return [unescape(one.text or "") for one in root.iter() if one.tag.rpartition("}")[2] in ("text", "tspan")]


def paths(root: ET.Element, kind: str) -> list[ET.Element]:
    """What is drawn of a kind of mark (``line``, ``area``, ``rect``, ``rule``, ``symbol``), axes and legends aside."""
    groups = [one for one in root.iter() if f"mark-{kind} role-mark" in one.get("class", "")]
    return [one for group in groups for one in group]


def colours(elements: list[ET.Element]) -> list[str]:
    """Of each the colour of its stroke, or of what fills it."""
    return [one.get("stroke") or one.get("fill") or "" for one in elements]
