"""A plan as a YAML file that people go on with: the usual order of keys, what is missing on top."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from loadworthy.importers.imported import Imported, by_what
from loadworthy.plan.yaml_reader import is_read_as_text

WIDTH = 110
_ORDER = ("name", "base_url", "allowed_hosts", "test_data", "setup", "scenarios", "teardown")
_STEP_ORDER = (
    "path",
    "method",
    "name",
    "weight",
    "query",
    "headers",
    "json",
    "form",
    "multipart",
    "body",
    "expect",
    "extract",
)
_FLOW_UP_TO = 90
_MANY = 4
"""In so many places the same is said once."""
_MOST_SHOWN = 40
_NO_BREAK = "\u00a0"
_OTHER_LINE_ENDS = re.compile("[\\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, and writes texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  as its base has it
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  a plan is read by people: nothing is an alias
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """PyYAML writes by the rules of YAML 1.1; a plan is read by those of 1.2, to which ``08544`` is a number."""
    style = "|" if "\n" in text and "\r" not in text and not text.startswith((" ", "\n")) else None
    if _OTHER_LINE_ENDS.search(text):
        style = '"'
    elif style is None and not is_read_as_text(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _mapping(dumper: yaml.SafeDumper, data: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=_is_short(data))


def _list(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=_is_short(data))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)


def plan_yaml(imported: Imported) -> str:
    """The file: where it comes from, what it needs, what could not be carried over, and the plan."""
    lines = [f"# Made by `loadworthy import` from {_one_line(imported.source)}.", *_comments(imported)]
    return "\n".join(lines) + "\n" + dump(imported.plan)


def dump(plan: Mapping[str, Any]) -> str:
    """A plan as YAML, without comments."""
    ordered = {key: plan[key] for key in (*_ORDER, *plan) if key in plan}
    return yaml.dump(
        _ordered(ordered), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False
    )


def _comments(imported: Imported) -> Iterator[str]:
    if imported.variables:
        yield "#"
        yield "# It needs these environment variables:"
        for name, what in imported.variables.items():
            yield f"#   {name}: {_one_line(what)}"
    if imported.notes:
        yield "#"
        yield "# What it does not do as the source does:"
        for what, places in by_what(imported.notes).items():
            yield from _told(what, places)


def _told(what: str, places: list[str]) -> Iterator[str]:
    """What holds for many places is said once, with all of them below."""
    if len(places) < _MANY:
        for where in places:
            yield f"#   {_one_line(where)}: {_one_line(what)}"
        return
    yield f"#   {len(places)} times: {_one_line(what)}"
    shown = places if "left out" in what else places[:_MOST_SHOWN]
    more = f" and {len(places) - len(shown)} more" if len(places) > len(shown) else ""
    # A place has blanks, at which no line ends.
    text = ", ".join(_one_line(where).replace(" ", _NO_BREAK) for where in shown) + more
    for line in textwrap.wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False):
        yield f"#     {line.replace(_NO_BREAK, ' ')}"


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def _ordered(value: Any) -> Any:
    """The keys of steps in the order in which people read them."""
    if isinstance(value, Mapping):
        keys = [key for key in _STEP_ORDER if key in value] if "path" in value else []
        return {key: _ordered(value[key]) for key in (*keys, *(one for one in value if one not in keys))}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value


def _is_short(data: Any) -> bool:
    """Whether it stands well on one line: no lists or mappings of any size inside."""
    items = list(data.values()) if isinstance(data, dict) else list(data)
    if any(isinstance(item, dict | list) and item for item in items):
        return False
    if any(isinstance(item, str) and ("\n" in item or "{{" in item) for item in items) and isinstance(data, list):
        return False
    return len(repr(data)) <= _FLOW_UP_TO and not any(isinstance(item, str) and "\n" in item for item in items)
