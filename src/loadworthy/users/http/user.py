"""The user class: Locust's ``User`` with our client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gevent.greenlet import Greenlet
from gevent.pool import Group
from locust.env import Environment
from locust.exception import StopTest
from locust.user import User
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING
from locust.user.users import RestMixin

from loadworthy.users.http.response import Response
from loadworthy.users.http.session import HttpSession
from loadworthy.users.last_reports import wait_for_last_reports
from loadworthy.users.pauses import end_pause_soon
from loadworthy.users.run_time import count_from_the_start

count_from_the_start()
wait_for_last_reports()


class HttpUser(User, RestMixin[Response]):
    """A user with an HTTP client, ``self.client``; a drop-in for Locust's HttpUser and FastHttpUser.

    Attributes that a subclass may set, before any user is made:
        network_timeout, connection_timeout: seconds; for each wait for bytes, and for connecting.
        total_timeout: seconds for all of a response; None for ten times ``network_timeout``.
        max_redirects: more are a failure of kind ``protocol``.
        insecure: True leaves TLS certificates unverified.
        default_headers: sent with every request.
        proxy_host, proxy_port: an HTTP proxy for all requests.
        max_head_bytes, max_body_bytes: a larger head or body (decoded, too) is a failure of kind ``too_large``.
        late_us: how late the iteration under way began; set by a workload that says when iterations begin, taken by the
            first request, which was wanted so much earlier than it is sent.
    """

    abstract = True

    network_timeout: float = 30.0
    connection_timeout: float = 30.0
    total_timeout: float | None = None
    max_redirects: int = 30
    insecure: bool = False
    default_headers: Mapping[str, Any] | None = None
    proxy_host: str | None = None
    proxy_port: int | None = None
    max_head_bytes: int = 65_536
    max_body_bytes: int = 64 * 1024 * 1024
    late_us: int = 0
    client: HttpSession

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        give_client(self)

    def start(self, group: Group) -> Greenlet:
        """Start the user's greenlet; when it ends, however that comes, the client is closed."""
        greenlet: Greenlet = super().start(group)
        client = self.client
        greenlet.rawlink(lambda _: client.close())
        return greenlet

    def stop(self, force: bool = False) -> bool:
        """End the user: after its task, or now if it is in a pause; with ``force`` now in any case.

        Locust's own way may end a user that was in a pause after that pause is over, with its next request on its way.
        True where it does not have to end a task first.
        """
        if not force and self._state == LOCUST_STATE_STOPPING:
            return False
        if not force and self._state == LOCUST_STATE_WAITING:
            end_pause_soon(self)
            return True
        return bool(super().stop(force))


def give_client(user: Any) -> None:
    """Set ``user.client`` to ours, with the settings that the user's class has; it may be any Locust user class.

    StopTest where the user has no host.
    """
    if user.host is None:
        raise StopTest("no host to test: set the attribute host of the user class, or pass --host")
    from loadworthy.users.sink import sink_for  # it imports this package for the kinds of failures

    def setting(name: str) -> Any:
        return getattr(user, name, getattr(HttpUser, name))

    user.late_us = setting("late_us")
    proxy_host = setting("proxy_host")
    user.client = HttpSession(
        user.host,
        sink_for(user),
        user,
        headers=setting("default_headers"),
        connect_timeout_s=setting("connection_timeout"),
        read_timeout_s=setting("network_timeout"),
        total_timeout_s=setting("total_timeout"),
        max_redirects=setting("max_redirects"),
        max_head_bytes=setting("max_head_bytes"),
        max_body_bytes=setting("max_body_bytes"),
        verify=not setting("insecure"),
        proxy=f"http://{proxy_host}:{setting('proxy_port') or 80}" if proxy_host else None,
    )
