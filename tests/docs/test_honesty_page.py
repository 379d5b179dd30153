"""docs/honesty.md: its program runs, its formula row is the formula's, its commands and links are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.honesty.oracles import mm1_quantile_s, stalled_quantile_s
from tests.support.cli import command

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "honesty.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def cells(first: str) -> list[list[str]]:
    """The rows that begin with this cell."""
    rows = re.findall(rf"^\| {re.escape(first)} \|(.*)\|$", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


@pytest.mark.slow
def test_the_program_of_the_page_shows_what_it_promises(tmp_path: Path) -> None:
    """The open load tells of the stall, the closed one does not.

    The closed one ends by the number of its requests: in four seconds a slow machine may make too few for a p99.
    """
    (block,) = BLOCKS
    timed, counted = 'wait_time="5ms")', 'wait_time="5ms", run_time="10m", iterations=400)'
    assert timed in block
    done = command("-c", block.replace(timed, counted), cwd=tmp_path)
    assert done.code == 0, done.err
    figures = re.findall(r"^(open|closed)\b.*: ([\d.]+)$", done.out, re.MULTILINE)
    assert [name for name, _ in figures] == ["open", "closed"], done.out
    opened, closed = (float(value) for _, value in figures)
    assert opened > 0.98 * 1000 * stalled_quantile_s(0.99, run_s=4, stall_s=1)
    assert closed < opened / 2


def test_the_row_of_the_formula_is_the_formula() -> None:
    """60 s, a stall of 1.5 s."""
    (row,) = cells("formula")
    fractions = (0.5, 0.99, 0.999, 0.9999, 1.0)
    assert row[1:] == [f"{stalled_quantile_s(one, run_s=60, stall_s=1.5):.4f}" for one in fractions]


def test_our_row_is_within_two_percent_of_it() -> None:
    """What the page claims of its own figures is so."""
    (formula,) = cells("formula")
    runs = cells("Loadworthy, open")
    assert len(runs) == 2
    for row in runs:
        for said, expected in list(zip(row[1:], formula[1:], strict=True))[1:]:
            assert float(said) == pytest.approx(float(expected), rel=0.02)


def test_the_waiting_lines_are_those_of_the_theory() -> None:
    """The theory's column is computed, ours is within 3 % of it."""
    lines = {"0.5": (20, 40), "0.8": (40, 50)}
    for rho, (arrivals, services) in lines.items():
        rows = cells(rho)
        assert {row[0] for row in rows} == {"p50", "p95"}
        for figure, theory, *_, said, _ in rows:
            part = {"p50": 0.5, "p95": 0.95}[figure]
            expected_ms = 1000 * mm1_quantile_s(part, arrivals_per_s=arrivals, services_per_s=services)
            assert theory == f"{expected_ms:.2f}"
            assert float(said) == pytest.approx(expected_ms, rel=0.03)


def test_the_files_and_targets_that_it_names_are_there() -> None:
    """Links, scripts and make's targets."""
    links = [link for link in re.findall(r"\]\(([^)#]+)", PAGE) if not link.startswith("http")]
    assert links
    assert all((ROOT / "docs" / link).exists() for link in links), links
    scripts = re.findall(r"(?:python|pytest) ((?:benchmarks|tests)/[\w/.]+)", PAGE)
    assert scripts
    assert all((ROOT / script).exists() for script in scripts)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"(?:`|^    )make ([a-z-]+)", PAGE, re.MULTILINE)
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
