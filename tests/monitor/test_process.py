"""Reading real processes of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from loadworthy.monitor.process import (
    CHILDREN_EVERY_US,
    CHILDREN_FIRST_US,
    CONNECTIONS_EVERY_US,
    ProcessSource,
    by_name,
    by_pid,
    by_port,
    cpu_cores,
    established_inodes,
    itself,
)
from loadworthy.monitor.source import SourceError
from loadworthy.testing import FakeClock

CHILD = """
import os, socket, subprocess, sys
sink = bytearray(30_000_000)
server = socket.create_server(("127.0.0.1", 0))
def settled_child():
    # It says so when it has started: while Python starts, files are opened and closed.
    program = "import sys; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    return child
child = settled_child()
print(server.getsockname()[1], child.pid, flush=True)
peer, _ = server.accept()
print("accepted", flush=True)
while (word := sys.stdin.readline().strip()):
    if word == "work":
        before = os.times().user
        while os.times().user < before + 0.3:
            sum(range(10_000))
    if word == "spawn":
        child.wait()
        child = settled_child()
    print(word, flush=True)
child.communicate()
"""


class Target:
    """A process with a child, a listening socket and one connection; told what to do through its standard input."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.port, self.child = map(int, process.stdout.readline().split())

    def ask(self, word: str) -> None:
        """Let it do something, to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"{word}\n"


@contextmanager
def running(*words: str) -> Iterator[Target]:
    process = subprocess.Popen(
        [*(words or (sys.executable, "-c", CHILD))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        target = Target(process)
        with socket.create_connection(("127.0.0.1", target.port)):
            assert process.stdout is not None
            assert process.stdout.readline() == "accepted\n"
            yield target
    finally:
        process.communicate()


def test_a_process_is_read_with_its_children() -> None:
    """CPU of what it worked, and memory, threads, descriptors and connections of both together."""
    clock = FakeClock()
    with running() as target:
        source = ProcessSource("target", by_pid(target.process.pid), clock)
        first = source.read()
        assert "cpu" not in first
        assert first["processes"] == 2
        assert first["memory_bytes"] > 30_000_000
        assert first["threads"] >= 2
        pids = (target.process.pid, target.child)
        assert first["descriptors"] == sum(psutil.Process(pid).num_fds() for pid in pids)
        assert first["connections"] == 1
        target.ask("work")
        clock.advance(1_000_000)
        second = source.read()
        assert second["cpu"] >= 0.25
        assert "connections" not in second
        clock.advance(CONNECTIONS_EVERY_US)
        assert source.read()["connections"] == 1
        assert source.notes() == []


def test_children_are_looked_for_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """That walks over all processes of the machine; soon again after they have changed."""
    clock, scans = FakeClock(), []
    look = psutil.Process.children

    def counted(process: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
        scans.append(clock.monotonic_us())
        return look(process, recursive=recursive)

    monkeypatch.setattr(psutil.Process, "children", counted)
    with running() as target:
        source = ProcessSource("target", by_pid(target.process.pid), clock)
        for _ in range(40):
            source.read()
            clock.advance(CHILDREN_FIRST_US)
        assert [at_us / 1e6 for at_us in scans] == [0.0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5]
        psutil.Process(target.child).kill()
        target.ask("spawn")
        clock.advance(CHILDREN_EVERY_US)
        assert source.read()["processes"] == 2
        clock.advance(CHILDREN_FIRST_US)
        source.read()
        assert scans[-1] - scans[-2] == CHILDREN_FIRST_US


def test_a_process_is_found_by_its_port() -> None:
    """The one that listens there, not the one that is connected to it."""
    with running() as target:
        assert [process.pid for process in by_port(target.port)()] == [target.process.pid]
    with pytest.raises(SourceError, match=f"no process on this machine listens on port {target.port}"):
        by_port(target.port)()


def test_a_process_is_found_by_the_name_of_its_script(tmp_path: Path) -> None:
    """As ``python /usr/bin/uvicorn`` is uvicorn; its child, which is not called so, comes with it."""
    name = f"lw-target-{os.getpid()}"  # which nobody else who runs these tests on this machine has
    script = tmp_path / name
    script.write_text(CHILD, encoding="utf-8")
    with running(sys.executable, str(script)) as target:
        assert [process.pid for process in by_name(name)()] == [target.process.pid]
    with pytest.raises(SourceError, match=f"no process on this machine is called {name}"):
        by_name(name)()


def test_a_process_that_ends_is_told_and_looked_for_again() -> None:
    """The source follows a service that was restarted, and its CPU begins anew."""
    clock = FakeClock()
    found: list[int] = []

    def find() -> list[psutil.Process]:
        return by_pid(found[-1])()

    source = ProcessSource("target", find, clock)
    with running() as target:
        found.append(target.process.pid)
        source.read()
    clock.advance(1_000_000)
    with pytest.raises(SourceError, match=f"there is no process {target.process.pid}"):
        source.read()
    with running() as target:
        found.append(target.process.pid)
        clock.advance(1_000_000)
        again = source.read()
    assert again["processes"] == 2
    assert "cpu" not in again


def test_a_dead_process_that_nobody_waited_for_has_ended() -> None:
    """A zombie uses nothing and must not be shown as a service at rest."""
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        os.sched_yield()
    with pytest.raises(SourceError, match="has ended"):
        ProcessSource("target", by_pid(process.pid), FakeClock()).read()
    process.communicate()


def test_the_generator_reads_itself() -> None:
    """Without connections: it has one for each user."""
    values = ProcessSource("generator", itself, FakeClock(), count_connections=False).read()
    assert {"memory_bytes", "threads", "processes", "descriptors"} == set(values)


def test_cpu_is_what_was_used_since() -> None:
    """New processes count from 0, one that ended is gone, and one whose number is used again is another one."""
    before = {(1, 0.5): 10.0, (2, 0.5): 50.0, (3, 0.5): 7.0}
    now = {(1, 0.5): 11.0, (3, 9.9): 0.5, (4, 9.9): 1.5}
    assert cpu_cores(before, now, 2.0) == 1.5


def test_the_kernels_table_is_read_right() -> None:
    """Listening sockets and those that wait for their end are not counted."""
    table = (
        b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0\n"
        b"   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 02:000005DC 00000000  1000        0 222 2 0\n"
        b"   2: 0100007F:C351 0100007F:1F90 06 00000000:00000000 03:00000FD2 00000000     0        0 0 3 0\n"
        b"12345: 0100007F:C350 0100007F:1F90 01 0000001F:00000000 01:00000015 00000000     0       10 333 4 0\n"
    )
    assert list(established_inodes(table)) == [b"222", b"333"]
