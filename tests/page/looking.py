"""A page without a browser: it reads server-sent events from a real server, and puts together what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

Json = dict[str, Any]
OWN = {"X-Loadworthy": "1"}
TIME_LIMIT_S = 180
"""While reports are drawn nothing is sent; on a machine that is busy elsewhere, that may take a minute."""
ROWS = (("timeline", "after_ms"), ("kinds", "kinds_after_ms"))


class Looking:
    """Looks at the page below this address, ``http://127.0.0.1:8089/loadworthy/``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = patient_session()
        self.known: Json = {"scenarios": {}}
        self.kinds: list[str] = []
        """Of the events so far."""
        self._events = self._read()

    def __enter__(self) -> Self:
        """From here on everything is known that was told so far."""
        assert self.look()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()  # type: ignore[attr-defined]
        self.session.close()

    def post(self, command: str, **form: object) -> requests.Response:
        """A command, as the page sends it."""
        origin = self.url.partition("/loadworthy")[0]
        headers = {**OWN, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        return self.session.post(f"{self.url}{command}", data=form, headers=headers, timeout=TIME_LIMIT_S)

    def get(self, path: str) -> requests.Response:
        """Something below the page."""
        return self.session.get(f"{self.url}{path}", timeout=TIME_LIMIT_S)

    def until(self, is_so: Callable[[Json], bool]) -> Json:
        """What is known when it is so; the stream must not end before."""
        while not is_so(self.known):
            if not self.look():
                raise AssertionError(f"the stream ended: {self.known.get('run')}")
        return self.known

    def until_state(self, *states: str) -> Json:
        """What is known when the run is in one of these states."""
        return self.until(lambda known: known.get("run", {}).get("state") in states)

    def to_the_end(self) -> Json:
        """What is known when the server has gone."""
        while self.look():
            pass
        return self.known

    def look(self) -> bool:
        """Take in one event; whether there was one."""
        event = next(self._events, None)
        if event is None:
            return False
        kind, data = event
        self.kinds.append(kind)
        if kind == "whole":
            self.known = data
        else:
            self._apply(data)
        return True

    def _apply(self, change: Json) -> None:
        for key in ("run", "generator"):
            if key in change:
                self.known[key] = change[key]
        for name, sections in change.get("scenarios", {}).items():
            known = self.known["scenarios"][name]
            for key, value in sections.items():
                known[key] = with_rows(known[key], value) if key == "timeline" and key in known else value

    def _read(self) -> Iterator[tuple[str, Json]]:
        with self.session.get(f"{self.url}events", stream=True, timeout=TIME_LIMIT_S) as response:
            response.raise_for_status()
            assert response.headers["Content-Type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            for line in response.iter_lines(chunk_size=None):
                if line:
                    name, _, value = line.decode("utf-8").partition(": ")
                    fields[name] = value
                    continue
                if "data" in fields:
                    yield fields["event"], json.loads(fields["data"])
                fields = {}


def patient_session() -> requests.Session:
    """Waits until the port listens: plain Locust tells its address a moment before."""
    session = requests.Session()
    patience = Retry(total=None, connect=120, read=0, backoff_factor=0.05, backoff_max=0.5, allowed_methods=None)
    session.mount("http://", HTTPAdapter(max_retries=patience))
    return session


def with_rows(known: Json, news: Json) -> Json:
    """Rows after a moment take the place of those that were after it."""
    both = dict(news)
    for name, after in ROWS:
        if news[after] is None:
            continue
        kept = [place for place, at_ms in enumerate(known[name]["at_ms"]) if at_ms <= news[after]]
        both[name] = {key: [values[one] for one in kept] + news[name][key] for key, values in known[name].items()}
    return both
