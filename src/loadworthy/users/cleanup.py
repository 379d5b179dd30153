"""Test data that users create is removed again when their test is over.

In a locustfile::

    from loadworthy.users.cleanup import clean_up_after, created

    clean_up_after()

    class Clerk(HttpUser):
        @task
        def add(self):
            made = self.client.post("/contacts", json={"name": "x"})
            if made.ok:
                created(self, "DELETE", f"/contacts/{made.json()['id']}", headers=self.authorization)

What was created is undone once all users of the test have stopped, however that came: the newest first, eight at a
time, by requests that are no samples and that no listener hears of. Each process undoes what its own users created.
What did not go is tried once more when all the rest is gone: a parent may have been asked for before its children. What
is refused for a conflict (409) even then is tried for some seconds more: its children may be those of another process,
which removes them meanwhile. All of it takes :data:`LIMIT_S` at most. Works under ``locust`` and under
``loadworthy run``, where it happens after each scenario. Both take ``--keep-data`` (``loadworthy run`` after ``--``),
which leaves everything.

One window remains. A user that is killed after the server has created something and before its ``created()`` was called
leaves that behind, and nobody knows of it. Users are killed when the stop time-out ends (``--stop-timeout`` of Locust,
:data:`STOP_TIMEOUT_S` unless given; ``stop_timeout`` of a plan): make it longer than the slowest request. Nothing is
removed either by a process that is killed (SIGKILL, a second Ctrl-C of ``loadworthy run --processes N``), or by a
second Ctrl-C while it removes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import gevent
import locust
import psutil
from gevent.pool import Pool as GreenletPool
from locust.env import Environment
from locust.event import EventHook, Events
from locust.runners import MasterRunner, WorkerRunner
from locust.user import User

from loadworthy.units import format_count
from loadworthy.users.http.pool import Pool
from loadworthy.users.http.session import HttpSession
from loadworthy.users.interrupt import take_ctrl_c
from loadworthy.users.led import is_led
from loadworthy.users.sink import describe_exception

LIMIT_S = 60.0
"""For all that one process has to undo after one test."""
REQUEST_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
"""How long tasks under way may go on when a test ends, where neither the command nor the suite says so."""
AT_ONCE = 8
SHOWN = 20
"""How many of those that are left the line names."""

ATTRIBUTE = "loadworthy_created"
"""Name under which an environment carries what its users created."""

Headers: TypeAlias = Mapping[str, Any] | Callable[[], Mapping[str, Any] | None] | None

_ALREADY_GONE = frozenset({404, 410})
_NOT_REACHED = "not reached in time"
_CONFLICT = "409"
_TRIES = 2
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Before each further try where the answer was a conflict."""
_POLL_S = 0.1
_log = logging.getLogger(__name__)


class Sender(Protocol):
    """Whose requests those that undo something are like: a user, or what stands for all of them."""

    @property
    def host(self) -> str | None: ...


class Undo(NamedTuple):
    """One request that undoes something; the fields are the arguments of :func:`created`."""

    user: User | Sender
    method: str
    path: str
    headers: Headers = None
    json: Any = None
    params: Any = None


def clean_up_after(stop_timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Undo at the end of a test what its users created, and give the command the option ``--keep-data``.

    Call it at module level of a locustfile; several modules may. Under plain Locust Ctrl-C then waits for the tasks
    under way like any other end (:mod:`loadworthy.users.interrupt`).

    Args:
        stop_timeout_s: the stop time-out under plain Locust, whose own is 0, where ``--stop-timeout`` is not given. The
            longest that any module asks for counts.
    """
    offer_keeping()
    _listen_once(locust.events.init, _StopTimeout(stop_timeout_s))
    _listen_once(locust.events.init, _on_init)
    _listen(locust.events)


def offer_keeping() -> None:
    """Give the command the option ``--keep-data``."""
    _listen_once(locust.events.init_command_line_parser, _add_option)


def created(
    user: User, method: str, path: str, *, headers: Headers = None, json: Any = None, params: Any = None
) -> None:
    """Remember how to undo what this user has just created.

    Args:
        user: whose host and TLS settings count, and whose client's headers, cookies and auth are sent, all as they are
            when it is undone.
        method: ``DELETE``, or what else undoes it.
        path: below the user's host, or a whole URL.
        headers: more headers, or a callable that returns them when it is undone: a token may have expired by then.
        json, params: as for :meth:`loadworthy.users.HttpSession.request`.
    """
    environment = user.environment
    ledger: Ledger | None = getattr(environment, ATTRIBUTE, None)
    if ledger is None:
        ledger = Ledger(environment)
        setattr(environment, ATTRIBUTE, ledger)
    ledger.undos.append(Undo(user, method, path, headers, json, params))


class Ledger:
    """What the users of one process have created, in the order in which they did."""

    def __init__(self, environment: Environment) -> None:
        self.undos: list[Undo] = []
        self._environment = environment
        self._cleaning: gevent.Greenlet | None = None
        _listen(environment.events)
        # Locust may end its runner while data is being removed; this is the last that it does before it exits.
        environment.events.quit.add_listener(self._on_quit)

    def settle(self) -> None:
        """Undo all there is, or keep it if so asked; returns when that is done, or when its time is up.

        It runs in a greenlet of its own: the one that stops a test may be killed meanwhile, by Locust's own shutdown or
        because it is that of a user who ended the test.
        """
        _wait_for(self._cleaning)
        if not self.undos:
            return
        undos, self.undos = self.undos, []
        if getattr(self._environment.parsed_options, "keep_data", False):
            _log.info("test data: %s kept (--keep-data)", format_count(len(undos)))
            return
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            # Nobody reads the master's heartbeats until this is over; without them a worker gives up after a minute.
            runner.last_heartbeat_timestamp = None
        self._cleaning = gevent.spawn(_remove_and_tell, undos)
        _wait_for(self._cleaning)

    def _on_quit(self, **_kwargs: Any) -> None:
        self.settle()


def _remove_and_tell(undos: list[Undo]) -> None:
    left = dict.fromkeys(range(len(undos)), _NOT_REACHED)
    try:
        remove(undos, left)
    finally:
        if left:
            _log.warning("test data: %s", what_is_left(undos, left))
        else:
            _log.info("test data: %s removed", format_count(len(undos)))


def what_is_left(undos: list[Undo], left: dict[int, str]) -> str:
    """How much was removed and how much was not, with the first of those and why: ``62 removed, 1 left: DELETE …``.

    Those that were left for the same reason stand together: after a server is gone it is the same for all.
    """
    named: dict[str, list[str]] = {}
    for index in sorted(left)[:SHOWN]:
        named.setdefault(left[index], []).append(f"{undos[index].method} {undos[index].path}")
    parts = "; ".join(f"{', '.join(requests)}: {why}" for why, requests in named.items())
    more = f"; {format_count(len(left) - SHOWN)} more" if len(left) > SHOWN else ""
    return f"{format_count(len(undos) - len(left))} removed, {format_count(len(left))} left: {parts}{more}"


def remove_all(undos: list[Undo]) -> dict[int, str]:
    """Send the requests, the last first; which of them did not help (index → why)."""
    left = dict.fromkeys(range(len(undos)), _NOT_REACHED)
    if undos:
        remove(undos, left)
    return left


def remove(undos: list[Undo], left: dict[int, str], limit_s: float = LIMIT_S) -> None:
    """Send the requests, the last first. ``left`` maps indices to reasons; what is undone is taken out of it."""
    sessions = _Sessions()
    greenlets = GreenletPool(AT_ONCE)

    def attempt(index: int) -> None:
        why = sessions.undo(undos[index])
        if why is None:
            del left[index]
        else:
            left[index] = why

    def attempt_all(indices: list[int]) -> None:
        for index in sorted(indices, reverse=True):
            greenlets.spawn(attempt, index)
        greenlets.join()

    try:
        with gevent.Timeout(limit_s, False):
            for _ in range(_TRIES):
                attempt_all(list(left))
            for pause_s in _PAUSES_S:
                if conflicts := [index for index, why in left.items() if why == _CONFLICT]:
                    gevent.sleep(pause_s)
                    attempt_all(conflicts)
    finally:
        greenlets.kill()
        sessions.close()


class NoSamples:
    """A sink that keeps nothing and tells nobody."""

    listeners: None = None

    def record(self, *_values: Any) -> None:
        """Not kept."""

    def interrupted(self) -> None:
        """Not counted."""

    def notify(self, **_request_meta: Any) -> None:
        """Nobody listens."""


class _Sessions:
    """A session like that of each user's client; all share their connections."""

    def __init__(self) -> None:
        self._pool = Pool()
        self._sessions: dict[int, HttpSession] = {}

    def undo(self, undo: Undo) -> str | None:
        """Send it; why it did not help, None where what was created is gone."""
        try:
            headers = undo.headers() if callable(undo.headers) else undo.headers
            session = self._session_of(undo.user)
            response = session.request(undo.method, undo.path, headers=headers, json=undo.json, params=undo.params)
        except Exception as error:  # noqa: BLE001  # the user's callable may raise anything
            return describe_exception(error)
        status = response.status_code
        if response.ok or status in _ALREADY_GONE:
            return None
        return str(status) if status else str(response.error)

    def close(self) -> None:
        self._pool.close()

    def _session_of(self, user: User | Sender) -> HttpSession:
        if id(user) not in self._sessions:
            self._sessions[id(user)] = session = _session_like(user)
            session.pool = self._pool
        return self._sessions[id(user)]


def _session_like(user: User | Sender) -> HttpSession:
    """A session that sends what the user's client sends, be it ours, that of ``requests`` or Locust's fast one."""
    client = getattr(user, "client", None)
    session = HttpSession(
        user.host,
        NoSamples(),
        headers=getattr(client, "headers", None) or getattr(user, "default_headers", None),
        connect_timeout_s=REQUEST_TIMEOUT_S,
        read_timeout_s=REQUEST_TIMEOUT_S,
        total_timeout_s=REQUEST_TIMEOUT_S,
        verify=False if getattr(user, "insecure", False) else getattr(client, "verify", True),
    )
    session.cookies = getattr(client, "cookies", None) or getattr(client, "cookiejar", None)
    session.cert = getattr(client, "cert", None)
    session.proxies = dict(getattr(client, "proxies", None) or {})
    session.auth = getattr(client, "auth", None) or session.auth
    return session


def _wait_for(cleaning: gevent.Greenlet | None) -> None:
    """Until it has ended, even where this greenlet is killed meanwhile; a KeyboardInterrupt ends both."""
    killed = False
    while cleaning is not None and not cleaning.ready():
        try:
            cleaning.join()
        except gevent.GreenletExit:
            killed = True
        except KeyboardInterrupt:
            cleaning.kill()
            raise
    current = gevent.getcurrent()
    if killed and isinstance(current, gevent.Greenlet):
        current.kill(block=False)  # it takes effect where this greenlet waits next, as it would have without us


def _listen(events: Events) -> None:
    _listen_once(events.test_stop, _on_test_stop)
    _listen_once(events.quitting, _on_quitting)


def _listen_once(hook: EventHook, listener: Callable[..., None]) -> None:
    if listener not in hook._handlers:  # noqa: SLF001  # Locust has no public list
        hook.add_listener(listener)


def _add_option(parser: Any, **_kwargs: Any) -> None:
    parser.add_argument("--keep-data", action="store_true", help="Leave the test data that users created")


@dataclass(frozen=True, slots=True)
class _StopTimeout:
    """Lets tasks under way end; a master hands its stop time-out on to its workers."""

    seconds: float

    def __call__(self, environment: Environment, **_kwargs: Any) -> None:
        given = getattr(environment.parsed_options, "stop_timeout", None)
        if not given and not is_led(environment):
            environment.stop_timeout = max(environment.stop_timeout or 0.0, self.seconds)


def _on_init(environment: Environment, **_kwargs: Any) -> None:
    if not is_led(environment):
        take_ctrl_c()


def _on_test_stop(environment: Environment, **_kwargs: Any) -> None:
    ledger: Ledger | None = getattr(environment, ATTRIBUTE, None)
    if ledger is not None:
        ledger.settle()


def _on_quitting(environment: Environment, **_kwargs: Any) -> None:
    """With ``locust --processes`` the workers get time to clean up: Locust's master would not wait for them.

    Listeners of ``quitting`` are called last first, so the master has told its workers to leave. They are looked at,
    not reaped: their exit codes are Locust's to read.
    """
    if not isinstance(environment.runner, MasterRunner) or not getattr(environment.parsed_options, "processes", None):
        return
    master = psutil.Process()
    workers = [child for child in master.children() if _is_running(child) and child.cmdline() == master.cmdline()]
    for _ in range(round((LIMIT_S + REQUEST_TIMEOUT_S) / _POLL_S)):
        if not any(_is_running(worker) for worker in workers):
            return
        gevent.sleep(_POLL_S)
    _log.warning("test data: a worker still removes some; it goes on by itself")


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
