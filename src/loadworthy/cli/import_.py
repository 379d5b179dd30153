"""``loadworthy import SOURCE``: a plan from what there is already."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loadworthy.cli.import_source import Source, files_beside, locust_configs, read_beside, read_source
from loadworthy.errors import ExitCode, LoadworthyError, PlanError, UsageError

if TYPE_CHECKING:
    from loadworthy.importers.imported import Imported, ImportOptions, Note

FORMATS = ("openapi", "har", "curl", "postman", "locust", "config")
DEFAULT_OUT = "plan.yaml"
SCHEMA_FILE = "plan.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
"""Makes editors complete and check a plan; written where the schema stands beside it."""
_MOST_NOTES = 30
_MANY = 3
"""For more places than these the same is said once."""
_OUR_MISTAKE = "the plan that was made is not right. That is a mistake in Loadworthy; please report it."
_REQUESTS = frozenset({"path", "websocket", "events"})
_STEP_LISTS = ("endpoints", "flow", "on_start", "setup", "teardown")

EPILOG = """\
examples:
  loadworthy import openapi.json --login 'POST /auth/login'
  loadworthy import http://localhost:8000/openapi.json --only '/orders*' --only 'GET /items*'
  loadworthy import recording.har --out checkout.yaml --scenario checkout
  loadworthy import collection.json --url http://localhost:8000
  loadworthy import locustfile.py
  loadworthy import README.md --from locust
  pbpaste | loadworthy import - --from curl

SOURCE is an OpenAPI 3 document (a file, or a URL on this machine), a HAR recording, a text with curl command lines, a
Postman collection, a locustfile with the locust.conf or pyproject.toml beside it, a text with `locust` command lines,
or a config.json with test_scenarios. Which it is shows by itself, mostly; --from says it.

What looks like a credential is not written: the plan has ${NAME}, and what to set is printed. What the plan does not do
as the source does is listed, and stands at the top of the plan.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a file, - for standard input, or a URL on this machine")
    parser.add_argument("--from", metavar="FORMAT", dest="format", choices=FORMATS,
                        help=f"what it is: {', '.join(FORMATS)}")  # fmt: skip
    parser.add_argument("--out", metavar="FILE", default=DEFAULT_OUT,
                        help=f"where the plan goes ({DEFAULT_OUT}); - prints it")  # fmt: skip
    parser.add_argument("--url", metavar="URL", help="base URL of the target, instead of the source's own")
    parser.add_argument("--scenario", metavar="NAME", default="load", help="name of the scenario (load)")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="only such requests, e.g. '/orders*' or 'POST /orders'; may be repeated")  # fmt: skip
    parser.add_argument("--login", metavar="'METHOD /PATH'", help="the request that logs a user in")
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Read the source, write the plan and its files, say what became of it."""
    from loadworthy.importers.formats import find_format
    from loadworthy.importers.imported import ImportOptions

    _check(arguments)
    source = read_source(arguments.source)
    options = ImportOptions(
        arguments.url, arguments.scenario, tuple(arguments.only), arguments.login, read=files_beside(source)
    )
    chosen = arguments.format or find_format(source.text, source.name)
    out = None if arguments.out == "-" else Path(arguments.out)
    imported = _imported(chosen, source, options)
    _place_locustfiles(imported.plan, source.folder, Path() if out is None else out.parent)
    text = _with_modeline(_text_of(imported), out)
    _check_names(imported.files)
    _check_loads(text, imported)
    if out is None:
        sys.stdout.write(text)
        if imported.files:
            print(f"it needs these files, which --out FILE writes: {', '.join(imported.files)}", file=sys.stderr)
    else:
        _write(out, text, imported.files, force=arguments.force)
    for line in _words(imported, out):
        print(line, file=sys.stderr if out is None else sys.stdout)
    return ExitCode.PASS


def _check(arguments: argparse.Namespace) -> None:
    """What was said besides the source, before it is read."""
    if arguments.url is not None and not re.fullmatch(r"https?://[^\s/]+\S*", arguments.url):
        raise UsageError(f"--url {arguments.url}: write the base URL, e.g. http://localhost:8000")
    if arguments.login is not None and not re.fullmatch(r"([A-Za-z]+\s+)?/\S*", arguments.login.strip()):
        raise UsageError(f"--login {arguments.login!r}: write a method and a path, e.g. 'POST /auth/login'")
    if re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', arguments.scenario) or not arguments.scenario.strip(" ."):
        raise UsageError(f"--scenario {arguments.scenario!r}: a name becomes part of file names; use letters and -")
    if arguments.out != "-" and Path(arguments.out).suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out {arguments.out}: the plan is written as YAML; give it a name that ends in .yaml")


def _imported(chosen: str, source: Source, options: ImportOptions) -> Imported:
    from loadworthy.importers.formats import importer

    if chosen == "locust":
        return _imported_locust(source, options)
    imported = importer(chosen)(source.text, options)
    if options.base_url is None and source.origin is not None:
        _complete_url(imported.plan, source.origin)
    return imported


def _imported_locust(source: Source, options: ImportOptions) -> Imported:
    from loadworthy.importers.locust.plan import import_locust

    name, config = None, None
    for name, config in locust_configs(source):  # noqa: B007  the last one is meant
        pass
    return import_locust(
        source.text,
        options,
        config,
        name=source.name or "standard input",
        config_name=name or "locust.conf",
        read=lambda path: read_beside(source.folder, path),
    )


def _complete_url(plan: dict[str, Any], origin: str) -> None:
    """A document that does not say where its service is was fetched from there."""
    parts = urlsplit(origin)
    own = str(plan.get("base_url") or "")
    if own.startswith("/") or not own:
        plan["base_url"] = f"{parts.scheme}://{parts.netloc}{own}"
    elif match := re.fullmatch(r"(\$\{\w+:-)[^}]*\}", own):
        path = urlsplit(own[len(match[1]) : -1]).path.rstrip("/")
        plan["base_url"] = f"{match[1]}{parts.scheme}://{parts.netloc}{path}}}"


def _place_locustfiles(plan: Mapping[str, Any], source: Path, plan_folder: Path) -> None:
    """The paths of locustfiles, which the source has relative to itself, relative to the plan."""
    for scenario in plan.get("scenarios", {}).values():
        path = scenario.get("locustfile")
        if path is not None and not Path(path).is_absolute():
            scenario["locustfile"] = Path(os.path.relpath(source / path, plan_folder)).as_posix()


def _text_of(imported: Imported) -> str:
    from loadworthy.importers.emit import plan_yaml

    return plan_yaml(imported)


def _with_modeline(text: str, out: Path | None) -> str:
    return MODELINE + text if out is not None and (out.parent / SCHEMA_FILE).is_file() else text


def _check_names(files: Mapping[str, str]) -> None:
    """File names may come from the source; they stay beside the plan."""
    for name in files:
        parts = PurePosixPath(name)
        if parts.is_absolute() or not parts.name or any(part in ("..", "") for part in name.split("/")) or "\\" in name:
            raise LoadworthyError(f"the file {name!r} would not stand beside the plan; nothing is written")
        if not name.isprintable():
            raise LoadworthyError(f"the file {name!r} has a name that cannot be written; nothing is written")


def _write(out: Path, text: str, files: Mapping[str, str], *, force: bool) -> None:
    from loadworthy.record.rundir import replace_file

    wanted = {out: text, **{out.parent / name: content for name, content in files.items()}}
    there = [str(path) for path in wanted if path.exists()]
    if there and not force:
        verb = "are" if len(there) > 1 else "is"
        raise UsageError(f"{', '.join(there)} {verb} there already; --force writes over, --out FILE writes elsewhere")
    folder = out.parent.resolve()
    for path, content in wanted.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path is not out and not path.parent.resolve().is_relative_to(folder):
                raise UsageError(f"{path} is a link that leads out of {out.parent}; it is not written")
            replace_file(path, content)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _check_loads(text: str, imported: Imported) -> None:
    """The plan must load, and read as it was meant; where it does not, the mistake is ours."""
    from loadworthy.plan.document import Document
    from loadworthy.plan.load import load_plan
    from loadworthy.plan.yaml_reader import read_yaml

    # Whatever a variable stands for, a URL can take its place, at the beginning of a path, too; but in a password.
    # What the variables hold here does not matter: whether the plan is right is not their affair.
    environ = {name: "x" if f"${{{name}}}@" in text else "http://localhost" for name in imported.variables}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.yaml")
        path.write_text(text, encoding="utf-8")
        for name, content in imported.files.items():
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, name).write_text(content, encoding="utf-8")
        try:
            load_plan(path, environ=environ)
        except PlanError as error:
            raise LoadworthyError(f"{_OUR_MISTAKE} {str(error).replace(str(path), 'plan.yaml')}") from error
    document = Document("plan.yaml")
    read_yaml(text, document)
    if document.data != json.loads(json.dumps(imported.plan)):
        raise LoadworthyError(f"{_OUR_MISTAKE} A value in it reads as another than the source has.")


def _words(imported: Imported, out: Path | None) -> Iterator[str]:
    from loadworthy.report.terminal import plain

    yield plain(f"{out or 'the plan'}: {_contents(imported.plan)}, from {imported.source}")
    if out is not None and imported.files:
        yield plain(f"beside it: {', '.join(imported.files)}")
    if imported.variables:
        yield "\nIt needs these environment variables:"
        width = max(map(len, imported.variables))
        for name, what in imported.variables.items():
            yield plain(f"  {name:<{width}}  {what}")
    if imported.notes:
        yield f"\nWhat it does not do as the source does ({len(imported.notes)}):"
        yield from map(plain, _told(imported.notes))
    yield "\nNext:"
    for name in imported.variables:
        yield plain(f"  export {name}=…")
    yield plain(f"  loadworthy run {shlex.quote(str(out or DEFAULT_OUT))}")


def _told(notes: Sequence[Note]) -> Iterator[str]:
    """The notes; what holds for many places is said once, with the first of them."""
    from loadworthy.importers.imported import by_what

    lines: list[str] = []
    for what, places in by_what(notes).items():
        if len(places) <= _MANY:
            lines += [f"  {where}: {what}" for where in places]
        else:
            lines.append(f"  {', '.join(places[:_MANY])} and {len(places) - _MANY} more: {what}")
    yield from lines[:_MOST_NOTES]
    if len(lines) > _MOST_NOTES:
        yield f"  and {len(lines) - _MOST_NOTES} more, all at the top of the plan"


def _contents(plan: Mapping[str, Any]) -> str:
    scenarios = plan.get("scenarios", {})
    requests = sum(map(_requests, (plan, *scenarios.values())))
    files = {scenario["locustfile"] for scenario in scenarios.values() if "locustfile" in scenario}
    parts = [_counted(requests, "request")] if requests or not files else []
    parts += [f"users of {', '.join(sorted(files))}"] if files else []
    return f"{' and '.join(parts)} in {_counted(len(scenarios), 'scenario')}"


def _requests(part: Mapping[str, Any]) -> int:
    """How many requests stand in a plan, a scenario or a role; neither pauses nor messages of a WebSocket are any."""
    steps = [step for key in _STEP_LISTS for step in part.get(key) or ()]
    own = sum(1 for step in steps if not _REQUESTS.isdisjoint(step))
    return own + sum(map(_requests, (part.get("roles") or {}).values()))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
