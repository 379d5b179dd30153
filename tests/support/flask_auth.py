"""What the tests of flask_auth's suite share: the suite as in a fresh clone, what it counted, what the service says."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import requests

from systems.flask_auth.service.seed import ADMIN_PASSWORD
from tests.support.systems import SYSTEMS, Service

SUITE = SYSTEMS / "flask_auth" / "locust_tests"
REGISTRATION, LOGIN = "/client_registeration", "/client_login"
INCOMPLETE, WRONG = f"{REGISTRATION} [incomplete]", f"{LOGIN} [wrong password]"
FAST = {"TEST_MIN_WAIT_TIME": "0", "TEST_MAX_WAIT_TIME": "20"}
"""Short pauses, so that a few seconds make many requests."""

FALSE_ALARM = 1e-6
"""How often a test of chance may fail without a fault."""


def fresh_clone(folder: Path) -> Path:
    """The suite, copied below a folder: no folder for reports, no runs."""
    suite = folder / "locust_tests"
    shutil.copytree(SUITE, suite, ignore=shutil.ignore_patterns("__pycache__", "reports", "runs"))
    return suite


def statistics_of(path: Path) -> dict[str, tuple[int, int]]:
    """Series → requests, failures; from Locust's CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["Name"]: (int(row["Request Count"]), int(row["Failure Count"])) for row in csv.DictReader(file)}


def answers_of(service: Service) -> dict[tuple[str, str], int]:
    """(path, status) → how many the service says that it gave."""
    page = requests.get(f"{service.url}/metrics", timeout=60).text
    found = re.findall(r'^http_requests_total\{method="\w+",path="(.+?)",status="(\d+)"\} (\S+)$', page, re.MULTILINE)
    return {(path, status): int(float(count)) for path, status, count in found}


def more(after: Mapping[tuple[str, str], int], before: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """How many answers more there are, where there are any."""
    return {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}


def logins_of(service: Service) -> int:
    """Logins of clients that the table has noted."""
    ((count,),) = service.query("SELECT coalesce(sum(login_count), 0) FROM clients WHERE role = 'client'")
    return int(count)


def is_share(count: int, total: int, share: float) -> bool:
    """Whether ``count`` of ``total`` is what chance gives, by both tails of the binomial distribution."""
    terms = [
        math.exp(
            math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
            + k * math.log(share) + (total - k) * math.log(1 - share)
        )
        for k in range(total + 1)
    ]  # fmt: skip
    return min(sum(terms[: count + 1]), sum(terms[count:])) > FALSE_ALARM / 2


def assert_no_credentials(folder: Path, *said: str, secrets: tuple[str, ...] = ()) -> None:
    """No password, and nothing that begins as a JSON Web Token does, in what was said or written."""
    hidden = (ADMIN_PASSWORD, *passwords(), "eyJ", *secrets)
    texts = {str(path): path.read_text("utf-8", "replace") for path in _written(folder)}
    texts |= {f"output {number}": text for number, text in enumerate(said)}
    assert [(name, secret) for name, text in texts.items() for secret in hidden if secret in text] == []


def _written(folder: Path) -> list[Path]:
    own = {"data", "config", "scenarios", "locust_scenarios"}
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in own and path.suffix not in (".pyc", ".png")
    ]


def passwords() -> list[str]:
    """Those of the test users."""
    users = json.loads((SUITE / "data" / "test_users.json").read_text(encoding="utf-8"))
    return [str(user["password"]) for user in users]
