"""The rules that hold between values of a plan, and the syntax of what is written inside its texts.

They read the resolved *data*, not the models, so that they can be reported together with what does not fit the models;
a value of the wrong type is passed over here, because the models complain of it. Rules of a single request are in
:mod:`loadworthy.plan.step_rules`.
"""

from __future__ import annotations

import difflib
import keyword
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadworthy.plan.alerting_rules import check_alerting
from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.host_rules import check_hosts
from loadworthy.plan.monitor_rules import check_monitors
from loadworthy.plan.multipart_rules import check_multipart
from loadworthy.plan.names import check_template_names, extracting
from loadworthy.plan.once_rules import check_once_steps
from loadworthy.plan.search_rules import check_search
from loadworthy.plan.socket_rules import check_kind, check_openings, check_socket_step
from loadworthy.plan.stage_rules import check_stages, is_open
from loadworthy.plan.step_rules import check_headers, check_step, check_templates
from loadworthy.plan.test_data_rules import check_test_data
from loadworthy.plan.translate import shown_at

TEMPLATE_NAMES = ("uuid", "random_int", "random_choice", "iteration", "user_number", "now_ms", "now", "today")
"""What every template can use; test data and extracted values cannot take these names."""

_JINJA_WORDS = (
    "true",
    "false",
    "none",
    "self",
    "loop",
    "range",
    "dict",
    "namespace",
    "set",
    "block",
    "filter",
    "macro",
)
_NOT_IN_FILE_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_MAX_NAME_CHARACTERS = 100
_STEP_LISTS = ("endpoints", "flow", "on_start")


def check_rules(document: Document, base_dir: Path) -> None:
    """Add a problem for each broken rule; files are looked for below ``base_dir``."""
    if not isinstance(document.data, dict):
        return
    base_url = document.get(("base_url",))
    if isinstance(base_url, str):
        _check_base_url(base_url, document)
    for name, scenario in _mapping(document.get(("scenarios",))).items():
        path = ("scenarios", name)
        _check_name("scenario", name, path, document)
        if isinstance(scenario, dict):
            _check_scenario(scenario, path, document)
            check_search(scenario, path, document)
            check_monitors(scenario.get("monitors"), (*path, "monitors"), document)
    _check_together(_mapping(document.get(("scenarios",))), document)
    check_monitors(document.get(("monitors",)), ("monitors",), document)
    for name in _mapping(document.get(("test_data",))):
        _check_template_name("test data", name, ("test_data", name), document)
    check_test_data(document, base_dir)
    check_hosts(document.get(("allowed_hosts",)), document)
    check_alerting(document.get(("alerting",)), document)
    check_once_steps(document, _check_extracted_names)
    check_multipart(document, base_dir)
    check_template_names(document, frozenset(TEMPLATE_NAMES))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_base_url(url: str, document: Document) -> None:
    path = ("base_url",)
    value = url_for_message(url)
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or 0 < parts.port < 65_536
    except ValueError:
        document.add(
            path, f"{value} is not a URL: its host or port cannot be read", "write one like http://localhost:8000"
        )
        return
    if parts.scheme not in ("http", "https") or not parts.hostname:
        document.add(
            path, f"{value} is not an http:// or https:// URL with a host", "write one like http://localhost:8000"
        )
    elif not port_is_valid:
        document.add(path, f"{value} has a port that does not exist", "ports go from 1 to 65535")
    elif parts.query or parts.fragment:
        document.add(path, f"{value} goes beyond a path", "put what follows ? or # into the requests")
    elif re.search(r"[\s\x00-\x1f\x7f]", url):
        document.add(path, f"{value} holds a space or a control character", "write it as %20")


def url_for_message(url: str) -> str:
    """A URL in quotes, its password masked, also where it is too broken to be parsed."""
    return shown(re.sub(r"(//[^/?#]*?:)[^/?#]*@", r"\1***@", url))


def _check_name(what: str, name: str, path: DataPath, document: Document) -> None:
    if not name.strip():
        document.add(path, f"the name of a {what} is empty", "give it a name", at_key=True)
    elif _NOT_IN_FILE_NAMES.search(name) or name in (".", "..") or name != name.strip():
        hint = 'a name becomes part of file names: no / \\ : * ? " < > |, no spaces at its ends'
        document.add(path, f"{shown(name)} cannot name a {what}", hint, at_key=True)
    elif len(name) > _MAX_NAME_CHARACTERS:
        document.add(path, f"{shown(name)} is longer than {_MAX_NAME_CHARACTERS} characters", "shorten it", at_key=True)


def _check_template_name(what: str, name: str, path: DataPath, document: Document) -> None:
    if not name.isidentifier():
        hint = "templates write it as {{ name }}: letters, digits and _, no digit first"
        document.add(path, f"{shown(name)} cannot name {what}", hint, at_key=True)
    elif name in TEMPLATE_NAMES or name in _JINJA_WORDS or keyword.iskeyword(name):
        document.add(path, f"{shown(name)} is a name that templates have already", "choose another name", at_key=True)


def _check_scenario(scenario: dict[str, Any], path: DataPath, document: Document) -> None:
    _check_amount(scenario, path, document)
    ways = [way for way in ("endpoints", "flow", "roles") if scenario.get(way) is not None]
    code = next((key for key in ("locustfile", "user_classes") if scenario.get(key)), None)
    if code:
        ways.append(code)
        for key in ("on_start", "headers"):
            if scenario.get(key):
                hint = "put it into the user class, or use endpoints or flow"
                document.add((*path, key), f"{key} has no effect on the users of a {code}", hint, at_key=True)
    if len(ways) > 1:
        hint = "keep one: endpoints, flow, roles, or locustfile with user_classes"
        document.add((*path, ways[1]), f"{ways[0]} and {ways[1]} exclude each other", hint, at_key=True)
    if scenario.get("roles") == {}:
        document.add((*path, "roles"), "it is empty", "give it at least one entry, or remove the key")
    _check_behaviour(scenario, path, document)
    check_openings(scenario, path, document)
    for name, role in _mapping(scenario.get("roles")).items():
        here = (*path, "roles", name)
        _check_name("role", name, here, document)
        if isinstance(role, dict):
            if sum(role.get(way) is not None for way in ("endpoints", "flow")) != 1:
                document.add(here, "a role does either endpoints or flow", "give it one of the two", at_key=True)
            _check_behaviour(role, here, document)


def _check_amount(scenario: dict[str, Any], path: DataPath, document: Document) -> None:
    stages = scenario.get("stages")
    if stages == []:
        document.add((*path, "stages"), "it is empty", "give it at least one entry, or remove the key")
    if stages:
        for key in ("users", "rate", "run_time", "spawn_rate"):
            if scenario.get(key) is not None:
                value = shown_at((*path, key), document)
                hint = "keep one of them; each stage says its own users (or rate) and duration"
                document.add((*path, key), f"{key} {value} and stages exclude each other", hint, at_key=True)
    elif scenario.get("rate") is not None:
        for key in ("users", "spawn_rate"):
            if scenario.get(key) is not None:
                value, rate = (shown_at((*path, one), document) for one in (key, "rate"))
                hint = "keep one: users wait for answers, a rate does not; max_users limits the users of a rate"
                document.add((*path, key), f"{key} {value} and rate {rate} exclude each other", hint, at_key=True)
    elif scenario.get("spawn_rate") is not None and scenario.get("users") is None:
        value = shown_at((*path, "spawn_rate"), document)
        document.add((*path, "spawn_rate"), f"spawn_rate {value} stands without users", "say how many users there are")
    check_stages(stages, (*path, "stages"), document)
    if not is_open(scenario):
        for key in ("arrivals", "max_users"):
            if scenario.get(key) is not None:
                hint = "give the scenario a rate instead of users, or leave it out"
                document.add((*path, key), f"{key} belongs to a workload with a rate", hint, at_key=True)


def _check_together(scenarios: dict[str, Any], document: Document) -> None:
    """Those named in ``with`` exist, and are others."""
    for name, scenario in scenarios.items():
        others = _mapping(scenario).get("with")
        for other in others if isinstance(others, list) else [others]:
            path = ("scenarios", name, "with")
            if other == name:
                document.add(path, f"{shown(name)} always runs with itself", "name other scenarios", at_key=True)
            elif isinstance(other, str) and other not in scenarios:
                near = difflib.get_close_matches(other, scenarios, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(scenarios)}"
                document.add(path, f"there is no scenario {shown(other)}", hint)


def _check_behaviour(behaviour: dict[str, Any], path: DataPath, document: Document) -> None:
    headers = behaviour.get("headers")
    if isinstance(headers, dict):
        check_headers(headers, (*path, "headers"), document)
        check_templates(headers, (*path, "headers"), document)
    for key in _STEP_LISTS:
        steps = behaviour.get(key)
        if steps == []:
            document.add((*path, key), "it is empty", "give it at least one entry, or remove the key")
        for index, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                here = (*path, key, index)
                check_kind(step, here, document)
                check_step(step, here, document)
                check_socket_step(step, here, document)
                _check_extracted_names(step, here, document)


def _check_extracted_names(step: dict[str, Any], path: DataPath, document: Document) -> None:
    for source in extracting(step):
        for name in _mapping(document.get((*path, *source))):
            _check_template_name("an extracted value", name, (*path, *source, name), document)
