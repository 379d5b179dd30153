"""Figures as files: each an SVG that stands by itself, with title, legend, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loadworthy.report.figures.draw import file_svg
from loadworthy.report.html_page import FigureGroup

FOLDER = "plots"
_ADDRESS = re.compile(r"https?://\S+")
_MOST_CHARACTERS = 80


def plot_files(shown: Sequence[tuple[str, str, FigureGroup]]) -> dict[str, str]:
    """File name without its ending → SVG of each figure: ``load-response-time``.

    Args:
        shown: scenario, run and figures; names are unique over all of them.
    """
    figures = [(scenario, run, group, figure) for scenario, run, group in shown for figure in group.figures]
    # A monitor's figure has its address in the title, which would fill the name.
    names = unique_names([f"{scenario}-{_ADDRESS.sub('', figure.title)}" for scenario, _, _, figure in figures])
    return {
        name: file_svg(figure, group.data, f"{scenario} · {run}")
        for name, (scenario, run, group, figure) in zip(names, figures, strict=True)
    }


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
