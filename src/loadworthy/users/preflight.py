"""Whether anybody listens at the target, asked before any load is made.

``loadworthy run`` asks by itself. For a plain ``locust -f`` a locustfile says so at module level::

    from loadworthy.users.preflight import require_target

    require_target()

Under ``locust --headless`` the command then ends with exit code 2 and one line in the log when the host does not accept
connections; under the web UI that line is logged and the test does not start. The question is asked in ``test_start``,
which Locust fires before the first user is made, only in the process that leads the test, and again for each test of a
web UI. ``init`` would be earlier, but cannot stop a headless test: Locust starts it all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import gevent
import locust
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.runners import WorkerRunner
from locust.user import User
from locust.user.users import HttpUser as LocustHttpUser
from requests.utils import get_environ_proxies

from loadworthy.errors import ExitCode
from loadworthy.users.http import HttpUser
from loadworthy.users.http.connection import connect
from loadworthy.users.http.errors import AttemptError, ConnectTimeoutError, RequestError, ResolveError
from loadworthy.users.http.urls import parse_url, without_userinfo
from loadworthy.users.led import is_led

CONNECT_TIMEOUT_S = 5.0

_LOCUSTS_HTTP_USERS = (LocustHttpUser, FastHttpUser)


def require_target() -> None:
    """End a test under plain Locust before its first request where its host does not accept connections, or has none.

    Call it at module level of a locustfile; several modules may. Does nothing under ``loadworthy run``, in workers, and
    for user classes that reach their host through a proxy or are not of HTTP.
    """
    handlers = locust.events.test_start._handlers  # noqa: SLF001  # Locust has no public list
    if _on_test_start not in handlers:
        handlers.insert(0, _on_test_start)  # before user code that prepares data on the target


def why_unreachable(url: str, timeout_s: float = CONNECT_TIMEOUT_S) -> str | None:
    """Why no TCP connection to the host of an ``http(s)`` URL can be made; None where one can.

    One of the host's addresses that answers is enough. Nothing is sent.
    """
    try:
        target = parse_url(url)
        connect(target.host, target.port, None, timeout_s).close()
    except ConnectTimeoutError:
        return f"no answer within {timeout_s:g} s"
    except ResolveError:
        return "the host name does not resolve"
    except RequestError as error:
        return str(error)
    except AttemptError as error:
        return str(error).removeprefix("cannot connect: ")
    return None


def complaint(url: str, why: str, option: str) -> str:
    """The one line for a target that cannot be reached; ``option`` is how the command names another."""
    shown = without_userinfo(url)
    return f"nothing listens at {shown} ({why}): start the service, or name another with {option}"


def first_complaint(hosts: Iterable[str], option: str) -> str | None:
    """The line for the first of these hosts that cannot be reached; None where all can."""
    for host in dict.fromkeys(hosts):
        if why := why_unreachable(host):
            return complaint(host, why, option)
    return None


def direct_hosts(classes: Iterable[type[User]], host: str | None, *, environ_proxies: bool) -> list[str]:
    """The hosts that users of these classes connect to themselves: those behind a proxy are left out.

    Args:
        classes: the user classes of a test.
        host: what the test gives to all of them; None leaves each class its own.
        environ_proxies: whether their client may read ``HTTP_PROXY`` and the like (Locust's does, ours does not).
    """
    hosts = []
    for user_class in classes:
        url = host or user_class.host
        if not url or not url.lower().startswith(("http://", "https://")) or getattr(user_class, "proxy_host", None):
            continue
        proxies: Mapping[str, str] = get_environ_proxies(url, None) if environ_proxies else {}
        if not proxies:
            hosts.append(url)
    return hosts


def _without_host(environment: Environment) -> str | None:
    """The line for the first user class that needs a host and has none."""
    for user_class in environment.user_classes:
        if not environment.host and not user_class.host and issubclass(user_class, (HttpUser, *_LOCUSTS_HTTP_USERS)):
            return f"{user_class.__name__} has no host to test: name one with --host, or in the class"
    return None


def _on_test_start(environment: Environment, **_kwargs: Any) -> None:
    runner = environment.runner
    if runner is None or isinstance(runner, WorkerRunner) or is_led(environment):
        return
    line = _without_host(environment) or first_complaint(
        direct_hosts(environment.user_classes, environment.host, environ_proxies=True), "--host"
    )
    if line is None:
        return
    logging.getLogger(__name__).error(line)
    if getattr(environment.parsed_options, "headless", False):
        environment.process_exit_code = int(ExitCode.USAGE)
        gevent.spawn(runner.quit)
    else:
        gevent.spawn(runner.stop)
    # The greenlet that starts the users ends here. Any other exception would be printed with its traceback.
    raise gevent.GreenletExit
