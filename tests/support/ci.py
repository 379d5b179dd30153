"""A CI service as far as our jobs need one: runs the scripts of a job in order, with stand-ins for its programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_GH = """#!/bin/bash
printf '%s\\n' "$*" >> "$FAKES/gh.log"
for word in "$@"; do
  case "$word" in
    body@*) exit 2 ;;
    body=@*) cp "${word#body=@}" "$FAKES/comment.md" ;;
    --jq) cat "$FAKES/comments" ;;
  esac
done
exit "${GH_CODE:-0}"
"""
_CURL = """#!/bin/bash
printf '%s\\n' "$*" >> "$FAKES/curl.log"
for word in "$@"; do
  case "$word" in
    body@*) cp "${word#body@}" "$FAKES/comment.md" ;;
    @/dev/fd/*) cat "${word#@}" >> "$FAKES/headers" ;;
    *per_page*) cat "$FAKES/notes.json" ;;
  esac
done
"""
_PIP = """#!/bin/bash
printf '%s\\n' "$*" >> "$FAKES/pip.log"
"""


@dataclass
class Ci:
    """A folder with a checkout and stand-ins for ``gh``, ``curl`` and ``pip`` that remember what they were asked.

    Args:
        folder: the checkout.
        fakes: where the stand-ins are, and what they leave.
    """

    folder: Path
    fakes: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def in_folder(cls, folder: Path) -> Ci:
        """With all its stand-ins."""
        made = cls(folder / "checkout", folder / "fakes")
        made.folder.mkdir()
        made.fakes.mkdir()
        programs = {"gh": _GH, "curl": _CURL, "pip": _PIP,
                    "loadworthy": f'#!/bin/bash\nexec "{sys.executable}" -m loadworthy "$@"\n'}  # fmt: skip
        for name, text in programs.items():
            (made.fakes / name).write_text(text)
            (made.fakes / name).chmod(0o755)
        (made.fakes / "notes.json").write_text("[]")
        (made.fakes / "comments").write_text("")
        return made

    def bash(self, script: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a script as these services do."""
        inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{self.fakes}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**inherited, "PATH": path, "FAKES": str(self.fakes), **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def said(self, name: str) -> str:
        """What a stand-in left."""
        path = self.fakes / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def forget(self) -> None:
        """What stand-ins left and a checkout does not have goes; the baseline, which is cached, stays."""
        for name in ("gh.log", "curl.log", "pip.log", "comment.md", "headers"):
            (self.fakes / name).unlink(missing_ok=True)
        for name in ("report.md", "comparison.md", "note.md"):
            (self.folder / name).unlink(missing_ok=True)
        if (self.folder / "runs").exists():
            (self.folder / "runs").rename(self.fakes / f"runs-{len(list(self.fakes.iterdir()))}")

    # GitHub.

    def github(self, workflow: Mapping[str, Any], event: Mapping[str, Any], **changed: str) -> tuple[int, str]:
        """Run the only job of a workflow; its exit code and all that it printed."""
        files = {name: self.fakes / name for name in ("GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        (job,) = workflow["jobs"].values()
        environ = {**_texts(workflow.get("env", {})), **changed, **{name: str(path) for name, path in files.items()}}
        code, printed = 0, ""
        for step in job["steps"]:
            known = {"github": event, "env": environ}
            asked = str(step.get("if", "success()"))
            if "run" not in step or not _holds(asked, known) or (code and "always()" not in asked):
                continue
            own = {name: _filled(text, known) for name, text in _texts(step.get("env", {})).items()}
            done = self.bash(step["run"], {**environ, **own})
            printed += done.stdout + done.stderr
            code = code or done.returncode
            environ |= dict(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines())
        return code, printed

    # GitLab.

    def gitlab(self, job: Mapping[str, Any], **variables: str) -> tuple[int, str]:
        """Run a job: all parts of its script in one shell; its exit code and all that it printed.

        What its cache held is there when it begins, and kept when it ends as the cache's ``policy`` and ``when`` say.
        """
        rule: Mapping[str, Any] = next((one for one in job["rules"] if _rule_holds(one["if"], variables)), {})
        environ = {**_texts(job["variables"]), **_texts(rule.get("variables", {})), **variables}
        cache = job["cache"]
        policy = environ[cache["policy"].removeprefix("$")]
        (path,) = cache["paths"]
        here, there = self.folder / path, self.fakes / "cache" / path
        _replace(there, here)
        done = self.bash("\n".join(job["script"]), environ)
        when = cache.get("when", "on_success")
        if "push" in policy and when in ("always", "on_success" if done.returncode == 0 else "on_failure"):
            _replace(here, there)
        return done.returncode, done.stdout + done.stderr


def _replace(source: Path, target: Path) -> None:
    """A folder where another was; where there is none, none."""
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        shutil.copytree(source, target)


def _rule_holds(condition: str, variables: Mapping[str, str]) -> bool:
    """GitLab's ``$A == "b"`` and ``$A == $B``; a variable that is not there is null, and equals nothing here."""
    left, right = condition.split(" == ")
    wanted = right.strip('"') if right.startswith('"') else variables.get(right.removeprefix("$"))
    return wanted is not None and variables.get(left.removeprefix("$")) == wanted


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _value(path: str, known: Mapping[str, Any]) -> str:
    value: Any = known
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return str(value)


def _filled(text: str, known: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{\{\s*([\w.]+)\s*\}\}", lambda match: _value(match[1], known), text)


def _holds(condition: str, known: Mapping[str, Any]) -> bool:
    """An ``if`` made of ``&&``, comparisons and functions that are true here."""
    return all(_one_holds(part.strip(), known) for part in condition.split("&&"))


def _one_holds(part: str, known: Mapping[str, Any]) -> bool:
    if part in ("always()", "success()"):
        return True
    left, sign, right = re.split(r"\s*(==|!=)\s*", part)
    values = [side[1:-1] if side.startswith("'") else _value(side, known) for side in (left, right)]
    return (values[0] == values[1]) is (sign == "==")
