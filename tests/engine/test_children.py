"""Worker processes on this machine: what lies in the folder does not matter; who never joined is not waited for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadworthy.engine.children import Children

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
LEAVE = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def test_those_that_never_joined_are_killed_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run that is stopped while they come must not use up the time that a container has to stop; others may end."""
    commands, made = [SLEEP, LEAVE], list[subprocess.Popen[bytes]]()
    popen: type[subprocess.Popen[bytes]] = subprocess.Popen

    def start(_command: object, **options: Any) -> subprocess.Popen[bytes]:
        made.append(popen(commands[len(made)], **options))
        return made[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    ours = Children()
    ours.start(2, "127.0.0.1:1", tmp_path)
    ours.end(600, {made[1].pid})
    assert [one.returncode for one in made] == [-9, 0]
    assert list(tmp_path.iterdir()) == []


def test_modules_of_the_folder_are_not_taken_for_pythons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A suite may have a random.py or a token.py beside its plan; the command itself does not look there either."""
    commands: list[list[str]] = []
    popen: type[subprocess.Popen[bytes]] = subprocess.Popen

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        commands.append(command)
        return popen(LEAVE, **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    ours = Children()
    ours.start(1, "127.0.0.1:1", tmp_path)
    ours.end(600, {None})
    monkeypatch.undo()
    (tmp_path / "argparse.py").write_text("raise SystemExit(77)", encoding="utf-8")
    (command,) = commands
    assert subprocess.run([*command, "--help"], cwd=tmp_path, capture_output=True, check=False).returncode == 0
