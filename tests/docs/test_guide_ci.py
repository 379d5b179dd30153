"""docs/ci.md: its files are YAML, its tables say what `loadworthy init` writes, its script parses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from tests.support.guide import blocks_of, commands_of, parse, text_of, words_of

from loadworthy.cli.main import _dispatch
from loadworthy.errors import ExitCode

TEXT = text_of("ci")
FILES = {str(block.file): block for block in blocks_of("ci") if block.file}
WRITTEN = {"github": ".github/workflows/performance.yml", "gitlab": "performance.gitlab-ci.yml"}
URL = "http://127.0.0.1:1"


@pytest.fixture(params=WRITTEN)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The variables of the file that init writes, which must be where the page says."""
    assert _dispatch(["init", str(tmp_path), "--url", URL, "--ci", request.param, "--yes"]) == 0
    text = (tmp_path / WRITTEN[request.param]).read_text(encoding="utf-8")
    assert ">>>" in text
    assert "<<<" in text
    data = yaml.safe_load(text)
    found = data["env"] if request.param == "github" else data["performance"]["variables"]
    return cast("dict[str, Any]", found)


def test_the_table_of_settings_is_that_of_the_files(settings: dict[str, Any]) -> None:
    """Names and defaults."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\S+|from `--url`) \|", TEXT, re.MULTILINE)
    told = {name: default.strip("`") for name, default in rows}
    assert told | {"BASE_URL": URL} == {name: str(value) for name, value in settings.items()}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yml")])
def test_a_file_by_hand_is_a_pipeline(name: str) -> None:
    """Well-formed, with jobs whose steps each do something, and commands of ours that parse."""
    data = yaml.safe_load(FILES[name].text)
    jobs = list(data["jobs"].values()) if "jobs" in data else list(data.values())
    scripts = [step for job in jobs for step in job.get("steps") or [{"run": line} for line in job["script"]]]
    assert all(("run" in step) != ("uses" in step) for step in scripts)
    commands = [words for step in scripts if (words := words_of(step.get("run", "")))]
    for words in commands:
        parse(words)
    assert commands[0][0] == "run"


def test_the_script_is_understood_by_a_shell() -> None:
    """And its commands by the command line; so is the line that lets undecided pass."""
    (script,) = [block for name, block in FILES.items() if name.endswith(".sh")]
    (line,) = re.findall(r"`(loadworthy run .* \[ \$\? -eq 3 \])`", TEXT)
    for text in (script.text, line):
        subprocess.run(["bash", "-n", "-c", text], check=True)
    assert [words[0] for command in commands_of(script) if (words := words_of(command))] == ["run", "run"]
    assert line.endswith(f"-eq {ExitCode.UNDECIDED} ]")


def test_the_exit_codes_are_those_of_the_code() -> None:
    """All of them."""
    table = TEXT.partition("| exit code | meaning |")[2].partition("\n\n")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(ExitCode)


def test_what_is_exported_are_folders() -> None:
    """Beside the runs there may be files, such as what alerting remembers: `runs/*` would take them for runs."""
    assert re.findall(r"loadworthy export (\S+)", TEXT) == ["runs/*/"]
