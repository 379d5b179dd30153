"""What the tests of the cemetery's suite share: the suite in a folder of its own, its figures, the service's tables."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import requests

from tests.support.cli import Done
from tests.support.systems import SYSTEMS, Service

FAST = {"LOAD_TEST_MIN_WAIT": "0.02", "LOAD_TEST_MAX_WAIT": "0.06", "LOAD_TEST_STREAM_SECONDS": "0.4"}
TABLES = (
    "users", "contacts", "interactions", "events", "verifications", "calls", "conversations", "messages",
)  # fmt: skip
SECRETS = ("LoadTest2025!", "thanotopolis-development-token", "eyJ", "$argon2", "Bearer ")
_OWN = frozenset({".py", ".pyc", ".md", ".txt", ".toml", ".yaml", ".png"})


def clone(folder: Path) -> Path:
    """The suite as in a fresh clone, with nothing of earlier runs; the folder above ``load_tests``."""
    target = folder / "thanotopolis"
    leave = shutil.ignore_patterns("service", "__pycache__", "*.csv", "*.html", "runs")
    shutil.copytree(SYSTEMS / "thanotopolis", target, ignore=leave)
    return target


def rows_of(service: Service) -> dict[str, int]:
    """How many rows each table has."""
    return {table: service.rows(table) for table in TABLES}


def figures_of(path: Path) -> dict[str, tuple[int, int]]:
    """``KIND name`` → (requests, failures), from a ``_stats.csv``; the line for all has the name ``Aggregated``."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            f"{row['Type']} {row['Name']}".strip(): (int(row["Request Count"]), int(row["Failure Count"]))
            for row in csv.DictReader(file)
        }


def answers_of(service: Service) -> dict[tuple[str, str, str], int]:
    """(method, route, status) → how many the service answered so far."""
    text = requests.get(f"{service.url}/metrics", timeout=60).text
    found = re.findall(r'^http_requests_total\{method="(.+?)",path="(.+?)",status="(.+?)"\} (\S+)', text, re.MULTILINE)
    return {(method, path, status): int(float(count)) for method, path, status, count in found}


def answered(service: Service, before: Mapping[tuple[str, str, str], int]) -> int:
    """How many requests it has answered since then, but for log-ins and those for its figures."""
    now, others = answers_of(service), ("/api/auth/login", "/metrics")
    return sum(count - before.get(key, 0) for key, count in now.items() if key[1] not in others)


def spawned(done: Done) -> dict[str, int]:
    """How many users of each class Locust says it started."""
    (line,) = re.findall(r"All users spawned: \{(.*?)\}", done.err)
    return {name: int(count) for name, count in re.findall(r'"(\w+)": (\d+)', line)}


def chi_square(observed: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """How far counts are from their shares: the statistic of Pearson's test."""
    assert set(observed) == set(shares)
    total = sum(observed.values())
    weight = sum(shares.values())
    return sum(
        (observed[name] - total * share / weight) ** 2 / (total * share / weight) for name, share in shares.items()
    )


def assert_no_credentials(folder: Path, *said: str, secrets: Iterable[str] = SECRETS) -> None:
    """Nothing that a run has written or said holds a password, a token or a hash."""
    written = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in _OWN]
    for text in (*said, *(path.read_text(encoding="utf-8", errors="replace") for path in written)):
        for secret in secrets:
            assert secret not in text
