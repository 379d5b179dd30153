"""Which account a simulated user logs in with, and how long users think.

Every simulated doctor and patient has an account of their own, also over several processes. Accounts are numbered;
process *i* of *n* hands out the numbers i, i+n, i+2n … The processes learn *n* from their master: it notes the number
of its workers among the options of the test, which Locust sends to every worker before the first user starts. When
there are more users than accounts, the numbers begin again.

Environment:
    CMS_HOST: the API, unless ``--host`` names another.
    CMS_USERNAME, CMS_PASSWORD: the administrator's account, and the password of all accounts of the test.
    CMS_DOCTORS, CMS_PATIENTS: how many accounts ``doctor001`` … and ``patient0001`` … there are.
    CMS_WAIT: shortest and longest pause between tasks in seconds, as ``0.1-0.5``, instead of the classes' own.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

_HANDED_OUT = "cms_accounts_handed_out"
_PROCESSES = "cms_processes"


def read_count(name: str, default: int) -> int:
    """A whole number above 0 from the environment."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) == 0:
        raise SystemExit(f"{name}={text}: write how many of these accounts there are, such as {default}")
    return int(text)


def read_wait(name: str) -> tuple[float, float] | None:
    """``1-3`` from the environment as (1.0, 3.0); None where it is not set."""
    text = os.environ.get(name, "")
    if not text:
        return None
    shortest, _, longest = text.partition("-")
    try:
        wait = float(shortest), float(longest or shortest)
    except ValueError:
        wait = (-1.0, -1.0)
    if not 0 <= wait[0] <= wait[1] < math.inf:
        raise SystemExit(f"{name}={text}: write the shortest and the longest pause in seconds, such as 0.1-0.5")
    return wait


HOST = os.environ.get("CMS_HOST") or "http://localhost:5000"
USERNAME = os.environ.get("CMS_USERNAME", "admin")
PASSWORD = os.environ.get("CMS_PASSWORD", "password123")
DOCTORS = read_count("CMS_DOCTORS", 150)
PATIENTS = read_count("CMS_PATIENTS", 500)
WAIT_S = read_wait("CMS_WAIT")


def next_number(environment: Environment, role: str, count: int) -> int:
    """The number, from 1 to ``count``, of the next account of a role that nobody in this test has yet."""
    handed_out: Counter[str] = getattr(environment, _HANDED_OUT)
    first, step = 0, 1
    if isinstance(environment.runner, WorkerRunner):
        step = getattr(environment.parsed_options, _PROCESSES, 1)
        first = environment.runner.worker_index % step
    number = first + handed_out[role] * step
    handed_out[role] += 1
    return number % count + 1


def _begin(environment: Environment, **_kwargs: Any) -> None:
    """A test starts: nobody has an account yet."""
    setattr(environment, _HANDED_OUT, Counter())
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        clients = runner.clients
        workers = len(clients.ready + clients.spawning + clients.running)
        setattr(environment.parsed_options, _PROCESSES, workers)


events.test_start.add_listener(_begin)
