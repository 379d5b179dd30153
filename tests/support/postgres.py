"""A PostgreSQL of a test's own: a new cluster in a folder of its own, on a free port of loopback, gone afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.locust_ports import own_port

_START_S = "60"
_ACCOUNT = "postgres"


def programs() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``, or None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """A running cluster: ``postgresql://USER:PASSWORD@127.0.0.1:PORT/postgres``.

    Skips the test where PostgreSQL is not installed, unless ``LOADWORTHY_CI`` is set.
    """
    folder = programs()
    if folder is None:
        if os.environ.get("LOADWORTHY_CI"):
            raise AssertionError("PostgreSQL is not installed, and CI must have it")
        pytest.skip("PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    password, port = secrets.token_hex(8), own_port()
    (home / "password").write_text(password, encoding="ascii")
    data = home / "data"
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(home, _ACCOUNT)
        shutil.chown(home / "password", _ACCOUNT)
    try:
        _run(folder / "initdb", "-D", data, "-U", "tester", "-A", "scram-sha-256", "--pwfile", home / "password", "-N")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
        _run(folder / "pg_ctl", "-D", data, "-w", "-t", _START_S, "-l", home / "log", "-o", options, "start")
        try:
            yield f"postgresql://tester:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run(folder / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", _ACCOUNT, "--", *words]
    # What it says goes to nowhere but a file: pg_ctl's server would keep a pipe open for ever.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=120, check=False, cwd="/"
        )
        said.seek(0)
        assert done.returncode == 0, f"{' '.join(words)}: {said.read().decode()}"
