"""Plans from Locust: a locustfile with its configuration, or the command lines in a README.

The users stay what they are; the plan names their file, and says how many, for how long, against what. What Locust's
options do is done by the plan, or by an option of ``loadworthy run`` that a note names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import urlsplit

from loadworthy.importers.base_url import without_password
from loadworthy.importers.imported import (
    Imported,
    ImportFailedError,
    ImportOptions,
    Json,
    Note,
    Variables,
    distinct,
    literal,
)
from loadworthy.importers.locust.amounts import Amounts
from loadworthy.importers.locust.classes import LocustFile, Shape, looks_like_locustfile, read_locustfile
from loadworthy.importers.locust.commands import Commands, has_command, read_commands
from loadworthy.importers.locust.notes import notes_about
from loadworthy.importers.locust.options import Asked, looks_like_config, read_config
from loadworthy.importers.locust.shell_variables import has_variable, in_plan, without_folder
from loadworthy.plan.redact import mask_url_password
from loadworthy.units import US_PER_S, format_duration, parse_duration_us

DEFAULT_FILE = "locustfile.py"
DEFAULT_RUN_TIME = "1m"
DEFAULT_URL = "http://localhost:8000"
_MOST_CHARACTERS = 60

Read = Callable[[str], str | None]
"""The text of a file by its path as the source has it; None where it is not there."""


def detect(text: str, name: str) -> bool:
    """Whether it is a locustfile, a configuration of Locust, or a text with its command lines."""
    if name.endswith(".py"):
        return looks_like_locustfile(text)
    return looks_like_config(text, name) or has_command(text)


def import_locust(
    text: str,
    options: ImportOptions,
    config: str | None = None,
    *,
    name: str = DEFAULT_FILE,
    config_name: str = "locust.conf",
    read: Read = lambda path: None,  # noqa: ARG005  nothing is there
) -> Imported:
    """A plan that runs a locustfile.

    Args:
        text: a locustfile, a configuration, or a text with ``locust`` command lines.
        options: of these, ``base_url`` and ``scenario`` have an effect.
        config: the configuration beside it, ``locust.conf`` or a ``pyproject.toml`` with ``[tool.locust]``.
        name: file name of ``text``; it says which of the three it is.
        config_name: file name of ``config``.
        read: gives the locustfiles that a configuration or a command line names.

    Returns:
        A plan whose ``locustfile`` paths are as the source has them, a scenario for each command line.

    Raises:
        ImportFailedError: where it cannot be read.
    """
    below = Asked(config_name) if config is None else read_config(config, config_name)
    commands = Commands((), (), ())
    if name.endswith(".py"):
        asked = [Asked(name, {"locustfile": (name,)}).over(below)]
    elif looks_like_config(text, name):
        asked = [read_config(text, name)]
    else:
        commands = read_commands(text)
        asked = [_with_config(one, read).over(below) for one in commands.asked]
    if not asked:
        raise ImportFailedError(f"{name}: there is no locust command line in it")
    importer = _Importer(options, lambda path: text if path == name else read(path))
    importer.tell_of(commands)
    return importer.imported(asked)


def _with_config(asked: Asked, read: Read) -> Asked:
    """A command line with the configuration that it names, where that is there."""
    path = asked.value("config")
    text = None if path is None else read(path)
    if path is None or text is None:
        return asked
    options = {name: values for name, values in asked.options.items() if name != "config"}
    return replace(asked, options=options).over(read_config(text, path))


class _Importer:
    """Turns what was asked of Locust into a plan, and keeps the notes."""

    def __init__(self, options: ImportOptions, read: Read) -> None:
        self._options = options
        self._read = read
        self._notes: list[Note] = []
        self._files: dict[str, LocustFile | None] = {}
        self._base_url = options.base_url
        self._variables = Variables()
        self._amounts = Amounts(self._note)

    def imported(self, asked: Sequence[Asked]) -> Imported:
        several = list(self._different(one for each in asked for one in self._of_each_file(each)))
        made = [self._scenario(one) for one in several]
        names = self._names(several)
        plan: Json = {"base_url": self._target()}
        if self._base_url is None:
            self._note(several[0].where, f"no host is given; the plan has {DEFAULT_URL}: change it, or use --url")
        plan |= self._for_all(several)
        plan["scenarios"] = dict(zip(names, made, strict=True))
        self._about_options()
        return Imported(
            plan=plan,
            source=self._source(several),
            notes=tuple(dict.fromkeys(self._notes)),
            variables=self._variables.told,
        )

    def _target(self) -> str:
        url = self._base_url or DEFAULT_URL
        if has_variable(url):
            return in_plan(url, self._variables)
        return without_password(literal(url), self._variables)

    def tell_of(self, commands: Commands) -> None:
        """Note what of the command lines cannot be carried over."""
        for where in commands.unread:
            self._note(where, "a locust command that is not understood; it is left out")
        for where in commands.contained:
            self._note(where, "it runs in a container: its paths are those in there; write where the files are here")

    def _note(self, where: str, what: str) -> None:
        self._notes.append(Note(where, what))

    def _of_each_file(self, asked: Asked) -> Iterator[Asked]:
        """One for each of the locustfiles that are named together; Locust would mix their users."""
        paths = [path.strip() for value in asked.options.get("locustfile", ()) for path in value.split(",")]
        paths = [path for path in paths if path]
        if len(paths) > 1:
            named = ", ".join(paths)
            what = (
                f"it names several locustfiles ({named}), whose users Locust mixes; each has a scenario with all users"
            )
            self._note(asked.where, what)
        for path in paths or [DEFAULT_FILE]:
            yield replace(asked, options={**asked.options, "locustfile": (path,)})

    def _different(self, asked: Iterable[Asked]) -> Iterator[Asked]:
        """Those that load otherwise than all before them: a README says the same again to show another option."""
        seen: dict[object, str] = {}
        for one in asked:
            key = _load_of(one)
            if key in seen:
                self._note(one.where, f"it makes the same load as {seen[key]}; it has no scenario of its own")
                self._notes += notes_about(one)
            else:
                seen[key] = one.where
                yield one

    def _names(self, several: Sequence[Asked]) -> list[str]:
        if len(several) == 1:
            return [self._options.scenario]
        names = (re.sub(r"[^\w. -]", "-", PurePath(_locustfile(one)).stem)[:_MOST_CHARACTERS] for one in several)
        stems = [name.strip(" .") or "load" for name in names]
        return distinct(stems)

    def _scenario(self, asked: Asked) -> Json:
        path = _locustfile(asked)
        self._notes += notes_about(asked)
        file = self._file(path, asked.where)
        self._take_host(asked, file)
        if file is not None and file.options and not asked.others:
            words = ", ".join(file.options)
            what = (
                f"it has options of its own ({words}), which go behind -- to the run: `loadworthy run plan.yaml -- …`"
            )
            self._note(path, what)
        scenario: Json = {"locustfile": literal(path)}
        classes = [name for name in asked.classes if name.isidentifier()]
        if classes:
            scenario["user_classes"] = classes
        self._check_classes(asked, file)
        shapes = file.shapes if file is not None else ()
        return scenario | (self._of_shape(asked, shapes) if shapes else self._of_options(asked))

    def _file(self, path: str, where: str) -> LocustFile | None:
        if path not in self._files:
            text = self._read(path)
            self._files[path] = None if text is None else read_locustfile(text, path)
            if text is None:
                self._note(where, f"{path} is not there; hosts, classes and load shapes in it are unknown")
        return self._files[path]

    def _take_host(self, asked: Asked, file: LocustFile | None) -> None:
        """The first host is the plan's; it is said where another is meant."""
        host = asked.value("host")
        own = {host for host in file.users.values() if host} if file is not None else set()
        if host is None and len(own) == 1:
            host = next(iter(own))
        elif host is None and own:
            self._note(asked.where, "its classes have different hosts; the plan has one base_url")
        if host is None:
            return
        host = host.rstrip("/")
        if not _is_url(host) and not host.startswith("$"):
            self._note(asked.where, f"the host {mask_url_password(host)} is no http:// or https:// URL")
        elif self._base_url is None:
            self._base_url = host
        elif host != self._base_url and self._options.base_url is None:
            other, ours = mask_url_password(host), mask_url_password(self._base_url)
            self._note(asked.where, f"it is for {other}; the plan is for {ours}, --url {other} changes that")

    def _check_classes(self, asked: Asked, file: LocustFile | None) -> None:
        known = None if file is None or "*" in file.imported else file.users.keys() | file.imported
        for name in asked.classes:
            if not name.isidentifier():
                self._note(asked.where, f"{name} cannot name a user class; it is left out")
            elif known is not None and name not in known:
                there = ", ".join(file.users if file is not None else ()) or "none"
                self._note(asked.where, f"there is no user class {name} in {_locustfile(asked)}; there are: {there}")

    def _of_options(self, asked: Asked) -> Json:
        result: Json = {
            "users": self._amounts.whole(asked, "users", 1),
            "spawn_rate": self._amounts.rate(asked, "spawn-rate", 1),
        }
        if asked.value("users") is None:
            self._note(asked.where, "no number of users is given; the plan has 1, as Locust does")
        if asked.value("run-time") is None:
            what = f"no run time is given, Locust goes on until it is stopped; the plan runs {DEFAULT_RUN_TIME}"
            self._note(asked.where, what)
        result["run_time"] = self._amounts.duration(asked, "run-time", DEFAULT_RUN_TIME)
        return result

    def _of_shape(self, asked: Asked, shapes: Sequence[Shape]) -> Json:
        """The load of a ``LoadTestShape``: stages where they can be read, otherwise the class itself leads."""
        shape = shapes[0]
        if len(shapes) > 1:
            names = ", ".join(one.name for one in shapes)
            self._note(asked.where, f"it has several load shapes ({names}); {shape.name} is used")
        for key in ("users", "spawn-rate", "run-time"):
            if asked.value(key) is not None:
                self._note(asked.where, f"--{key} has no effect beside the load shape {shape.name}, with Locust too")
        if shape.stages:
            self._note(asked.where, f"the load shape {shape.name} became stages; the plan says the load, not the class")
            return {"stages": list(_stages(shape.stages))}
        self._note(asked.where, f"the load is what the class {shape.name} says; write stages to have it in the plan")
        return {}

    def _for_all(self, several: Iterable[Asked]) -> Json:
        """What a plan says for all its scenarios."""
        result: Json = {}
        if any("csv" in one.options for one in several):
            result["reporting"] = {"formats": ["html", "json", "junit", "csv", "plots", "locust-csv"]}
        times = {one.value("stop-timeout"): one for one in several if one.value("stop-timeout") is not None}
        if times:
            first = next(iter(times.values()))
            result["stop_timeout"] = self._amounts.duration(first, "stop-timeout", "5s")
            for text, one in list(times.items())[1:]:
                self._note(one.where, f"--stop-timeout {text} is left out; the plan has one for all scenarios")
        return result

    def _about_options(self) -> None:
        if self._options.only:
            self._note("--only", "it has no effect on a locustfile; name tasks by tags, or classes by user_classes")
        if self._options.login is not None:
            self._note("--login", "it has no effect on a locustfile; its classes log in by themselves")

    def _source(self, several: Sequence[Asked]) -> str:
        if len(several) > 1:
            return f"Locust: {len(several)} command lines"
        known = self._files.get(_locustfile(several[0]))
        users = ", ".join(list(known.users)[:5]) if known is not None else ""
        return f"Locust: {_locustfile(several[0])}{f' ({users})' if users else ''}"


def _load_of(asked: Asked) -> object:
    """What two commands that make the same load have in common, however they write it."""
    texts = [asked.value(key) for key in ("host", "users", "spawn-rate")]
    try:
        run_time: object = parse_duration_us(asked.value("run-time") or 0)
    except ValueError:
        run_time = asked.value("run-time")
    tags = [asked.options.get(key) for key in ("tags", "exclude-tags")]
    return (_locustfile(asked), *texts, run_time, *tags, asked.classes, asked.others)


def _locustfile(asked: Asked) -> str:
    return without_folder(asked.value("locustfile") or DEFAULT_FILE)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f\x7f]", text)
    except ValueError:
        return False


def _stages(stages: Iterable[Json]) -> Iterator[Json]:
    """Stages with durations of their own: to each number of users by the spawn rate, then held."""
    users, before_us = 0, 0
    for stage in stages:
        end_us, wanted = round(stage["duration"] * US_PER_S), int(stage["users"])
        left_us = end_us - before_us
        ramp_us = min(left_us, round(abs(wanted - users) / stage["spawn_rate"] * US_PER_S))
        if ramp_us and ramp_us < US_PER_S and ramp_us < left_us:
            ramp_us = 0  # as good as at once
        if ramp_us:
            yield {"duration": format_duration(ramp_us), "ramp_to": wanted}
        if left_us > ramp_us:
            yield {"duration": format_duration(left_us - ramp_us), "users": wanted}
        users, before_us = wanted, end_us
