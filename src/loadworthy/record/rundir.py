"""The run directory: the boundary between generating load and judging it.

::

    run.json          what was run, where, how it ended       rewritten whole, atomically
    intervals.jsonl   one Interval a line                     append-only, flushed every second
    events.jsonl      stage changes, warnings, workers        append-only
    resources.jsonl   readings of monitors, one a line        append-only
    failures.jsonl    bounded samples of what failed          append-only

A run killed at any byte stays readable: a torn last line is skipped and counted. A repeated interval (a worker that
sent it twice because the acknowledgement was late) is recognised by (process, number) and counted once.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from loadworthy.errors import RunDirError
from loadworthy.record.interval import Interval
from loadworthy.told import Told

SCHEMA = 1
MANIFEST = "run.json"
INTERVALS = "intervals.jsonl"
EVENTS = "events.jsonl"
RESOURCES = "resources.jsonl"
FAILURES = "failures.jsonl"
SUMMARY = "summary.json"

_TOLD_TIMES = 100
_BUFFER_BYTES = 256 * 1024
"""Lines of busy runs are longer than Python's own buffer."""

Json = dict[str, Any]
Redact = Callable[[str], str]


def _keep(text: str) -> str:
    return text


class RunWriter:
    """Writes one run directory. Every string but those of intervals passes through ``redact`` first."""

    def __init__(self, path: Path, redact: Redact = _keep) -> None:
        """Create the directory and its files; RunDirError if there is a run in it already or it cannot be made."""
        self.path = path
        self._redact = redact
        try:
            path.mkdir(parents=True, exist_ok=True)
            if (path / MANIFEST).exists():
                raise RunDirError(f"{path} already holds a run; name another directory")
            self._files: dict[str, TextIO] = {
                name: (path / name).open("a", encoding="utf-8", newline="\n")
                for name in (INTERVALS, EVENTS, RESOURCES, FAILURES)
            }
        except OSError as error:
            raise RunDirError(f"cannot write the run directory {path}: {error.strerror or error}") from error

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write ``run.json`` whole: a reader sees the old one or the new one, never half."""
        text = json.dumps({"schema": SCHEMA, **redacted(manifest, self._redact)}, indent=2, ensure_ascii=False)
        with self._told_plainly():
            replace_file(self.path / MANIFEST, text + "\n")

    def add_interval(self, interval: Interval) -> None:
        """Append one interval."""
        self._append(INTERVALS, interval.to_json())

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Append one event; it has at least ``at_ms`` and ``type``."""
        self._append(EVENTS, redacted(event, self._redact))

    def add_failure(self, failure: Mapping[str, Any]) -> None:
        """Append one sample of a failure."""
        self._append(FAILURES, redacted(failure, self._redact))

    def add_resource(self, reading: Mapping[str, Any]) -> None:
        """Append one reading of a monitor: ``at_ms``, ``source`` and ``values`` (metric → number)."""
        values = {self._redact(name): value for name, value in reading.get("values", {}).items()}
        # The metrics' names are the target's own words (they carry labels), so they may tell what must not be told.
        self._append(RESOURCES, redacted({**reading, "values": values}, self._redact))

    def _append(self, name: str, data: Mapping[str, Any]) -> None:
        line = json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._told_plainly():
            self._files[name].write(line)

    def flush(self) -> None:
        """Hand all that was appended to the operating system, where it survives this process."""
        with self._told_plainly():
            for file in self._files.values():
                file.flush()

    def close(self) -> None:
        """Flush and close; the directory stays."""
        with self._told_plainly(), contextlib.ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)

    @contextlib.contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise RunDirError(
                f"cannot write the run directory {self.path}: {reason}; what is there already stays"
            ) from error


@dataclass(slots=True)
class Run:
    """A run directory that was read. ``torn_lines`` counts lines that were cut off or are not what they should be."""

    path: Path
    manifest: Json
    events: list[Json] = field(default_factory=list)
    failures: list[Json] = field(default_factory=list)
    resources: list[Json] = field(default_factory=list)
    torn_lines: int = 0
    repeated_intervals: int = 0
    _torn_elsewhere: int = 0

    @classmethod
    def open(cls, path: Path) -> Run:
        """Read all but the intervals; RunDirError where there is no run or it is of another schema."""
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunDirError(f"{path} is not a run directory: it has no {MANIFEST}") from error
        except (OSError, ValueError) as error:
            raise RunDirError(f"cannot read {path / MANIFEST}: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            found = manifest.get("schema") if isinstance(manifest, dict) else None
            raise RunDirError(f"{path / MANIFEST} has schema {found!r}; this version reads {SCHEMA}")
        run = cls(path, manifest)
        run.events = list(run._lines(EVENTS))
        run.failures = list(run._lines(FAILURES))
        run.resources = list(run._lines(RESOURCES))
        run._torn_elsewhere = run.torn_lines
        return run

    def intervals(self, told: Told | None = None) -> Iterator[Interval]:
        """The intervals in the order they were written, each (process, number) once; counts what it skips.

        Each call reads the file again, and counts again. ``told`` hears which share of the file was read, 0..1, at
        every hundredth of it.
        """
        self.torn_lines = self._torn_elsewhere
        self.repeated_intervals = 0
        seen: set[tuple[int, int]] = set()
        for data in self._lines(INTERVALS, told):
            try:
                interval = Interval.from_json(data)
            except (ValueError, KeyError, TypeError, AttributeError):
                self.torn_lines += 1
                continue
            if (interval.process, interval.number) in seen:
                self.repeated_intervals += 1
                continue
            seen.add((interval.process, interval.number))
            yield interval
        if told is not None:
            told(1.0)

    def _lines(self, name: str, told: Told | None = None) -> Iterator[Json]:
        try:
            file = (self.path / name).open("rb", buffering=_BUFFER_BYTES)
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunDirError(f"cannot read {self.path / name}: {error.strerror or error}") from error
        with file:
            for line in file if told is None else _followed(file, told):
                try:
                    data = json.loads(line)
                except ValueError:
                    data = None
                if isinstance(data, dict) and line.endswith(b"\n"):
                    yield data
                else:
                    self.torn_lines += 1


def _followed(file: BinaryIO, told: Told) -> Iterator[bytes]:
    """The lines of a file. Of a run that goes on, more may come than there was at first."""
    size = os.fstat(file.fileno()).st_size
    done = following = 0
    for line in file:
        if done >= following:
            told(min(done / max(size, 1), 1.0))
            following = done + size // _TOLD_TIMES + 1
        yield line
        done += len(line)


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def redacted(value: Any, redact: Redact) -> Any:
    """The same value with every string in it passed through ``redact``; keys are ours and stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, redact) for item in value]
    return value
