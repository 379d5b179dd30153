"""What the scripts of a collection do that a plan can do, too: expect a status, take a value out of an answer.

Scripts are never run. The few forms that nearly all of them consist of are recognised by their text; lines that are
none of these are given back, to be told of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.importers.postman.branches import Branches
from loadworthy.plan.step_rules import json_path_mistake

_MAX_CHARACTERS = 100_000
_STRING = r"""(?:"([^"\\\n]*)"|'([^'\\\n]*)'|`([^`\\$]*)`)"""
_PATH = r"""((?:\.[A-Za-z_$][\w$]*|\[\d{1,6}\]|\[(?:"[^"\]\n]*"|'[^'\]\n]*')\])*)"""
_JSON_CALL = r"(?:pm\.response\.json\(\)|JSON\.parse\(\s*(?:responseBody|pm\.response\.text\(\))\s*\))"
_ALIAS = re.compile(
    rf"(?:var|let|const)?\s*\b([A-Za-z_$][\w$]*)\s*=\s*(?:{_JSON_CALL}|([A-Za-z_$][\w$]*)){_PATH}\s*;?\s*$"
)
_SET = re.compile(
    r"(?:pm\.(?:environment|collectionVariables|globals|variables)\.set|postman\.set(?:Environment|Global)Variable)"
    rf"\(\s*{_STRING}\s*,\s*(.+?)\s*\)\s*;?\s*$"
)
_JSON_VALUE = re.compile(rf"(?:{_JSON_CALL}|([A-Za-z_$][\w$]*)){_PATH}")
_HEADER = re.compile(rf"pm\.response\.headers\.get\(\s*{_STRING}\s*\)|postman\.getResponseHeader\(\s*{_STRING}\s*\)")
_COOKIE = re.compile(rf"pm\.cookies\.get\(\s*{_STRING}\s*\)")
_REPLACED = re.compile(rf"pm\.variables\.replaceIn\(\s*{_STRING}\s*\)")
_STATUS = re.compile(
    r"(?:pm\.response\.to\.have\.status|pm\.expect\(\s*pm\.response\.code\s*\)\.to\.(?:be\.)?(?:eql|equals?))\(\s*(\d{3})\s*\)"
    r"|tests\[[^\]]*\]\s*=\s*responseCode\.code\s*={2,3}\s*(\d{3})"
)
_STATUSES = re.compile(r"pm\.expect\(\s*pm\.response\.code\s*\)\.to\.be\.oneOf\(\s*\[([\d,\s]+)\]\s*\)")
_EXPECTED = re.compile(
    rf"pm\.expect\(\s*(?:{_JSON_CALL}|([A-Za-z_$][\w$]*)){_PATH}\s*\)\.to\.(?:be\.)?(?:eql|equals?|deep\.equal)\(\s*(.+?)\s*\)\s*;?\s*$"
)
_TEXT = re.compile(rf"pm\.expect\(\s*pm\.response\.text\(\)\s*\)\.to\.include\(\s*{_STRING}\s*\)")
_NO_MATTER = re.compile(
    r"[\s{}();,]*|//.*|/?\*.*|\"use strict\";?|console\.\w+\(.*"
    r"|pm\.test\(\s*(?:\"[^\"]*\"|'[^']*'|`[^`]*`)\s*,\s*(?:async\s*)?(?:function\s*\w*\s*\(\s*\w*\s*\)|\(?\s*\w*\s*\)?\s*=>)\s*\{?\s*"
    r"|(?:pm\.)?(?:response|expect\(pm\.response\))\.to\.(?:be\.(?:ok|success|json)|have\.jsonBody\(\))\s*;?"
    r"|pm\.response\.to\.(?:be\.(?:ok|success|json|withBody)|have\.jsonBody\(\)|not\.be\.error)\s*;?"
)
_ONE_LINE_TEST = re.compile(
    r"pm\.test\(\s*(?:\"[^\"]*\"|'[^']*')\s*,\s*(?:function\s*\(\s*\)|\(\s*\)\s*=>)\s*\{?\s*(.*?)\s*\}?\s*\)\s*;?\s*$"
)
_OR_NOTHING = re.compile(r"\s*\|\|\s*(?:\{\s*\}|\[\s*\]|\"\"|''|null|undefined)(?=\s*;?$)")


@dataclass(slots=True)
class Script:
    """What a script does.

    Args:
        statuses: those that it wants.
        extract: variable → source in the words of plans.
        constants: variable → text, in which there may be variables again.
        templates: variable → template of a plan.
        json: JSON path → value that it wants.
        texts: that it wants in the body.
        only_if: those of ``extract`` that it takes only where the answer is as it should be.
        rest: lines that are none of this.
    """

    statuses: list[int] = field(default_factory=list)
    extract: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    only_if: set[str] = field(default_factory=set)
    rest: list[str] = field(default_factory=list)


def read_script(text: str) -> Script:
    """Recognise what there is to recognise.

    What is done only under a condition, or later, is none of it: a plan does its steps always. Values that are taken
    where the answer has them are: a plan takes them, or the step fails.
    """
    script = Script()
    guarded = Script()
    aliases: dict[str, str] = {}
    branches = Branches()
    for line in text[:_MAX_CHARACTERS].splitlines():
        one = _OR_NOTHING.sub("", line.strip()[:2_000])
        match = _ONE_LINE_TEST.fullmatch(one)
        reached, one = branches.reached(match[1] if match else one, aliases)
        for statement in map(str.strip, re.split(r";\s*(?=pm\.|$)", one)):
            if reached == "always":
                is_understood = _understood(statement, script, aliases)
            else:
                is_understood = _NO_MATTER.fullmatch(statement) is not None
            if not is_understood and reached == "guarded":
                is_understood = _understood_alias(statement, aliases) or _taken(statement, guarded, aliases)
            if not is_understood:
                script.rest.append(statement)
    _add_guarded(script, guarded)
    return script


def _taken(statement: str, guarded: Script, aliases: Mapping[str, str]) -> bool:
    """Whether it takes a value out of the answer; another value for the same name makes both doubtful."""
    found = Script()
    if not _understood_set(statement, found, aliases) or not found.extract:
        return False
    for name, source in found.extract.items():
        if guarded.extract.setdefault(name, source) != source:
            guarded.only_if.add(name)
            guarded.rest.append(statement)
    return True


def _add_guarded(script: Script, guarded: Script) -> None:
    for name, source in guarded.extract.items():
        if name in guarded.only_if:
            script.rest.append(f"{name} from one of several places")
        elif name not in script.extract and name not in script.constants:
            script.extract[name] = source
            script.only_if.add(name)


def _understood(line: str, script: Script, aliases: dict[str, str]) -> bool:
    return (
        _NO_MATTER.fullmatch(line) is not None
        or _understood_status(line, script)
        or _understood_set(line, script, aliases)
        or _understood_expectation(line, script, aliases)
        or _understood_alias(line, aliases)
    )


def _understood_status(line: str, script: Script) -> bool:
    found = [int(match[1] or match[2]) for match in _STATUS.finditer(line)]
    for match in _STATUSES.finditer(line):
        found += [int(one) for one in re.findall(r"\d{3}", match[1])]
    found = [one for one in found if 100 <= one <= 599]
    script.statuses += [one for one in found if one not in script.statuses]
    return bool(found)


def _understood_set(line: str, script: Script, aliases: Mapping[str, str]) -> bool:
    match = _SET.search(line)
    if match is None:
        return False
    name, value = _string(match.groups()[:3]), match[4]
    header, cookie, replaced = _HEADER.fullmatch(value), _COOKIE.fullmatch(value), _REPLACED.fullmatch(value)
    path = _json_path(value, aliases)
    if path is not None:
        script.extract[name] = path
    elif header is not None:
        script.extract[name] = f"header:{_string(header.groups())}"
    elif cookie is not None:
        script.extract[name] = f"cookie:{_string(cookie.groups())}"
    elif replaced is not None:
        script.constants[name] = _string(replaced.groups())
    elif re.fullmatch(r"Date\.now\(\)|new Date\(\)\.getTime\(\)|(?:new Date\(\)\.valueOf|\+new Date)\(?\)?", value):
        script.templates[name] = "{{ now_ms() }}"
    elif (constant := _literal(value)) is not None:
        script.constants[name] = constant if isinstance(constant, str) else json.dumps(constant)
    else:
        return False
    return bool(name)


def _understood_expectation(line: str, script: Script, aliases: Mapping[str, str]) -> bool:
    text = _TEXT.search(line)
    if text is not None:
        script.texts.append(_string(text.groups()))
        return True
    match = _EXPECTED.search(line)
    if match is None:
        return False
    path = _joined("$" if match[1] is None else aliases.get(match[1]), match[2])
    value = _literal(match[3])
    if path is None or value is None:
        return False
    script.json[path] = value
    return True


def _understood_alias(line: str, aliases: dict[str, str]) -> bool:
    match = _ALIAS.fullmatch(line)
    path = _joined("$" if match[2] is None else aliases.get(match[2]), match[3]) if match else None
    if match is None or path is None:
        return False
    aliases[match[1]] = path
    return True


def _json_path(value: str, aliases: Mapping[str, str]) -> str | None:
    match = _JSON_VALUE.fullmatch(value)
    return None if match is None else _joined("$" if match[1] is None else aliases.get(match[1]), match[2])


def _joined(base: str | None, path: str) -> str | None:
    """A JSON path from a path of JavaScript, which looks nearly the same."""
    if base is None:
        return None
    joined = base + re.sub(r"\.([\w$]*\$[\w$]*)", r"['\1']", path)
    return joined if json_path_mistake(joined) is None else None


def _literal(text: str) -> str | int | float | bool | None:
    quoted = re.fullmatch(_STRING, text)
    if quoted:
        return _string(quoted.groups())
    try:
        value = json.loads(text) if len(text) < 40 else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, int | float) and abs(value) < 1e15 else None


def _string(groups: tuple[str | None, ...]) -> str:
    return next((one for one in groups if one is not None), "")
