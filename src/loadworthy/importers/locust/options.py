"""What Locust's command lines, ``locust.conf`` and ``[tool.locust]`` say, as options by their long names.

Nothing is run, and Locust itself is not asked: it would read files, the environment and the locustfile.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from loadworthy.importers.imported import ImportFailedError

SHORT = {
    "f": "locustfile", "H": "host", "u": "users", "r": "spawn-rate", "t": "run-time", "l": "list", "P": "web-port",
    "T": "tags", "E": "exclude-tags", "L": "loglevel", "s": "stop-timeout", "V": "version", "h": "help",
}  # fmt: skip
_OLD = {"clients": "users", "c": "users", "hatch-rate": "spawn-rate", "no-web": "headless", "slave": "worker"}
"""What options were called before Locust 1.0, as scripts from then have them."""
FLAGS = frozenset({
    "list", "headless", "autostart", "headful", "web-login", "class-picker", "master", "enable-rebalancing", "worker",
    "csv-full-history", "print-stats", "only-summary", "reset-stats", "json", "skip-log-setup", "show-task-ratio",
    "show-task-ratio-json", "version", "help", "equal-weights", "otel", "legacy-ui",
})  # fmt: skip
VALUES = frozenset({
    "locustfile", "config", "host", "users", "spawn-rate", "run-time", "web-host", "web-host-display-name", "web-port",
    "autoquit", "web-auth", "tls-cert", "tls-key", "build-path", "master-bind-host", "master-bind-port",
    "expect-workers", "expect-workers-max-wait", "processes", "master-host", "master-port", "web-base-path", "csv",
    "html", "json-file", "loglevel", "logfile", "exit-code-on-error", "stop-timeout", "profile",
})  # fmt: skip
LISTS = frozenset({"tags", "exclude-tags", "config-users"})
KNOWN = FLAGS | VALUES | LISTS
_ODD_VARIABLES = {
    "LOCUST_MODE_MASTER": "master", "LOCUST_MODE_WORKER": "worker", "LOCUST_MASTER_NODE_HOST": "master-host",
    "LOCUST_MASTER_NODE_PORT": "master-port", "LOCUST_USERCLASS_PICKER": "class-picker",
    "LOCUST_ENABLE_OPENTELEMETRY": "otel",
}  # fmt: skip
"""Those that are not called as their options are."""

_CONFIG_LINE = re.compile(r"^(?:--)?([A-Za-z][\w-]*)\s*(?:[=:]\s*|\s+|$)(.*)$")


@dataclass(frozen=True, slots=True)
class Asked:
    """What one command line, or one configuration, asks of Locust.

    Args:
        where: the place in the source: ``line 3``, ``locust.conf``.
        options: long name → values; a flag that is set has none.
        classes: the user classes that are named.
        others: words that no option of Locust's takes: those of the locustfile itself.
        places: where an option stands, of those that stand elsewhere.
        variables: names of environment variables that are set for it, but for those of Locust.
    """

    where: str
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str, ...] = ()

    def value(self, name: str) -> str | None:
        """The value of an option; None unless given."""
        values = self.options.get(name)
        return values[-1].strip() if values and values[-1].strip() else None

    def over(self, below: Asked) -> Asked:
        """Both, where what this one says goes first."""
        places = {name: below.where for name in below.options if name not in self.options}
        options = {**below.options, **self.options}
        classes, others = self.classes or below.classes, (*below.others, *self.others)
        return Asked(self.where, options, classes, others, places, (*below.variables, *self.variables))


def asked_by_variables(variables: Mapping[str, str], where: str) -> Asked:
    """What the environment says: ``LOCUST_USERS`` is ``--users``."""
    known = {name: _ODD_VARIABLES.get(name, _as_option(name)) for name in variables}
    theirs = {option: variables[name] for name, option in known.items() if option in KNOWN}
    own = tuple(name for name, option in known.items() if option not in KNOWN)
    return replace(_of_mapping(theirs, where), variables=own)


def _as_option(name: str) -> str:
    option = name.removeprefix("LOCUST_").lower().replace("_", "-") if name.startswith("LOCUST_") else ""
    return _OLD.get(option, option)


def asked_by_words(words: Sequence[str], where: str) -> Asked:
    """What the words behind ``locust`` say."""
    options: dict[str, tuple[str, ...]] = {}
    classes: list[str] = []
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            (others or classes).append(word)
            continue
        name, attached = _option(word)
        if name not in KNOWN:
            others.append(word)
            if attached is None and rest and not rest[0].startswith("-"):
                others.append(rest.pop(0))
            continue
        values = [] if attached is None else [attached]
        if name in VALUES and attached is None and rest:
            values = [rest.pop(0)]
        while name in LISTS and rest and not rest[0].startswith("-"):
            values.append(rest.pop(0))
        options[name] = tuple(values)
    return Asked(where, options, tuple(classes), tuple(others))


def _option(word: str) -> tuple[str, str | None]:
    """Long name and attached value of ``--users=5``, ``-u5`` and ``-u``; other words are left as they are."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return _OLD.get(name, name), value if equals else None
    name = SHORT.get(word[1], _OLD.get(word[1], word))
    return name, word[2:].removeprefix("=") or None if name in KNOWN else None


def looks_like_config(text: str, name: str) -> bool:
    """Whether it is a ``locust.conf``, or a TOML file with ``[tool.locust]``."""
    if name.endswith(".toml"):
        return "[tool.locust" in text
    lines = [line.strip() for line in text.splitlines()]
    meant = [line for line in lines if line and line[0] not in "#;[-"]
    keys = [match[1] for line in meant[:200] if (match := _CONFIG_LINE.match(line))]
    known = sum(key in KNOWN for key in keys)
    return (name.endswith((".conf", ".cfg", ".ini")) and known > 0) or (known >= 2 and known == len(meant))


def read_config(text: str, name: str) -> Asked:
    """What a configuration says. ImportFailedError where it is no TOML."""
    if name.endswith(".toml"):
        return _of_mapping(_toml_section(text, name), name)
    found: dict[str, Any] = {}
    for line in (line.strip() for line in text.splitlines()):
        if not line or line[0] in "#;[" or line == "---":
            continue
        if match := _CONFIG_LINE.match(line):
            value = re.sub(r"\s+[#;].*$", "", match[2]).strip()
            if value.startswith("[") and value.endswith("]"):
                found[match[1]] = [item.strip().strip("'\"") for item in value[1:-1].split(",") if item.strip()]
            else:
                found[match[1]] = value.strip("'\"")
    return _of_mapping(found, name)


def _toml_section(text: str, name: str) -> Mapping[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImportFailedError(f"{name} is no TOML: {error}") from error
    tool = data.get("tool")
    section = tool.get("locust") if isinstance(tool, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _of_mapping(found: Mapping[str, Any], where: str) -> Asked:
    options: dict[str, tuple[str, ...]] = {}
    others: list[str] = []
    classes: tuple[str, ...] = ()
    for written, value in found.items():
        key = _OLD.get(written, written)
        values = tuple(str(item) for item in value) if isinstance(value, list | tuple) else (str(value),)
        if key == "user-classes":
            classes = tuple(word for text in values for word in text.split())
        elif key in LISTS:
            options[key] = tuple(word for text in values for word in text.split())
        elif key in FLAGS:
            if str(value).lower() in ("true", "yes", "1", ""):
                options[key] = ()
        elif key in VALUES:
            options[key] = values
        else:
            others += [f"--{key}", *values]
    return Asked(where, options, classes, tuple(others))
