"""The files that `loadworthy init` writes, from what was answered; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlsplit

from loadworthy import __version__
from loadworthy.units import format_duration, parse_duration_us

CI_CHOICES = ("github", "gitlab", "none")
PLAN, USERS, IGNORED = "plan.yaml", "users.py", "runs/"
GITHUB_FILE = ".github/workflows/performance.yml"
GITLAB_FILE, GITLAB_ROOT = "performance.gitlab-ci.yml", ".gitlab-ci.yml"
GITLAB_INCLUDE = f"include:\n  - local: {GITLAB_FILE}\n"

_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?(?:/[^\s\"'\\{}$#?]*(?<!:))?")
_PATH = re.compile(r"/[^\s\"'\\{}$#]*(?<!:)")
_MARK = re.compile(r"@@([A-Z0-9_]+)@@")
_LEAST_SMOKE = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """What the files are made from.

    Args:
        url: base URL, as :func:`checked_url` has it.
        paths: one or more, as :func:`checked_path` has them.
        p95: the target of the 95th percentile, a duration.
        ci: one of :data:`CI_CHOICES`.
    """

    url: str
    paths: Sequence[str]
    p95: str
    ci: str


def checked_url(text: str) -> str:
    """A base URL. ValueError where it is none, or holds what should not stand in files."""
    text = text.strip().rstrip("/")
    if "@" in text:
        raise ValueError("leave out user and password; give them by the variable BASE_URL when you run it")
    if not text.isprintable() or not _URL.fullmatch(text):
        raise ValueError("write a URL like http://localhost:8000")
    try:
        _ = urlsplit(text).port
    except ValueError as error:
        raise ValueError("write a port from 1 to 65535") from error
    return text


def checked_path(text: str) -> str:
    """A path. ValueError where it is none."""
    text = text.strip()
    if not text.isprintable() or not _PATH.fullmatch(text):
        raise ValueError("write a path like /health, as it stands in a URL")
    return text


def checked_p95(text: str) -> str:
    """A duration above 0 as plans have it. ValueError where it is none.

    A number alone is none: durations are seconds without a unit, limits of thresholds ms, and nobody can tell.
    """
    duration_us = parse_duration_us(text)
    if duration_us <= 0 or text.strip()[-1:].isdigit():
        raise ValueError("write a time like 500ms")
    return format_duration(duration_us)


def checked_ci(text: str) -> str:
    """A choice of CI. ValueError where there is no such."""
    chosen = text.strip().lower()
    if chosen not in CI_CHOICES:
        raise ValueError(f"write {', '.join(CI_CHOICES[:-1])} or {CI_CHOICES[-1]}")
    return chosen


def rendered(answers: Answers) -> dict[str, str]:
    """Path below the folder → text."""
    first, second = answers.paths[0], answers.paths[1 % len(answers.paths)]
    values = {
        "URL": answers.url,
        "P95": answers.p95,
        "VERSION": __version__,
        "SMOKE": str(max(_LEAST_SMOKE, 2 * len(answers.paths))),
        "ENDPOINTS": "\n".join(f"      - path: {path}" for path in answers.paths),
        "FIRST": json.dumps(first, ensure_ascii=False),
        "SECOND": json.dumps(second, ensure_ascii=False),
        "SECOND_NAME": json.dumps(f"{second} (reloaded)", ensure_ascii=False),
    }
    result = {PLAN: _filled("plan.yaml", values), USERS: _filled("users.py.txt", values)}
    if answers.ci == "github":
        result[GITHUB_FILE] = _filled("github.yml", values)
    elif answers.ci == "gitlab":
        result[GITLAB_FILE] = _filled("gitlab.yml", values)
    return result


def _filled(name: str, values: dict[str, str]) -> str:
    text = files("loadworthy.cli").joinpath("templates", name).read_text(encoding="utf-8")
    return _MARK.sub(lambda mark: values[mark[1]], text)


def with_ignored(text: str) -> str | None:
    """A ``.gitignore`` that leaves out run directories; None where it does already."""
    if {line.strip().strip("/") for line in text.splitlines()} & {"runs"}:
        return None
    between = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{between}{IGNORED}\n"
