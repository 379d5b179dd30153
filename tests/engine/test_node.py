"""What a process has measured is handed out, whatever ends meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gevent

from loadworthy.engine.node import Node


def test_an_interval_that_was_cut_is_handed_out_though_the_cutter_is_stopped() -> None:
    """The end of a wave stops the cutter, perhaps just between the two: what was cut must not be missing."""
    handed_out: list[str] = []
    recorder = SimpleNamespace(cut=lambda *_args, **_options: "interval 7", drain_failures=lambda _recording: [])
    node: Any = SimpleNamespace(
        _recorder=recorder,
        _crowds={"load": SimpleNamespace(users=1)},
        _outlet=SimpleNamespace(interval=handed_out.append),
        _errors=SimpleNamespace(flush=lambda: None),
    )
    cutting = gevent.spawn(Node._cut, node, SimpleNamespace(scenario="load", is_over=False))
    gevent.sleep(0)  # it has cut, and lets others go first
    assert handed_out == []
    cutting.kill()
    assert handed_out == ["interval 7"]
