"""A source that reads processes of this machine: CPU, memory, descriptors, threads, connections.

What it costs matters, for the readings are taken beside the load. Who the children are is looked up ever more rarely,
as long as they stay the same: that walks over all processes of the machine. Connections are counted every few seconds,
for the kernel takes 10 ms to write down a table of a thousand, and those in TIME_WAIT stand in it, too. The table is
matched against the sockets that the processes hold with one regular expression, over the established ones only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loadworthy.clock import Clock
from loadworthy.monitor.source import SourceError, Values
from loadworthy.units import US_PER_S

CHILDREN_FIRST_US = US_PER_S // 2
CHILDREN_EVERY_US = 5 * US_PER_S
"""The shortest and the longest time from one look for children to the next."""

CONNECTIONS_EVERY_US = 5 * US_PER_S
_SHORTEST_US = 50_000
"""CPU time comes in ticks of 10 ms: over less than this its share would be noise."""

_SOCKET = re.compile(r"socket:\[(\d+)\]")
_ESTABLISHED = re.compile(rb" 01 [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ [0-9A-F]+ +\d+ +\d+ (\d+) ")
"""A line of ``/proc/net/tcp`` (proc(5)) in state 01, up to the inode of its socket."""

_ARGUMENTS_SEARCHED = 4
"""``python -m NAME``, ``python -X dev /usr/bin/NAME``: a program's name is among the first words."""

Find = Callable[[], list[psutil.Process]]
ProcessKey = tuple[int, float]
"""(pid, when it was created): pids are used again."""


def cpu_cores(before: Mapping[ProcessKey, float], now: Mapping[ProcessKey, float], elapsed_s: float) -> float:
    """Cores used on average since the reading before, from CPU seconds; a process that is new counts from 0.

    What a process that has ended used since then is not known, and not counted.
    """
    return round(sum(max(used - before.get(key, 0.0), 0.0) for key, used in now.items()) / elapsed_s, 4)


@dataclass(slots=True)
class _Sum:
    """One reading, added up over processes; descriptors are None where those of one may not be seen."""

    cpu_s: dict[ProcessKey, float] = field(default_factory=dict)
    memory_bytes: int = 0
    threads: int = 0
    descriptors: int | None = 0
    sockets: set[bytes] = field(default_factory=set)


class ProcessSource:
    """A process, or several, with all their children.

    ``cpu`` (cores), ``memory_bytes`` (resident; what processes share counts for each), ``descriptors``, ``threads``,
    ``processes`` and, with ``count_connections`` every five seconds, ``connections`` (established TCP). Descriptors and
    connections of a process that belongs to somebody else may not be seen; they are left out then, and a note says so.

    Args:
        name: what it is, for reports.
        find: the processes at the root; raises SourceError where there is none. Asked again when they are gone.
        clock: for CPU shares.
    """

    def __init__(self, name: str, find: Find, clock: Clock, *, count_connections: bool = True) -> None:
        self._name = name
        self._find = find
        self._clock = clock
        self._count_connections = count_connections
        self._roots: list[psutil.Process] = []
        self._family: list[psutil.Process] = []
        self._scanned_us = 0
        self._scan_again_us = CHILDREN_FIRST_US
        self._counted_us: int | None = None
        self._before: tuple[int, dict[ProcessKey, float]] | None = None
        self._hidden = False

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    def read(self) -> Values:
        """See :class:`~loadworthy.monitor.source.Source`."""
        self._refresh()
        now_us = self._clock.monotonic_us()
        total, count, look = _Sum(), 0, self._are_connections_due(now_us)
        for process in self._family:
            try:
                _add(process, total, look=look)
            except psutil.NoSuchProcess:
                continue  # it ended just now
            except psutil.AccessDenied as error:
                raise SourceError(f"process {process.pid} belongs to somebody else and cannot be read") from error
            count += 1
        if not count:
            self._roots = []
            raise SourceError("the process has ended")
        values: Values = {"memory_bytes": float(total.memory_bytes), "threads": float(total.threads)}
        values["processes"] = float(count)
        if self._before is not None and now_us - self._before[0] >= _SHORTEST_US:
            values["cpu"] = cpu_cores(self._before[1], total.cpu_s, (now_us - self._before[0]) / US_PER_S)
        self._before = now_us, total.cpu_s
        if total.descriptors is None:
            self._hidden = True
            return values
        values["descriptors"] = float(total.descriptors)
        if look:
            values["connections"] = float(_established(self._roots[0].pid, total.sockets))
            self._counted_us = now_us
        return values

    def notes(self) -> list[str]:
        """See :class:`~loadworthy.monitor.source.Source`."""
        if not self._hidden:
            return []
        what = "descriptors and connections" if self._count_connections else "descriptors"
        return [f"the {what} of {self._name} could not be counted: it belongs to another user of this machine"]

    def close(self) -> None:
        """Nothing is held."""

    def _refresh(self) -> None:
        """Find the processes anew where they are gone, and their children now and then."""
        now_us = self._clock.monotonic_us()
        alive = [process for process in self._roots if _is_alive(process)]
        if not alive:
            self._before = self._counted_us = None
            alive = self._find()
        elif len(alive) == len(self._roots) and now_us - self._scanned_us < self._scan_again_us:
            return
        family = {process.pid: process for process in alive}
        for root in alive:
            try:
                family.update({child.pid: child for child in root.children(recursive=True)})
            except psutil.NoSuchProcess:
                continue  # the reading will see that it is gone
        is_same = {process.pid for process in self._family} == set(family)
        self._scan_again_us = min(self._scan_again_us * 2, CHILDREN_EVERY_US) if is_same else CHILDREN_FIRST_US
        self._roots, self._family, self._scanned_us = alive, list(family.values()), now_us

    def _are_connections_due(self, now_us: int) -> bool:
        if not self._count_connections:
            return False
        return self._counted_us is None or now_us - self._counted_us >= CONNECTIONS_EVERY_US


def _add(process: psutil.Process, total: _Sum, *, look: bool) -> None:
    """Add one process to a reading; with ``look``, its sockets. What psutil raises where it is gone or not ours."""
    with process.oneshot():
        if process.status() == psutil.STATUS_ZOMBIE:
            raise psutil.NoSuchProcess(process.pid)
        times, memory, threads = process.cpu_times(), process.memory_info(), process.num_threads()
        key = process.pid, process.create_time()
    total.cpu_s[key] = times.user + times.system
    total.memory_bytes += memory.rss
    total.threads += threads
    if total.descriptors is not None:
        count, sockets = _descriptors(process.pid, look=look)
        total.descriptors = None if count is None else total.descriptors + count
        total.sockets |= sockets


def by_pid(pid: int) -> Find:
    """The process with this number."""

    def find() -> list[psutil.Process]:
        try:
            process = psutil.Process(pid)
        except psutil.NoSuchProcess as error:
            raise SourceError(f"there is no process {pid}") from error
        if not _is_alive(process):
            raise SourceError(f"process {pid} has ended")
        return [process]

    return find


def by_port(port: int) -> Find:
    """The processes that listen on a TCP port; of a family that shares the socket only the eldest."""

    def find() -> list[psutil.Process]:
        listening = [
            connection.pid
            for connection in psutil.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        ]
        pids = {pid for pid in listening if pid is not None}
        if listening and not pids:
            raise SourceError(f"the process that listens on port {port} belongs to somebody else; run as its user")
        found = _eldest(_processes(pids))
        if not found:
            raise SourceError(f"no process on this machine listens on port {port}")
        return found

    return find


def by_name(name: str) -> Find:
    """The processes of a program, found by the names of the program and of the script that it runs; not this one."""

    def find() -> list[psutil.Process]:
        ours = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
        matching = []
        for process in psutil.process_iter(["name", "cmdline"]):
            words = (process.info["cmdline"] or [])[:_ARGUMENTS_SEARCHED]
            if process.pid not in ours and name in (process.info["name"], *(Path(word).name for word in words)):
                matching.append(process)
        found = _eldest(matching)
        if not found:
            raise SourceError(f"no process on this machine is called {name}")
        return found

    return find


def itself() -> list[psutil.Process]:
    """This process: the load generator."""
    return [psutil.Process()]


def _processes(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in sorted(pids):
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue  # it ended just now
    return found


def _eldest(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that none of the others is an ancestor of; their children are read with them."""
    alive = [process for process in processes if _is_alive(process)]
    pids = {process.pid for process in alive}
    eldest = []
    for process in alive:
        try:
            if pids.isdisjoint(parent.pid for parent in process.parents()):
                eldest.append(process)
        except psutil.NoSuchProcess:
            continue  # it ended just now
    return eldest


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _descriptors(pid: int, *, look: bool) -> tuple[int | None, set[bytes]]:
    """How many descriptors a process has open (None: not to be seen), and with ``look`` the inodes of its sockets."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208  # a process may have thousands; a Path for each costs too much
    except PermissionError:
        return None, set()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(pid) from error
    sockets = set()
    for name in names if look else ():
        try:
            match = _SOCKET.fullmatch(os.readlink(f"{folder}/{name}"))  # noqa: PTH115  # as above
        except OSError:
            continue  # closed just now
        if match is not None:
            sockets.add(match[1].encode("ascii"))
    return len(names), sockets


def _established(pid: int, sockets: set[bytes]) -> int:
    """How many of the sockets are established TCP connections, in the network that the process lives in."""
    return sum(inode in sockets for table in _tables(pid) for inode in established_inodes(table))


def established_inodes(table: bytes) -> Sequence[bytes]:
    """The inodes of the established connections in the text of ``/proc/net/tcp`` or ``tcp6``."""
    found: list[bytes] = _ESTABLISHED.findall(table)
    return found


def _tables(pid: int) -> list[bytes]:
    tables = []
    for name in ("tcp", "tcp6"):
        try:
            tables.append(Path(f"/proc/{pid}/net/{name}").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue  # no IPv6 here, or the process ended just now
        except OSError as error:
            raise SourceError(f"cannot read /proc/{pid}/net/{name}: {error.strerror or error}") from error
    return tables
