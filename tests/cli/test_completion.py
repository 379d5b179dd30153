"""``loadworthy completion`` prints scripts that complete commands, options and files; ``schema`` is for editors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from tests.support.compared import command_line

from loadworthy.cli.completion import SHELLS, script
from loadworthy.cli.main import VERBS

_COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
complete_by="$(complete -p loadworthy)"; complete_by="${complete_by##*-F }"; complete_by="${complete_by%% *}"
"$complete_by" loadworthy "${@: -1}" "${@: -2:1}" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script for bash, in a file."""
    path = tmp_path_factory.mktemp("completion") / "loadworthy.bash"
    path.write_text(script("bash"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "wanted", "unwanted"),
    [
        (["ru"], {"run"}, {"report", "-h"}),
        ([""], set(VERBS), set()),
        (["run", "--pro"], {"--processes"}, {"--url"}),
        (["run", "pl"], {"plan.yaml"}, {"users.py"}),
        (["import", "--from", "po"], {"postman"}, {"har"}),
        (["import", "us"], {"users.py"}, {"plan.yaml"}),
        (["baseline", "s"], {"set", "show"}, {"run"}),
        (["report", "ru"], {"runs"}, {"users.py"}),
        (["completion", ""], set(SHELLS), {"run"}),
    ],
)
def test_bash_completes(
    bash_script: Path, tmp_path: Path, words: list[str], wanted: set[str], unwanted: set[str]
) -> None:
    """Commands, their options, choices, and files where an argument is one."""
    for name in ("plan.yaml", "users.py"):
        (tmp_path / name).touch()
    (tmp_path / "runs").mkdir()
    done = subprocess.run(
        ["bash", "--norc", "-c", _COMPLETE, "bash", str(bash_script), "loadworthy", *words],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=30,
    )  # fmt: skip
    offered = {line.rstrip("/ ") for line in done.stdout.splitlines()}
    assert wanted <= offered, done.stderr
    assert not unwanted & offered


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_knows_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The scripts hold all verbs, and options of some."""
    assert command_line("completion", shell) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)
    assert all(option in text for option in ("spawn-rate", "one-run-is-enough", "no-preflight"))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_scripts(shell: str) -> None:
    """As far as the shells are here to say."""
    program = shutil.which(shell)
    if program is None:
        assert not os.environ.get("LOADWORTHY_CI"), f"CI must have {shell}"
        pytest.skip(f"there is no {shell}")
    subprocess.run([program, "-n"], input=script(shell), text=True, check=True, timeout=30)


def test_help_does_not_wait_for_completion() -> None:
    """The library that makes the scripts is imported for them alone."""
    probe = (
        "import sys\nfrom loadworthy.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\nprint('shtab' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_schema_is_printed_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same both ways; a file says how an editor finds it, and a plan of ``init`` fits it."""
    monkeypatch.chdir(tmp_path)
    assert command_line("schema") == 0
    printed = json.loads(capsys.readouterr().out)
    assert command_line("schema", "--out", "editor/plan.schema.json") == 0
    assert "# yaml-language-server: $schema=plan.schema.json" in capsys.readouterr().out
    assert json.loads(Path("editor/plan.schema.json").read_text(encoding="utf-8")) == printed
    assert command_line("schema", "--out", "editor/plan.schema.json/x") == 2
    assert command_line("schema", "--out", "editor/plan.schema.json") == 0  # of an older version, perhaps
    for text in ("base_url: http://h\n", "{}", "[" * 100_000):
        Path("mine.yaml").write_text(text, encoding="utf-8")
        assert command_line("schema", "--out", "mine.yaml") == 2
        assert "no schema of a plan" in capsys.readouterr().err
        assert Path("mine.yaml").read_text(encoding="utf-8") == text

    assert command_line("init", "editor", "--yes", "--url", "http://shop.example") == 0
    text = Path("editor/plan.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=plan.schema.json\n")
    jsonschema.Draft202012Validator(printed).validate(yaml.safe_load(text))
