"""YAML plans: PyYAML's composer for the nodes and their lines, our own rules for what a scalar means.

The scalars follow YAML 1.2's core schema, not 1.1's: ``yes``, ``no``, ``on`` and ``off`` are text (a flag field still
understands them), ``1:30`` is not ninety, and a date stays as written. Keys are text, always: ``200:`` is the key
"200". Anchors, aliases and merge keys (``<<``) work; each use of an alias is a value of its own. Only data is made: a
tag such as ``!!python/object`` is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from loadworthy.plan.document import MAX_DEPTH, MAX_VALUES, DataPath, Document, shown

_CORE = "tag:yaml.org,2002:"
_PLAIN = "plain"
_MERGE = "merge"
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class _PlainResolver(BaseResolver):
    """Marks scalars without quotes or tag, which :func:`_plain_value` reads later, and the merge key."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own name and type
        "<": [(_MERGE, re.compile(r"<<\Z"))],
        None: [(_PLAIN, re.compile(""))],
    }


class _Nodes(Reader, Scanner, Parser, Composer, _PlainResolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _PlainResolver.__init__(self)


def read_yaml(text: str, document: Document) -> None:
    """Fill the document's data and places from YAML text; mistakes become its problems."""
    try:
        node = _Nodes(text).get_single_node()
    except RecursionError:
        document.add_at_line(None, "it is nested too deeply to be read")
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.add_at_line(line, f"the character {_character(error.character)} is not allowed in YAML")
    except yaml.MarkedYAMLError as error:
        _note_syntax(error, document)
    else:
        if node is not None:
            document.data = _Values(document).value(node, (), None)


def _character(character: object) -> str:
    return f"U+{character:04X}" if isinstance(character, int) else repr(character)


def _note_syntax(error: yaml.MarkedYAMLError, document: Document) -> None:
    mark = error.problem_mark or error.context_mark
    message = "; ".join(part for part in (error.context, error.problem) if part)
    hint = ""
    if r"'\t'" in message:
        hint = "indent with spaces; YAML allows no tabs there"
    elif "mapping values are not allowed" in message:
        hint = "put quotes round a text that holds ': ', and see that the lines are indented alike"
    elif "expected a single document" in message:
        hint = "a plan is one document; remove the line ---"
    elif "cannot start any token" in message or "flow" in message:
        hint = "put quotes round a text that starts with one of { [ % @ ` & * !"
    document.add_at_line(mark.line + 1 if mark else None, f"this is not YAML: {message}", hint)


class _Values:
    """Turns nodes into values and notes where they stand."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def value(self, node: Node, path: DataPath, key_line: int | None) -> Any:
        self._count += 1
        line = _line(node)
        document = self._document
        if isinstance(node, ScalarNode):
            document.lines[path] = line
            return self._scalar(node, path)
        document.lines[path] = key_line or line
        # Aliases may grow a short file without bound, or make it hold itself.
        if len(path) > MAX_DEPTH or self._count > MAX_VALUES:
            document.spoil(path[:3], "the aliases make it too large, or it holds itself", "write the values out")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        assert isinstance(node, SequenceNode)  # noqa: S101  the composer makes three kinds of nodes
        self._check_tag(node, path, ("seq",))
        return [self.value(item, (*path, index), None) for index, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: DataPath) -> dict[str, Any]:
        self._check_tag(node, path, ("map",))
        own, merged = self._entries(node, path)
        result = {}
        for key, (key_node, value_node) in {**merged, **own}.items():
            here = (*path, key)
            self._document.key_lines[here] = _line(key_node)
            result[key] = self.value(value_node, here, _line(key_node))
            if self._count > MAX_VALUES:
                break
        return result

    def _entries(self, node: MappingNode, path: DataPath) -> tuple[_Entries, _Entries]:
        own: _Entries = {}
        merged: _Entries = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for entries in self._merged(value_node, path):
                    merged = {**entries, **merged}
            elif not isinstance(key_node, ScalarNode):
                hint = "put quotes round a value that starts with {{"
                self._document.add_at_line(_line(key_node), "a key must be text, not a mapping or list", hint)
                self._document.spoilt.add(path)
            elif key_node.value in own:
                first = _line(own[key_node.value][0])
                self._document.key_lines[*path, key_node.value] = _line(key_node)
                self._document.add(
                    (*path, key_node.value),
                    f"the key {shown(key_node.value)} is given twice; first on line {first}",
                    "remove one of them",
                    at_key=True,
                )
            else:
                own[key_node.value] = (key_node, value_node)
        return own, merged

    def _merged(self, node: Node, path: DataPath) -> list[_Entries]:
        nodes: Sequence[Node] = node.value if isinstance(node, SequenceNode) else [node]
        found = []
        for item in nodes:
            if not isinstance(item, MappingNode) or len(path) > MAX_DEPTH:
                self._document.add_at_line(_line(node), "<< must be followed by a mapping, or a list of mappings")
                continue
            # The depth is counted by the path, so that a mapping which merges itself comes to an end.
            own, merged = self._entries(item, (*path, "<<"))
            found.append({**merged, **own})
        return found

    def _scalar(self, node: ScalarNode, path: DataPath) -> Any:
        tag = node.tag.removeprefix(_CORE)
        if tag == "str" or tag == _MERGE:
            return node.value
        value = _plain_value(node.value)
        if tag != _PLAIN and not _fits(tag, value):
            self._document.spoil(path, f"the tag {_shown_tag(node)} does not fit {shown(node.value)}", "remove the tag")
            return None
        if value is not None and not isinstance(value, str):
            self._document.written[path] = node.value
        return value

    def _check_tag(self, node: Node, path: DataPath, allowed: tuple[str, ...]) -> None:
        if node.tag.removeprefix(_CORE) not in allowed:
            self._document.spoil(path, f"the tag {_shown_tag(node)} has no meaning in a plan", "remove the tag")


_Entries = dict[str, tuple[Node, Node]]


def _line(node: Node) -> int:
    return node.start_mark.line + 1


def _fits(tag: str, value: object) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
    return isinstance(value, kinds.get(tag, ())) and isinstance(value, bool) == (tag == "bool")


def _shown_tag(node: Node) -> str:
    return node.tag.replace(_CORE, "!!") if node.tag else "!"


def is_read_as_text(text: str) -> bool:
    """Whether a scalar of these characters, without quotes, is a text to a plan and no number, flag or nothing."""
    return isinstance(_plain_value(text), str)


def _plain_value(text: str) -> Any:
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    try:
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    except ValueError:  # thousands of digits, which Python refuses
        return text
    return text
