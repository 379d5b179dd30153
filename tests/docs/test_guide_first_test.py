"""docs/first-test.md: what it says is typed again in an empty folder, and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.support.guide import blocks_of, write_files

PORT = "8000"
MET, EASILY_MET = "500ms", "50s"
LIMIT_S = 120
BLOCKS = blocks_of("first-test")
TRANSCRIPT = "".join(block.text for block in BLOCKS if block.language == "console")
TYPED = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", TRANSCRIPT, re.MULTILINE)
"""What is typed, and what it prints."""
ELIDED = "…\n"
OF_THE_MACHINE = re.compile(r"^(?:\w+: [\d.]+ s of [\d.]+ s  |warning: The generator's ).*\n", re.MULTILINE)
"""Lines that come at a time of their own: how far it is, and that this machine is busy. The page shows none."""


def test_the_transcript_holds_what_it_is_for() -> None:
    """From nothing to a plan, a run that passes, and one that fails for its slow endpoint."""
    commands = [command for command, _ in TYPED]
    assert commands[0] == "python service.py"
    assert commands[1].startswith("loadworthy init ")
    assert [said for command, said in TYPED if command == "echo $?"] == ["0\n", "1\n"]
    assert "FAIL" in next(said for command, said in reversed(TYPED) if command.startswith("loadworthy run"))


@pytest.mark.slow
def test_what_is_typed_prints_what_the_page_says(tmp_path: Path) -> None:
    """But for numbers and times; the plan that it shows is all of the plan that init writes, but for its head.

    The limit that is met is typed a hundred times as long: a busy machine shall meet it, too.
    """
    write_files(BLOCKS, tmp_path)
    service = tmp_path / "service.py"
    service.write_text(service.read_text(encoding="utf-8").replace(PORT, "0"), encoding="utf-8")
    code = 0
    with _running("service.py", tmp_path) as first_lines:
        port = first_lines.partition("\n")[0].rpartition(":")[2]
        for command, said in TYPED:
            if command == "python service.py":
                printed = first_lines
            else:
                typed = command.replace(PORT, port).replace("--yes", f"--yes --p95 {EASILY_MET}")
                printed, code = _type(typed, code, tmp_path)
            _compare(command, said, printed.replace(f"p95 < {EASILY_MET}", f"p95 < {MET}"))
    shown = next(said for command, said in TYPED if command == "cat plan.yaml").removeprefix(ELIDED)
    written = yaml.safe_load(_as_on_the_page((tmp_path / "plan.yaml").read_text(encoding="utf-8"), port))
    assert written["scenarios"]["load"]["thresholds"].pop() == "GET /api/search* p95 < 200ms"
    assert yaml.safe_load(shown) == written


def _as_on_the_page(plan: str, port: str) -> str:
    return plan.replace(port, PORT).replace(f"p95 < {EASILY_MET}", f"p95 < {MET}")


@contextmanager
def _running(script: str, folder: Path) -> Iterator[str]:
    """The service of the page; the two lines that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-u", script], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline() + process.stdout.readline()
    finally:
        process.communicate("\n", timeout=LIMIT_S)


def _type(command: str, code: int, folder: Path) -> tuple[str, int]:
    """What a shell prints, to which the command before had this exit code; and its own exit code."""
    ours = f'loadworthy() {{ "{sys.executable}" -m loadworthy "$@"; }}'
    done = subprocess.run(
        ["bash", "-c", f"{ours}\n(exit {code})\n{command}"], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    return done.stdout, done.returncode


def _compare(command: str, said: str, printed: str) -> None:
    """Each stretch between two elisions is there, in this order; without one at its end the output ends, too."""
    stretches = [_normal(stretch) for stretch in re.split(r"^…\n", said, flags=re.MULTILINE)]
    rest = _normal(OF_THE_MACHINE.sub("", printed))
    assert rest.startswith(stretches[0]), f"$ {command}\n{printed}"
    for stretch in stretches:
        assert stretch in rest, f"$ {command}: the page says\n{stretch}\nwhat was printed:\n{printed}"
        rest = rest[rest.index(stretch) + len(stretch) :]
    assert said.endswith(ELIDED) or not rest.strip(), f"$ {command}: this is not on the page: {rest}"


def _normal(text: str) -> str:
    """Without what differs from run to run: numbers, units that go with them, dashes for figures, line ends."""
    text = re.sub(r"\d[\d.,:T-]*\d|\d", "#", text)
    text = re.sub(r"# (?:ms|s|min)\b", "# t", text)
    return " ".join(text.replace("\N{EN DASH}", "#").split())


@pytest.mark.parametrize(
    ("said", "printed", "good"),
    [
        ("a 1 ms\n", "a 2.5 s\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\nb\n", True),
        ("a\n…\nc\n", "a\nb\nc\n", True),
        ("…\nc\n", "a\nb\n", False),
        ("c\n", "a\nc\n", False),
        (" PASS   2026-11-28T11-58-16-load\n", " FAIL   2026-11-28T11-58-16-load\n", False),
        ("a\nb\n", "a\nload: 5.1 s of 10 s  30 users\nb\n", True),
    ],
)
def test_the_comparison_can_tell(said: str, printed: str, good: bool) -> None:
    """Numbers are no matter, words are."""
    try:
        _compare("x", said, printed)
    except AssertionError:
        assert not good
    else:
        assert good
