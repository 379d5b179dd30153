"""Reading a plan: file → document → overrides → variables → models and rules → :class:`LoadedPlan`.

Every step notes its problems in the document and the next one goes on with what is left, so that a user sees all
mistakes of a plan at once, in the order of their lines. Only where the file's own syntax is broken is there nothing to
go on with.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loadworthy.errors import PlanError, Problem
from loadworthy.plan.document import DataPath, Document, settle
from loadworthy.plan.interpolate import interpolate, interpolate_document
from loadworthy.plan.json_reader import read_json
from loadworthy.plan.model import Behaviour, Monitor, Plan, Scenario
from loadworthy.plan.overrides import Override, apply_overrides, parse_override
from loadworthy.plan.redact import Redactor, find_secrets, masked_data, redactor_for
from loadworthy.plan.rules import check_rules
from loadworthy.plan.steps import Step
from loadworthy.plan.toml_reader import read_toml
from loadworthy.plan.translate import add_model_errors, texts_as_written
from loadworthy.plan.yaml_reader import read_yaml

MAX_PLAN_BYTES = 16 * 1024 * 1024

_READERS: Mapping[str, Callable[[str, Document], None]] = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": read_json,
    ".toml": read_toml,
}


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A plan without mistakes, and where it came from.

    Args:
        plan: the models.
        path: the file, as the user gave it.
        base_dir: the directory that the plan's own file names are relative to.
        redactor: masks the plan's secrets in any text.
        redacted_json: the resolved plan as JSON data with its secrets masked; ``Plan.model_validate`` takes it.
        lines: (scenario name or other path) → line, for problems that are found later.
        from_environment: paths of the texts in which variables stand.
        own_base_url: the base URL as the plan itself has it, without what the command line says.
    """

    plan: Plan
    path: Path
    base_dir: Path
    redactor: Redactor
    redacted_json: dict[str, Any]
    lines: Mapping[DataPath, int]
    from_environment: frozenset[DataPath] = frozenset()
    own_base_url: str | None = None

    @property
    def secrets(self) -> frozenset[str]:
        """The texts that the redactor masks."""
        return self.redactor.secrets


def load_plan(path: Path, *, environ: Mapping[str, str], overrides: Sequence[Override | str] = ()) -> LoadedPlan:
    """Read a plan file (``.yaml``, ``.yml``, ``.json`` or ``.toml``).

    Args:
        path: the file; problems name it as it is given here.
        environ: what ``${NAME}`` in the plan's texts stands for.
        overrides: values that replace the file's, as :class:`Override` or as ``scenarios.load.users=50``.

    Raises:
        PlanError: with every problem found, in the order of their lines.
    """
    document = Document(str(path))
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        message = f"a plan's name ends in {', '.join(_READERS)}, not {path.suffix!r}"
        raise PlanError([Problem(document.file, None, "", message)])
    text = _read_text(path, document)
    if not text.strip():
        raise PlanError([Problem(document.file, None, "", "the plan is empty", _START)])
    reader(text, document)
    if document.data is None and document.problems:
        raise PlanError(document.sorted_problems())
    return _finish(document, path, path.parent, environ, overrides)


def plan_from_mapping(
    data: Mapping[str, Any],
    *,
    path: Path,
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[Override | str] = (),
) -> LoadedPlan:
    """A plan made in code, as the same plain data that a file would hold; judged alike, but its problems have no lines.

    Args:
        data: the plan.
        path: what problems name and whose directory file names are relative to, e.g. the locustfile.
        environ: what ``${NAME}`` stands for; None leaves texts as they are.
        overrides: as for :func:`load_plan`.

    Raises:
        PlanError: with every problem found.
    """
    return _finish(Document(str(path), data), path, path.parent, environ, overrides)


_START = "a plan has at least: base_url: http://… and scenarios: with one scenario"


def _read_text(path: Path, document: Document) -> str:
    file = document.file
    try:
        if path.is_dir():
            raise PlanError([Problem(file, None, "", "this is a directory", "name a plan file in it")])
        with path.open("rb") as stream:
            raw = stream.read(MAX_PLAN_BYTES + 1)
    except FileNotFoundError as error:
        raise PlanError([Problem(file, None, "", "there is no such file", _near_files(path))]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError([Problem(file, None, "", f"the plan cannot be read: {reason}")]) from error
    if len(raw) > MAX_PLAN_BYTES:
        hint = "put test data into a file of its own"
        raise PlanError([Problem(file, None, "", f"the plan is larger than {MAX_PLAN_BYTES // 1024**2} MiB", hint)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem(file, line, "", f"the plan is not UTF-8 text: {error.reason}", "save it as UTF-8")
        raise PlanError([problem]) from error


def _near_files(path: Path) -> str:
    import difflib

    try:
        names = [name for name in os.listdir(path.parent) if Path(name).suffix.lower() in _READERS]  # noqa: PTH208  names only
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {path.parent / near[0]}?" if near else ""


def _finish(
    document: Document,
    path: Path,
    base_dir: Path,
    environ: Mapping[str, str] | None,
    overrides: Sequence[Override | str],
) -> LoadedPlan:
    settle(document)
    if not isinstance(document.data, dict):
        document.add((), "a plan is a mapping of keys to values at its top level", _START)
        raise PlanError(document.sorted_problems())
    own_base_url = document.data.get("base_url")
    apply_overrides(document, _parsed(overrides, document))
    if environ is not None:
        interpolate_document(document, environ)
    plan = _validated(document)
    check_rules(document, base_dir)
    if plan is None or document.problems:
        raise PlanError(document.sorted_problems())
    if isinstance(own_base_url, str) and environ is not None:
        found = interpolate(own_base_url, environ)
        own_base_url = None if found.mistakes else found.text  # a variable that is not set: the command line says
    loaded = _with_secrets_masked(plan, document, path, base_dir)
    return dataclasses.replace(loaded, own_base_url=None if own_base_url is None else str(own_base_url))


def _parsed(overrides: Sequence[Override | str], document: Document) -> Iterator[Override]:
    for override in overrides:
        if isinstance(override, Override):
            yield override
            continue
        try:
            yield parse_override(override)
        except PlanError as error:
            document.problems.extend(error.problems)


def _validated(document: Document) -> Plan | None:
    try:
        return Plan.model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    if texts_as_written(errors, document):
        try:
            return Plan.model_validate(document.data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
    add_model_errors(errors, document)
    return None


def _with_secrets_masked(plan: Plan, document: Document, path: Path, base_dir: Path) -> LoadedPlan:
    found = find_secrets(document)
    redactor = redactor_for(found.texts, plan.model_dump(mode="json", by_alias=True))
    data = masked_data(document.data, (), found.masked_places(redactor), redactor)
    redacted = Plan.model_validate(data).model_dump(mode="json", by_alias=True)
    return LoadedPlan(plan, path, base_dir, redactor, redacted, dict(document.lines), frozenset(document.variables))


def check_runnable(loaded: LoadedPlan, scenarios: Collection[str] | None = None) -> None:
    """See that the scenarios (all unless given) can be run; a plan may well be read and judged without.

    Each needs a behaviour, its locustfile must exist, and where a path is relative there must be a base URL.

    Raises:
        PlanError: with every problem found, in the order of their lines.
    """
    document = Document(str(loaded.path), lines=dict(loaded.lines))
    for name, scenario in loaded.plan.scenarios.items():
        if scenarios is None or name in scenarios:
            _check_behaviour(name, scenario, loaded, document)
            _check_endpoints(scenario.monitors, ("scenarios", name, "monitors"), loaded, document)
    _check_endpoints(loaded.plan.monitors, ("monitors",), loaded, document)
    if loaded.plan.base_url is None:
        _check_steps("setup", loaded.plan.setup, (), document)
        _check_steps("teardown", loaded.plan.teardown, (), document)
    if document.problems:
        raise PlanError(document.sorted_problems())


def _check_endpoints(monitors: Sequence[Monitor], path: DataPath, loaded: LoadedPlan, document: Document) -> None:
    for index, monitor in enumerate(monitors):
        if monitor.prometheus is not None and monitor.prometheus.startswith("/") and loaded.plan.base_url is None:
            message = f'"{monitor.prometheus}" is below a base URL, and the plan has none'
            document.add((*path, index, "prometheus"), message, "give the plan a base_url, or the monitor a whole URL")


def _check_behaviour(name: str, scenario: Scenario, loaded: LoadedPlan, document: Document) -> None:
    path: DataPath = ("scenarios", name)
    declared: list[tuple[DataPath, Behaviour]] = [(path, scenario)]
    declared += [((*path, "roles", role), behaviour) for role, behaviour in scenario.roles.items()]
    if any(behaviour.endpoints or behaviour.flow for _, behaviour in declared):
        if loaded.plan.base_url is None:
            _check_addresses(declared, document)
        return
    at: DataPath = (*path, "locustfile")
    locustfile: object = scenario.locustfile
    if locustfile is None:
        at = ("locust", "locustfile")
        locustfile = loaded.plan.locust.get("locustfile")
    if locustfile is None:
        hint = "give it endpoints, flow, roles or a locustfile, or the whole plan a locust: locustfile"
        if scenario.user_classes:
            document.add((*path, "user_classes"), "it names classes, but no file they are in", hint)
        else:
            document.add(path, "it says how many users there are, but not what they do", hint)
    elif not isinstance(locustfile, str) or not (loaded.base_dir / locustfile).is_file():
        document.add(at, f"there is no file {locustfile}", "a locustfile is looked for beside the plan")


def _check_addresses(declared: Sequence[tuple[DataPath, Behaviour]], document: Document) -> None:
    for path, behaviour in declared:
        for key in ("on_start", "endpoints", "flow"):
            _check_steps(key, getattr(behaviour, key), path, document)


def _check_steps(key: str, steps: Sequence[Step], above: DataPath, document: Document) -> None:
    for index, step in enumerate(steps):
        here: DataPath = (*above, key, index)
        parts = {"websocket": step.websocket, "events": step.events, "undo": step.undo}
        addresses = {(*here, "path"): step.path}
        addresses |= {(*here, name, "path"): part.path for name, part in parts.items() if part is not None}
        for at, address in addresses.items():
            if address is not None and address.startswith("/"):
                message = f'"{address}" is below a base URL, and the plan has none'
                document.add(at, message, "give the plan a base_url, or the request a whole URL")
