"""One palette for pages and files."""

from __future__ import annotations

import json
import re

from loadworthy.report.figures.theme import CARD, HEAT, KINDS, PALETTE, config
from loadworthy.report.html_page import script

_VARIABLE = re.compile(r"--([a-z0-9-]+): *(#[0-9a-f]{3,6})")


def variables(block: str) -> dict[str, str]:
    """The CSS variables that a block sets to colours."""
    return dict(_VARIABLE.findall(block))


def test_the_page_has_the_same_colours() -> None:
    """In its light theme. The card is told from a white that was meant to be white by its last digit."""
    light = variables(script("report.css").split("{% macro dark() %}")[0])
    shown = {name: light[name] for name in PALETTE if name != "card"}
    assert shown == {name: colour for name, colour in PALETTE.items() if name != "card"}
    assert (light["card"], CARD) == ("#ffffff", "#fffffe")


def test_the_dark_theme_has_each_of_them() -> None:
    """None is left as it is in the light."""
    dark = variables(script("report.css").split("{% macro dark() %}")[1].split("{% endmacro %}")[0])
    assert set(PALETTE) <= set(dark)
    assert not [name for name, colour in PALETTE.items() if dark[name] == colour]


def test_no_two_colours_are_the_same() -> None:
    """So that a colour in a drawing says which variable it was."""
    assert len(set(PALETTE.values())) == len(PALETTE)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in PALETTE.values())


def test_more_is_darker() -> None:
    """Each step of the heat map has less light than the one before."""
    light = [sum(int(colour[place : place + 2], 16) for place in (1, 3, 5)) for colour in HEAT]
    assert light == sorted(light, reverse=True)


def test_the_look_uses_the_palette_alone() -> None:
    """Or a drawing had colours that no theme of a page changes; so do the kinds of failure."""
    for with_legend in (True, False):
        look = config(with_legend=with_legend)
        assert set(re.findall("#[0-9a-fA-F]{3,8}", json.dumps(look))) <= set(PALETTE.values())
        assert look["legend"]["disable"] is not with_legend
    assert set(KINDS) <= set(PALETTE.values())
