"""The suite of cms_medical and its service, looked at from outside: rows, logins, and the figures that are written."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from systems.cms_medical.service.seed import PASSWORD
from tests.support.systems import SYSTEMS, Service

SUITE = SYSTEMS / "cms_medical"
HOST = "http://localhost:5000"
FAST = {"CMS_WAIT": "0-0.02"}
"""Short pauses, so that a few seconds make many requests."""
LOGIN = "POST /api/auth/login"
AUDITED = ("POST", "PUT", "PATCH", "DELETE")
CREATES = {
    "users": "/api/users",
    "patients": "/api/patients",
    "doctors": "/api/doctors",
    "appointments": "/api/appointments",
    "consultations": "/api/consultations",
    "episodes": "/api/episodes",
    "files": "/api/files",
}
"""Table → where its rows are created."""
TABLES = (*CREATES, "insurance_policies", "notifications", "specialties", "catalog_entries", "audit_logs")

COMMANDS = {
    "quick": """
        locust -f locustfile.py
          --host=http://localhost:5000
          --users=100
          --spawn-rate=10
          --run-time=5m
          --headless""",
    "csv": "locust -f locustfile.py --host=http://localhost:5000 --users=100 --spawn-rate=10 --run-time=5m --headless"
    " --csv=results",
    "light": "locust -f locustfile.py --host=http://localhost:5000 --users=10 --spawn-rate=2 --run-time=2m --headless",
    "medium": "locust -f locustfile.py --host=http://localhost:5000 --users=50 --spawn-rate=5 --run-time=5m --headless",
    "heavy": "locust -f locustfile.py --host=http://localhost:5000 --users=200 --spawn-rate=20 --run-time=10m"
    " --headless",
    "stress": "locust -f locustfile.py --host=http://localhost:5000 --users=500 --spawn-rate=50 --run-time=15m"
    " --headless",
}
"""Those that run without the web interface, as the README prints them."""

Figures = Mapping[str, tuple[int, int]]
"""Series → requests, failures."""


def arguments(command: str, service: Service, **changes: str) -> list[str]:
    """The command without ``locust``, against this service; only the named options are changed.

    When it ends, what is under way may take its time: a login is work, and a hundred of them at once are much of it.
    """
    program, *rest = shlex.split(command.replace(HOST, service.url))
    assert program == "locust"
    assert service.url in command.replace(HOST, service.url)
    for option, value in changes.items():
        name = f"--{option.replace('_', '-')}="
        rest = [name + value if one.startswith(name) else one for one in rest]
    return [*rest, "--stop-timeout=120"]


def read_figures(path: Path) -> Figures:
    """From Locust's CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Type"]]
    return {f"{row['Type']} {row['Name']}": (int(row["Request Count"]), int(row["Failure Count"])) for row in rows}


def printed_figures(text: str) -> Figures:
    """From the last table that Locust printed."""
    table = text[text.rindex("# fails") :].partition("Aggregated")[0]
    found = re.findall(r"^(GET|POST|PUT|PATCH|DELETE)\s+(\S.*?)\s+(\d+)\s+(\d+)\(", table, re.MULTILINE)
    return {f"{method} {name}": (int(requests), int(failures)) for method, name, requests, failures in found}


def summary_figures(summary: Any, scenario: str) -> Figures:
    """From ``summary.json``."""
    series = summary["scenarios"][scenario]["series"]
    return {name: (figures["requests"], figures["failures"]) for name, figures in series.items()}


def _good(figures: Figures, series: str) -> int:
    requests, failures = figures.get(series, (0, 0))
    return requests - failures


def row_counts(service: Service) -> dict[str, int]:
    """Table → rows."""
    return {table: service.rows(table) for table in TABLES}


def login_counts(service: Service) -> dict[str, int]:
    """Account → how often it was logged in to."""
    return dict(service.query("SELECT username, login_count FROM users WHERE login_count > 0"))


def grown(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """By how much each has grown; those that have not are left out."""
    return {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}


def mix_of(logins: Mapping[str, int]) -> dict[str, int]:
    """Role → logins."""
    mix: Counter[str] = Counter()
    for username, count in logins.items():
        mix[username.rstrip("0123456789")] += count
    return dict(mix)


def by_weight(users: int) -> dict[str, int]:
    """Role → users, where the number of users is a multiple of ten."""
    assert users % 10 == 0
    return {"admin": users // 10, "doctor": users * 3 // 10, "patient": users * 6 // 10}


def assert_rows_are_those_of(figures: Figures, more: Mapping[str, int]) -> None:
    """What is new in the tables is what the figures say was created and not deleted again."""
    created = {table: _good(figures, f"POST {path}") for table, path in CREATES.items()}
    for table, path in CREATES.items():
        assert more.get(table, 0) == created[table] - _good(figures, f"DELETE {path}/[id]"), table
    assert sum(created.values()) > 10
    assert more.get("notifications", 0) == _good(figures, "POST /api/appointments")
    changes = sum(
        _good(figures, series)
        for series in figures
        if series.startswith(AUDITED) and series != LOGIN and not series.endswith("(403)")
    )
    assert more.get("audit_logs", 0) == changes


def assert_no_credentials(folder: Path, *said: str, secrets: tuple[str, ...] = (PASSWORD,)) -> None:
    """No password, and nothing that begins as a JSON Web Token does, in what was said or written."""
    texts = {f"output {number}": text for number, text in enumerate(said)}
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc", ".png"):
            texts[str(path)] = path.read_text("utf-8", "replace")
    assert [(name, secret) for name, text in texts.items() for secret in (*secrets, "eyJ") if secret in text] == []


def copy_suite(folder: Path) -> Path:
    """The files of the suite, as in a fresh clone, in a new folder below this one."""
    suite = folder / "cms_medical"
    suite.mkdir()
    for name in ("locustfile.py", "cms_accounts.py", "levels.yaml"):
        shutil.copy(SUITE / name, suite)
    return suite
