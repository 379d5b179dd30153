"""The run directory: readable wherever it was cut, replaced whole, and without secrets."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.runs import failure, interval, manifest, series, write_run

from loadworthy.errors import RunDirError
from loadworthy.record.rundir import (
    EVENTS,
    FAILURES,
    INTERVALS,
    MANIFEST,
    RESOURCES,
    Run,
    RunWriter,
    redacted,
    replace_file,
)


def small_run(path: Path) -> Path:
    """Three intervals, events and failures, with text beyond ASCII."""
    return write_run(
        path / "run",
        [interval(second, series("/ä", [1000, 2000])) for second in range(3)],
        events=[{"at_ms": number, "type": "warning", "message": "größer"} for number in range(3)],
        failures=[failure(message=f"ß{number}") for number in range(3)],
        run_json=manifest(),
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Manifest, intervals, events, failures and readings, in order."""
    writer = RunWriter(tmp_path / "deep" / "run")
    writer.write_manifest({"name": "x"})
    writer.add_interval(interval(0, series("/a", [5])))
    writer.add_event({"at_ms": 1, "type": "stage"})
    writer.add_failure(failure())
    writer.add_resource({"at_ms": 2, "source": "process 7", "values": {"memory_bytes": 3}})
    writer.flush()
    run = Run.open(writer.path)
    assert run.manifest == {"schema": 1, "name": "x"}
    assert [one.series[0].requests for one in run.intervals()] == [1]
    assert run.events == [{"at_ms": 1, "type": "stage"}]
    assert run.failures == [failure()]
    assert run.resources == [{"at_ms": 2, "source": "process 7", "values": {"memory_bytes": 3}}]
    assert run.torn_lines == 0
    writer.close()


@pytest.mark.parametrize("name", [INTERVALS, EVENTS, FAILURES])
def test_cut_at_every_byte(tmp_path: Path, name: str) -> None:
    """Whole lines before the cut are read, the torn one is counted, and nothing is raised."""
    path = small_run(tmp_path)
    data = (path / name).read_bytes()
    for length in range(len(data) + 1):
        (path / name).write_bytes(data[:length])
        run = Run.open(path)
        counts = {INTERVALS: len(list(run.intervals())), EVENTS: len(run.events), FAILURES: len(run.failures)}
        assert counts[name] == data[:length].count(b"\n")
        assert run.torn_lines == (0 if length == 0 or data[length - 1 : length] == b"\n" else 1)


def test_a_manifest_cut_at_every_byte_is_a_rundir_error(tmp_path: Path) -> None:
    """Half a manifest is refused with its path; it never happens, for it is replaced whole."""
    path = small_run(tmp_path)
    data = (path / MANIFEST).read_bytes().rstrip()
    for length in range(len(data)):
        (path / MANIFEST).write_bytes(data[:length])
        with pytest.raises(RunDirError, match=MANIFEST):
            Run.open(path)


@given(junk=st.binary(max_size=60).filter(lambda data: b"\n" not in data))
def test_any_line_that_is_no_interval_is_skipped_and_counted(
    junk: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in it, the lines around it are read."""
    path = small_run(tmp_path_factory.mktemp("junk"))
    first, *rest = (path / INTERVALS).read_bytes().splitlines(keepends=True)
    (path / INTERVALS).write_bytes(first + junk + b"\n" + b"".join(rest))
    run = Run.open(path)
    assert [one.number for one in run.intervals()] == [0, 1, 2]
    assert run.torn_lines == 1


def test_repeated_intervals_count_once(tmp_path: Path) -> None:
    """The same process and number twice is one; another process with that number is not."""
    again = [interval(0, process=1), interval(1, process=1), interval(0, process=1), interval(0, process=2)]
    run = Run.open(write_run(tmp_path / "run", again))
    assert [(one.process, one.number) for one in run.intervals()] == [(1, 0), (1, 1), (2, 0)]
    assert run.repeated_intervals == 1


def test_missing_files_are_empty(tmp_path: Path) -> None:
    """A run killed before its first flush has a manifest at least."""
    path = small_run(tmp_path)
    for name in (INTERVALS, EVENTS, FAILURES, RESOURCES):
        (path / name).unlink()
    run = Run.open(path)
    assert (list(run.intervals()), run.events, run.failures, run.torn_lines) == ([], [], [], 0)


@pytest.mark.parametrize("text", ["[]", "5", "{}", '{"schema": 99}', "null", "not json", '"\\ud800"'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """An unknown schema and things that are no manifest at all."""
    path = small_run(tmp_path)
    (path / MANIFEST).write_text(text)
    with pytest.raises(RunDirError):
        Run.open(path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """With what is missing."""
    with pytest.raises(RunDirError, match=r"is not a run directory: it has no run\.json"):
        Run.open(tmp_path)


def test_a_second_run_does_not_overwrite_the_first(tmp_path: Path) -> None:
    """One directory holds one run."""
    path = small_run(tmp_path)
    with pytest.raises(RunDirError, match="already holds a run"):
        RunWriter(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirError, match="cannot write the run directory"):
        RunWriter(tmp_path / "file" / "run")


def test_the_manifest_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing the new one breaks off, the old one stands, and a reader never sees half."""
    path = tmp_path / "run"
    writer = RunWriter(path)
    writer.write_manifest({"ended": None})
    seen: list[Any] = []

    def crash(source: Path, target: Path) -> Path:
        seen.append((json.loads(target.read_text()), json.loads(source.read_text())))
        raise OSError("disk gone")

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(RunDirError, match="disk gone"):
        writer.write_manifest({"ended": "completed"})
    monkeypatch.undo()
    assert seen == [({"schema": 1, "ended": None}, {"schema": 1, "ended": "completed"})]
    assert Run.open(path).manifest["ended"] is None
    writer.close()


def test_replaced_files_have_the_new_content_only(tmp_path: Path) -> None:
    """A shorter text leaves nothing of a longer one, and no temporary file stays."""
    path = tmp_path / "x.json"
    replace_file(path, "long " * 100)
    replace_file(path, "short\n")
    assert path.read_bytes() == b"short\n"
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


SECRET = "hunter2!"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just(f"a{SECRET}b"),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just(SECRET), children, max_size=3)
    ),
    max_leaves=10,
)


@given(value=JSON)
def test_no_secret_survives_redaction(value: Any) -> None:
    """In values at any depth; keys are the format's own words and stay, and what holds no secret is unchanged."""
    masked = redacted(value, lambda text: text.replace(SECRET, "***"))
    assert all(SECRET not in text for text in value_texts(masked))
    if SECRET not in json.dumps(value):
        assert masked == value


def value_texts(value: Any) -> list[str]:
    """Every string in a JSON value that is no key."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in value_texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in value_texts(item)]
    return [value] if isinstance(value, str) else []


def test_no_file_holds_a_secret(tmp_path: Path) -> None:
    """Manifest, events, failures and readings pass through redaction; it is one argument of the writer."""
    writer = RunWriter(tmp_path / "run", lambda text: text.replace(SECRET, "***"))
    poisoned = {"at_ms": 1, "more": [{"deep": f"Bearer {SECRET}"}]}
    writer.write_manifest(poisoned)
    writer.add_event(poisoned)
    writer.add_failure(poisoned)
    writer.add_resource(poisoned)
    writer.close()
    for file in writer.path.iterdir():
        assert SECRET not in file.read_text()
    assert Run.open(writer.path).events == [{"at_ms": 1, "more": [{"deep": "Bearer ***"}]}]


def test_a_full_disk_is_told_plainly_and_what_was_written_stays(tmp_path: Path) -> None:
    """No OSError leaves the writer: a sentence with the directory, and the lines before it can be read."""
    writer = RunWriter(tmp_path / "run")
    writer.write_manifest({"ended": None})
    writer.add_event({"at_ms": 1, "type": "warning"})
    writer.flush()
    writer._files["intervals.jsonl"].close()
    writer._files["intervals.jsonl"] = full = Path("/dev/full").open("w")  # noqa: SIM115  # the writer closes it
    writer.add_interval(interval(0))
    with pytest.raises(RunDirError, match="No space left"):
        writer.flush()
    with pytest.raises(RunDirError, match="No space left"):
        writer.close()
    assert full.closed
    assert Run.open(tmp_path / "run").events == [{"at_ms": 1, "type": "warning"}]


def test_whoever_waits_hears_how_far_the_reading_is(tmp_path: Path) -> None:
    """Shares of the file, ascending to 1, not more than a hundred or so; what is read does not depend on it."""
    path = write_run(tmp_path / "run", [interval(second, series("/a", [1000])) for second in range(1000)])
    shares: list[float] = []
    read = [one.number for one in Run.open(path).intervals(shares.append)]
    assert read == list(range(1000))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert 90 <= len(shares) <= 110
    assert max(after - before for before, after in pairwise(shares)) < 0.02


def test_of_a_short_or_missing_file_the_end_is_told(tmp_path: Path) -> None:
    """Nothing to read is read at once; what cannot be read counts as read, too."""
    path = write_run(tmp_path / "run")
    for content in (b"", b"{", None):
        if content is None:
            (path / INTERVALS).unlink()
        else:
            (path / INTERVALS).write_bytes(content)
        shares: list[float] = []
        assert list(Run.open(path).intervals(shares.append)) == []
        assert shares[-1] == 1.0
