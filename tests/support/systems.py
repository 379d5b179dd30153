"""The five services and their suites, run as people run them: real processes, judged from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import sqlalchemy

from tests.support.cli import Done
from tests.support.locust_ports import own_port

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = ROOT / "systems"
_START_S = 120.0
_STOP_S = 60.0
TIME_LIMIT_S = 180


class Service:
    """One of the five services on a free port, with a database of its own.

    ::

        with Service("flask_auth", tmp_path) as service:
            locust("-f", "scenarios/login_test.py", "--host", service.url, ..., cwd=...)
            assert service.rows("clients") == 12

    Args:
        database: a ``postgresql://`` URL; a new SQLite file in ``folder`` unless given.
        program: what starts it, for a service that is none of the five.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        database: str | None = None,
        program: Sequence[str] = ("-m", "systems.serve"),
    ) -> None:
        self.name = name
        self._program = program
        self.database = database or f"sqlite:///{folder / name}.db"
        self.url = ""
        self.line = ""
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed on leaving

    def __enter__(self) -> Self:
        command = [sys.executable, *self._program, self.name, "--port", "0", "--database", self.database]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
            env=environment(),
        )
        too_late = threading.Timer(_START_S, self._process.kill)
        too_late.start()
        try:
            self.line = cast("IO[str]", self._process.stdout).readline()
        finally:
            too_late.cancel()
        words = self.line.split()
        if "on" not in words:
            said = self.errors
            self.__exit__(None, None, None)
            raise AssertionError(f"{self.name} did not start: {said}")
        self.url = words[words.index("on") + 1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = cast("subprocess.Popen[str]", self._process)
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self._errors.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
        """End it by a signal; what it said on standard output since it was ready, and on standard error."""
        process = cast("subprocess.Popen[str]", self._process)
        process.send_signal(number)
        out, _ = process.communicate(timeout=_STOP_S)
        return out, self.errors

    @property
    def errors(self) -> str:
        """What it said on standard error so far."""
        return _content_so_far(self._errors)

    @property
    def pid(self) -> int:
        """Its process id."""
        return cast("subprocess.Popen[str]", self._process).pid

    @property
    def websocket_url(self) -> str:
        """``ws://127.0.0.1:PORT``."""
        return self.url.replace("http", "ws", 1)

    def query(self, statement: str, **values: Any) -> list[Any]:
        """Rows of the service's database, read from outside."""
        engine = sqlalchemy.create_engine(self.database.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sqlalchemy.text(statement), values)]
        finally:
            engine.dispose()

    def rows(self, table: str, where: str = "1 = 1", **values: Any) -> int:
        """How many rows of a table fulfil a condition."""
        ((count,),) = self.query(f"SELECT count(*) FROM {table} WHERE {where}", **values)
        return int(count)


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: the repository's root on its import path."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(environ or {})}


def _environment_of_people(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Theirs has no path to the repository."""
    return {key: value for key, value in environment(environ).items() if key != "PYTHONPATH"}


def run(*command: object, cwd: Path, environ: Mapping[str, str] | None = None) -> Done:
    """A command to its end. ``python`` and ``locust`` are those of this environment."""
    done = subprocess.run(
        words(*command),
        cwd=cwd,
        env=_environment_of_people(environ),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def locust(*arguments: object, cwd: Path, environ: Mapping[str, str] | None = None) -> Done:
    """``locust ARGUMENTS``, as the documents write it, to its end."""
    return run("locust", *arguments, cwd=cwd, environ=environ)


def interrupted(
    *command: object, when: Callable[[], bool], cwd: Path, environ: Mapping[str, str] | None = None, said: str = ""
) -> Done:
    """A command as for :func:`run`, which goes on until it is so, and which Ctrl-C ends then.

    Args:
        said: what it must have told on standard error, too, before it is ended.
    """
    # What it says goes into files: it would stand still in front of a pipe that is full.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        process = subprocess.Popen(
            words(*command), cwd=cwd, env=_environment_of_people(environ), stdin=subprocess.DEVNULL, stdout=out,
            stderr=err, start_new_session=True,
        )  # fmt: skip
        with ended_by_ctrl_c(process):
            is_so = _wait_for(lambda: said in _content_so_far(err) and when(), process)
        done = Done(process.returncode, _content(out), _content(err))
    assert is_so, done
    return done


@contextmanager
def ended_by_ctrl_c(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """At the end of the block it gets Ctrl-C, and time to end; where it has not, or the block fails, it is killed."""
    try:
        yield
        process.send_signal(signal.SIGINT)
        process.wait(TIME_LIMIT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _content_so_far(file: IO[str]) -> str:
    """What a process has written that still writes: both stand at one place in the file, which is left where it is."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def _wait_for(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    """Whether it was so while the process ran."""
    for _ in range(TIME_LIMIT_S * 10):
        if is_so():
            return True
        if process.poll() is not None:
            return False
        threading.Event().wait(0.1)
    return False


def be_patient(file: Path, user_class: str) -> None:
    """Let users of a copied suite wait for answers as long as a test may take.

    A login is work, and where hundreds ask for one at the same time the last of them waits for all the others: on a
    busy machine for longer than the half minute after which a client gives up.
    """
    with file.open("a", encoding="utf-8") as more:
        more.write(f"\n{user_class}.network_timeout = {TIME_LIMIT_S}\n")


def words(*command: object) -> list[str]:
    """A command as a document prints it, with the programs of this environment."""
    first, *rest = map(str, command)
    programs = {
        "python": [sys.executable],
        "locust": [str(Path(sys.executable).with_name("locust"))],
        "loadworthy": [sys.executable, "-m", "loadworthy"],
    }
    return [*programs.get(first, [first]), *rest]


def dead_port() -> int:
    """A port of loopback on which nothing listens, and which the system gives to nobody by itself."""
    return own_port()
