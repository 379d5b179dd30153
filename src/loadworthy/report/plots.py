"""Figures as files: each an SVG that stands by itself, with title, legend, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loadworthy.report.figures.draw import file_svg
from loadworthy.report.html_page import FigureGroup

FOLDER = "plots"
_ADDRESS = re.compile(r"https?://\S+")
_MOST_CHARACTERS = 80


def plot_files(scenario: str, run: str, group: FigureGroup) -> dict[str, str]:
    """File name without its ending → SVG of each figure of a scenario: ``load-response-time``."""
    # A monitor's figure has its address in the title, which would fill the name.
    names = unique_names([f"{scenario}-{_ADDRESS.sub('', figure.title)}" for figure in group.figures])
    subtitle = f"{scenario} · {run}"
    return {name: file_svg(figure, group.data, subtitle) for name, figure in zip(names, group.figures, strict=True)}


def unique_names(texts: Sequence[str]) -> list[str]:
    """A name that can stand in any file system for each text, numbered where two would be the same."""
    names: list[str] = []
    for text in texts:
        base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_MOST_CHARACTERS].strip("-") or "plot"
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names
