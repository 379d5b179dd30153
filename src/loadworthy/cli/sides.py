"""Reading the runs of a comparison: what the command line names, opened, checked and measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.errors import RunDirError, UsageError

if TYPE_CHECKING:
    from loadworthy.analysis.comparison import Question
    from loadworthy.analysis.samples_by_window import RunSample
    from loadworthy.record.rundir import Run
    from loadworthy.report.compare import ComparedRun, CompareReport

_INVALID = "invalid"
_MOST_NAMES = 20
"""So many series are named where none is meant; a scenario may have hundreds."""


def runs_in(folder: Path) -> list[Path]:
    """The run directories of a folder by name, which is by time. RunDirError where it cannot be read."""
    from loadworthy.record.rundir import MANIFEST

    try:
        return sorted(path for path in folder.iterdir() if (path / MANIFEST).is_file())
    except OSError as error:
        raise RunDirError(f"cannot read {folder}: {error.strerror or error}") from error


def expand(paths: Sequence[Path]) -> list[Path]:
    """Run directories as they are, and of other folders all that they hold; each once.

    UsageError where a path is neither.
    """
    from loadworthy.record.rundir import MANIFEST

    found: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: there is no such run directory, nor a folder of runs")
        inside = [path] if (path / MANIFEST).is_file() else runs_in(path)
        if not inside:
            raise UsageError(f"{path} is neither a run directory nor a folder that holds some")
        found |= {one.resolve(): one for one in inside if one.resolve() not in found}
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Opened:
    run: Run
    summary: dict[str, Any]
    sample: RunSample

    def shown(self) -> ComparedRun:
        from loadworthy.report.compare import ComparedRun

        target = self.run.manifest.get("target")
        return ComparedRun(
            name=self.run.path.name,
            verdict=str(self.summary.get("verdict")),
            revision=revision_of(self.run.manifest),
            target=None if target is None else str(target),
        )


def revision_of(manifest: dict[str, Any]) -> str | None:
    """The git revision that a run was made at, None where it is not known."""
    git = manifest.get("git")
    revision = git.get("revision") if isinstance(git, dict) else None
    return None if revision is None else str(revision)


def compare_runs(base: Sequence[Path], new: Sequence[Path], question: Question, *, force: bool) -> CompareReport:
    """Read both sides, with a bar where that takes its time, and compare them.

    Raises:
        UsageError: a run stands on both sides or is invalid (unless ``force``), or no run has a scenario or series that
            was named.
        RunDirError: a run cannot be read.
    """
    from loadworthy.analysis.comparison import compare
    from loadworthy.analysis.likeness import differences
    from loadworthy.analysis.quantile_shift import quantile_shifts
    from loadworthy.report.compare import CompareReport

    both = {path.resolve() for path in base} & {path.resolve() for path in new}
    if both:
        raise UsageError(f"{min(both).name} stands on both sides; a run cannot be compared with itself")
    opened = _open_all([*base, *new], question.fractions)
    before, after = opened[: len(base)], opened[len(base) :]
    if not force:
        _refuse_invalid([*before, *after])
    _check_scenarios(question, [one.sample for one in (*before, *after)])
    warnings = differences([one.run.manifest for one in before], [one.run.manifest for one in after])
    warnings += [text for one in (*before, *after) for text in _about(one)]
    samples = [one.sample for one in before], [one.sample for one in after]
    comparison = compare(*samples, question)
    return CompareReport(
        comparison,
        tuple(one.shown() for one in before),
        tuple(one.shown() for one in after),
        tuple(warnings),
        tuple(quantile_shifts(*samples, list(dict.fromkeys(one.scenario for one in comparison.figures)))),
    )


def _open_all(paths: Sequence[Path], fractions: Sequence[float]) -> list[_Opened]:
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.told import piece

    with working(error_console(), "reading the runs", SystemClock()) as told:
        return [_open(path, fractions, piece(told, number, len(paths))) for number, path in enumerate(paths)]


def _open(path: Path, fractions: Sequence[float], told: Callable[[float], None]) -> _Opened:
    from loadworthy.analysis.samples_by_window import RunSample, sample_run, with_capacity
    from loadworthy.record.rundir import Run

    run = Run.open(path)
    summary = summary_of(run)
    sample = sample_run(path.name, run.intervals(told), fractions, revision_of(run.manifest))
    scenarios = dict(sample.scenarios)
    for name, figures in summary["scenarios"].items():
        capacity = figures.get("capacity")
        if name in scenarios and isinstance(capacity, dict):
            ends = (capacity.get(key) for key in ("rate", "low", "high"))
            try:
                scenarios[name] = with_capacity(scenarios[name], *ends)
            except (TypeError, ValueError) as error:
                raise RunDirError(
                    f"{path}: the capacity in its summary is damaged ({error}); make it again: loadworthy report {path}"
                ) from error
    return _Opened(run, summary, RunSample(sample.name, scenarios, sample.revision))


def summary_of(run: Run) -> dict[str, Any]:
    """A run's ``summary.json``, made in memory where it is missing or damaged. RunDirError where that fails, too."""
    from loadworthy.analysis.summarize import summarize
    from loadworthy.analysis.summary import SUMMARY_SCHEMA
    from loadworthy.record.rundir import SUMMARY

    try:
        data = json.loads((run.path / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None
    scenarios = data.get("scenarios") if isinstance(data, dict) and data.get("schema") == SUMMARY_SCHEMA else None
    if isinstance(scenarios, dict) and all(isinstance(one, dict) for one in scenarios.values()):
        return dict(data)
    try:
        return summarize(run).to_json()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirError(f"{run.path} is damaged: {type(error).__name__}: {error}") from error


def _about(one: _Opened) -> Iterator[str]:
    """What the reader has to know of a single run."""
    name, ended = one.run.path.name, one.run.manifest.get("ended")
    if _bad(one):
        yield f"{name} is invalid and was forced in"
    if is_changed_by_hand(one.summary):
        yield f"the load of {name} was changed by hand"
    if ended != "completed":
        yield f"{name} did not get to its planned end ({ended or 'it has no end on record'})"


def is_changed_by_hand(summary: Mapping[str, Any]) -> bool:
    """Whether the load of a run was not that of its plan, by its summary."""
    scenarios = summary.get("scenarios")
    return isinstance(scenarios, Mapping) and any(one.get("load_changed") for one in scenarios.values())


def _bad(one: _Opened) -> bool:
    return is_invalid(one.summary)


def is_invalid(summary: Mapping[str, Any]) -> bool:
    """Whether a run is refused in comparisons, by its summary."""
    return summary.get("verdict") == _INVALID


def _refuse_invalid(runs: Sequence[_Opened]) -> None:
    found = [one for one in runs if _bad(one)]
    if found:
        lines = "\n".join(f"    {one.run.path.name}: {first_reason(one.summary)}" for one in found)
        raise UsageError(
            "what is invalid does not describe the service, so it is not compared; leave it out, or add --force:\n"
            f"{lines}"
        )


def first_reason(summary: Mapping[str, Any]) -> str:
    """Why a run is what it is, by its summary."""
    reasons = summary.get("reasons")
    return str(reasons[0]) if isinstance(reasons, list) and reasons else "no reason is on record"


def _check_scenarios(question: Question, samples: Sequence[RunSample]) -> None:
    known = dict.fromkeys(name for sample in samples for name in sample.scenarios)
    for name in question.scenarios:
        if name not in known:
            raise UsageError(f"--scenario {name}: no run has it; there are: {', '.join(known) or 'none'}")
    if question.series is not None:
        _check_series(question, samples)


def _check_series(question: Question, samples: Sequence[RunSample]) -> None:
    from loadworthy.analysis.comparison import means
    from loadworthy.analysis.samples_by_window import ALL

    chosen = [
        one
        for sample in samples
        for name, one in sample.scenarios.items()
        if not question.scenarios or name in question.scenarios
    ]
    known = dict.fromkeys(label for one in chosen for label in one.series if label != ALL)
    if not any(means(question.series or "", label) for label in known):
        more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
        there = f"{', '.join(list(known)[:_MOST_NAMES]) or 'none'}{more}"
        raise UsageError(f"--series {question.series}: no run has such a series; there are: {there}")


def parse_percentiles(words: Sequence[str]) -> tuple[float, ...]:
    """The shares that ``p95``, ``95`` or ``p99.9`` mean, ascending, each once; UsageError otherwise."""
    return tuple(sorted(dict.fromkeys(_fraction(word) for word in words)))


def _fraction(word: str) -> float:
    try:
        fraction = round(float(word.strip().lower().removeprefix("p")) / 100, 12)
    except ValueError:
        fraction = -1.0
    if not 0 < fraction < 1:
        raise UsageError(f"--percentile {word}: write percentiles like p50, p95 or p99.9")
    return fraction


def parse_tolerance(text: str) -> float:
    """The share that ``5%`` or ``0.05`` means; UsageError otherwise."""
    from loadworthy.units import parse_ratio

    try:
        return parse_ratio(text)
    except ValueError as error:
        raise UsageError(f"--tolerance {text}: {error}") from error
