"""docs/export.md: its commands run, its programs say what the run says, its tables name what there is."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.compared import command_line
from tests.support.shop import failing_run

from loadworthy.analysis.reading import read
from loadworthy.cli.main import _parser
from loadworthy.record.histogram import Histogram, bin_bounds
from loadworthy.record.rundir import Run
from loadworthy.report import otlp
from loadworthy.report.exports import FORMATS
from loadworthy.report.markdown import MOST_CHARACTERS

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
COMMANDS = [line for line in re.findall(r"^loadworthy export .+$", GUIDE, re.MULTILINE) if "[" not in line]
IN_YAML = re.findall(r"loadworthy (?:export|run) [^\n]+", "".join(re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)))
PROGRAMS = dict(
    zip(("hdr", "parquet"), re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL), strict=True)
)


@pytest.fixture(autouse=True)
def in_a_folder_with_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RUN is a run directory; what the guide writes elsewhere goes into the folder, too."""
    failing_run(tmp_path).path.rename(tmp_path / "RUN")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", [line for line in COMMANDS if "--to" not in line])
def test_every_command_of_the_guide_works(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And writes where it says."""
    words = shlex.split(line.replace("/var/lib/", "var/lib/"))[1:]
    assert command_line(*words) == 0
    out = words[words.index("--out") + 1]
    assert all(file.startswith(out) and Path(file).is_file() for file in capsys.readouterr().out.split())


@pytest.mark.parametrize("line", [*IN_YAML, *(line for line in COMMANDS if "--to" in line)])
def test_every_other_command_is_understood(line: str) -> None:
    """Its options exist."""
    words = shlex.split(line.partition(" >> ")[0])[1:]
    assert _parser(only=words[0]).parse_args(words).verb == words[0]


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
def test_the_pipelines_are_yaml(text: str) -> None:
    """As they stand."""
    assert yaml.safe_load(text)


@pytest.mark.parametrize("name", ["hdr", "parquet"])
def test_the_programs_say_what_the_run_says(name: str) -> None:
    """From the file that the command before them writes."""
    (line,) = (line for line in COMMANDS if f"--format {name} " in line)
    assert command_line(*shlex.split(line)[1:]) == 0
    total = Histogram.merged(one.total.response for one in read(Run.open(Path("RUN"))).totals.scenarios.values())
    scope: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(PROGRAMS[name], scope)
    if name == "parquet":
        assert out.getvalue() == f"{total.count} requests, p99 {(total.percentile_us(0.99) or 0) / 1000} ms\n"
    else:
        scope["reader"].close()
        assert scope["everything"].get_total_count() == total.count
        assert float(out.getvalue().split()[0]) == pytest.approx(total.percentile_us(0.999), rel=1e-3)


def test_every_format_is_in_the_table() -> None:
    """With where it goes; and every option is in the line of use."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|.*\| ([^|]+) \|$", GUIDE.partition("## Markdown")[0], re.MULTILINE))
    assert list(rows) == list(FORMATS)
    for name, one in FORMATS.items():
        assert (rows[name] == "printed") == (one.is_text and not one.prefix), name
    (use,) = re.findall(r"^loadworthy export RUN --format F .+$", GUIDE, re.MULTILINE)
    (verbs,) = (action for action in _parser(only="export")._actions if action.dest == "verb")
    shown = verbs.choices["export"].format_help()  # type: ignore[index]
    assert set(re.findall(r"--[a-z-]+", use)) == set(re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE))


def test_every_metric_is_in_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a run that fails, and no name that the code does not have."""
    from loadworthy.report import prometheus_text

    section = GUIDE.split("## Prometheus")[1].split("\n## ")[0]
    told = set(re.findall(r"`(loadworthy_\w+)`", section))
    assert told == set(re.findall(r'"(loadworthy_\w+)"', Path(prometheus_text.__file__).read_text(encoding="utf-8")))
    section = GUIDE.split("## OpenTelemetry")[1].split("\n## ")[0]
    told = set(re.findall(r"`(loadworthy\.[\w.]+)`", section))
    assert told == set(re.findall(r'"(loadworthy\.[\w.]+)", "', Path(otlp.__file__).read_text(encoding="utf-8")))


def test_the_numbers_are_those_of_the_code() -> None:
    """The longest comment, and the bins of the compact form."""
    assert f"{MOST_CHARACTERS:,} characters" in GUIDE
    for place in (0, 5, 2047, 2048, 3072, 4095, 4096, 22_000):
        shift = max(place // 1024 - 1, 0)
        assert bin_bounds(place)[0] == (place - 1024 * shift) * 2**shift
    assert "*(i - 1024 s)·2^s*" in GUIDE


def test_the_compact_form_is_as_it_is_told() -> None:
    """Read by the words of the guide."""
    histogram = Histogram.of([3, 3, 90_000, 5_000_000])
    data = histogram.to_bytes()
    version, widths, used = data[0], data[1], int.from_bytes(data[2:6], "little")
    head = [int.from_bytes(data[6 + 8 * place : 14 + 8 * place], "little") for place in range(5)]
    assert (version, used) == (1, 3)
    assert head == [4, 5_090_006, 3, 5_000_000, 0]
    gap_bytes, count_bytes = 1 << (widths >> 4), 1 << (widths & 15)
    gaps = [int.from_bytes(data[46 + gap_bytes * place : 46 + gap_bytes * (place + 1)], "little") for place in range(3)]
    rest = data[46 + 3 * gap_bytes :]
    counts = [int.from_bytes(rest[count_bytes * place : count_bytes * (place + 1)], "little") for place in range(3)]
    bins = [sum(gaps[: place + 1]) for place in range(3)]
    assert list(zip(bins, counts, strict=True)) == list(zip(*(one.tolist() for one in histogram.used()), strict=True))
