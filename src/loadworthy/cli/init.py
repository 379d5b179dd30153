"""``loadworthy init``: a plan, a user file and a CI job that run at once."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from loadworthy.cli.init_files import (
    CI_CHOICES,
    GITHUB_FILE,
    GITLAB_FILE,
    GITLAB_INCLUDE,
    GITLAB_ROOT,
    PLAN,
    Answers,
    checked_ci,
    checked_p95,
    checked_path,
    checked_url,
    rendered,
    with_ignored,
)
from loadworthy.cli.init_service import LIKELY_PATHS, OPENAPI_PATH, Service, complaint_of, look_at
from loadworthy.errors import ExitCode, UsageError

DEFAULT_URL, DEFAULT_P95 = "http://localhost:8000", "500ms"

EPILOG = """\
examples:
  loadworthy init
  loadworthy init --yes
  loadworthy init load-tests --url http://localhost:8000 --path /health --path /api/items --p95 300ms --ci github

It asks for what is not given; with --yes, and where standard input is no terminal, it takes what stands in brackets.
Of a service on this machine it finds a path by itself: /health, /healthz, / or one of its /openapi.json that answers.
It writes plan.yaml (a smoke test and a load test), users.py (what the users of the load test do), a CI job, and adds
runs/ to .gitignore. Files that are there already are kept, unless --force is given.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path(), help="where to (here)")
    parser.add_argument("--url", metavar="URL", help=f"base URL of the service [{DEFAULT_URL}]")
    parser.add_argument("--path", metavar="PATH", action="append", default=[],
                        help="a path that answers, e.g. /health; may be repeated")  # fmt: skip
    parser.add_argument("--p95", metavar="TIME", help=f"95 %% of requests shall be quicker than this [{DEFAULT_P95}]")
    parser.add_argument(
        "--ci", choices=CI_CHOICES, help="whose CI the job is for [github, or gitlab if it is used here]"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Ask, write, say what to do next."""
    folder: Path = arguments.folder
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder")
    ask = _Questions(can_ask=not arguments.yes and sys.stdin.isatty() and sys.stdout.isatty())
    url = ask.about("Base URL of the service", arguments.url, DEFAULT_URL, checked_url, "--url")
    service = look_at(url, LIKELY_PATHS if not arguments.path else ())
    paths = [_given(path, checked_path, "--path") for path in arguments.path]
    if not paths:
        paths = [ask.about("A path that answers", None, _path_of(service), checked_path, "--path")]
    p95 = ask.about("95 % of requests shall be quicker than", arguments.p95, DEFAULT_P95, checked_p95, "--p95")
    ci = ask.about(f"CI ({', '.join(CI_CHOICES)})", arguments.ci, _likely_ci(folder), checked_ci, "--ci")
    answers = Answers(url, tuple(dict.fromkeys(paths)), p95, ci)
    written, kept = _write(folder, _files(folder, answers), force=arguments.force)
    for line in _words(folder, answers, service, written, kept):
        print(line)
    return ExitCode.PASS


class _Questions:
    """Asks at a terminal, and takes the default elsewhere."""

    def __init__(self, *, can_ask: bool) -> None:
        self._can_ask = can_ask

    def about(self, question: str, given: str | None, default: str, check: Callable[[str], str], option: str) -> str:
        """What was given by its option, or what is answered; again, while it is no answer."""
        if given is not None:
            return _given(given, check, option)
        while self._can_ask:
            try:
                answer = input(f"{question} [{default}]: ")
            except EOFError as error:
                print()
                raise UsageError("there was no answer, so nothing is written; --yes asks nothing") from error
            try:
                return check(answer if answer.strip() else default)
            except ValueError as error:
                print(f"  {error}")
        return check(default)


def _given(text: str, check: Callable[[str], str], option: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def _likely_ci(folder: Path) -> str:
    """GitLab where the folder shows it; GitHub otherwise."""
    if (folder / GITLAB_ROOT).exists():
        return "gitlab"
    try:
        config = (folder / ".git" / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "github"
    return "gitlab" if "gitlab" in config and "github.com" not in config else "github"


def _files(folder: Path, answers: Answers) -> dict[str, str]:
    """All that is to be there, with what belongs to files that are there already."""
    from loadworthy.cli.import_ import MODELINE, SCHEMA_FILE

    wanted = rendered(answers)
    if (folder / SCHEMA_FILE).is_file():
        wanted[PLAN] = MODELINE + wanted[PLAN]
    if answers.ci == "gitlab" and not (folder / GITLAB_ROOT).exists():
        wanted[GITLAB_ROOT] = GITLAB_INCLUDE
    return wanted


def _write(folder: Path, wanted: Mapping[str, str], *, force: bool) -> tuple[list[str], list[str]]:
    """Write the files; which were written, and which were kept as they are."""
    from loadworthy.record.rundir import replace_file

    written, kept = [], []
    for name in wanted:
        if (folder / name).is_dir():
            raise UsageError(f"{folder / name} is a folder; there is to be a file of that name")
    try:
        for name, text in wanted.items():
            path = folder / name
            if (path.exists() or path.is_symlink()) and not force:
                kept.append(name)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text)
            written.append(name)
        ignore = folder / ".gitignore"
        text_now = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
        more = with_ignored(text_now)
        if more is not None:
            replace_file(ignore, more)
            written.append(".gitignore")
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{folder / '.gitignore'} is not UTF-8 text; add runs/ to it yourself") from error
    return written, kept


def _words(
    folder: Path, answers: Answers, service: Service, written: Sequence[str], kept: Sequence[str]
) -> Iterator[str]:
    if written:
        yield f"wrote in {folder}: {', '.join(written)}"
    if kept:
        yield f"kept as they are: {', '.join(kept)} (--force writes over them)"
    if service.answers is False:
        port = urlsplit(answers.url).port or 80
        yield f"\nNothing listens at {answers.url} yet. Start your service, or one of ours to see how it goes:"
        yield f"  python -m loadworthy.demo.service --port {port}"
    yield from _about_paths(folder, answers, service)
    yield "\nNext:"
    if folder != Path():
        yield f"  cd {shlex.quote(str(folder))}"
    yield f"  loadworthy run {PLAN} --scenario smoke"
    yield f"  loadworthy run {PLAN}"
    if service.has_openapi:
        yield "\nThe service describes itself. A plan of all that it can do:"
        yield f"  loadworthy import {shlex.quote(answers.url + OPENAPI_PATH)} --out api.yaml"
    yield from _about_ci(folder, answers)
    yield "\nFor an editor that completes and checks the plan: loadworthy schema --out plan.schema.json"


def _path_of(service: Service) -> str:
    """The path to offer."""
    return service.path or ("/" if service.answers else LIKELY_PATHS[0])


def _about_paths(folder: Path, answers: Answers, service: Service) -> Iterator[str]:
    """Those at which the service has nothing good to say."""
    asked = [path for path in answers.paths if path != service.path] if service.answers else []
    complaints = [one for path in asked if (one := complaint_of(answers.url, path))]
    if complaints:
        yield f"\n{', and '.join(complaints)}, so the tests fail as they are. Name a path that answers:"
        where = "" if folder == Path() else f"{shlex.quote(str(folder))} "
        yield f"  loadworthy init {where}--url {shlex.quote(answers.url)} --path /PATH --force"


def _about_ci(folder: Path, answers: Answers) -> Iterator[str]:
    """What is left to do for CI."""
    file = {"github": GITHUB_FILE, "gitlab": GITLAB_FILE}.get(answers.ci)
    if file is None:
        return
    yield f"\nIn CI: say in {file} what pip installs and how the service is started, between >>> and <<<."
    root = next((one for one in folder.resolve().parents if (one / ".git").exists()), None)
    if root is not None and not (folder / ".git").exists():
        yield f"{folder} is not the root of its repository: move {file} to {root}, and set PLAN in it."
    if answers.ci == "gitlab" and GITLAB_INCLUDE not in _text(folder / GITLAB_ROOT):
        yield f"Add to {GITLAB_ROOT}:\n  include:\n    - local: {GITLAB_FILE}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
