"""What the tests of Kimmy Esthi's suite share: a copy of it, its command, what the service answered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import requests

from tests.support.cli import Done
from tests.support.systems import SYSTEMS, Service, run

SUITE = SYSTEMS / "kimmy_esthi" / "stress-test"


def copy_suite(folder: Path) -> Path:
    """The suite below a folder, without what runs have written."""
    suite = folder / "stress-test"
    shutil.copytree(SUITE, suite, ignore=shutil.ignore_patterns("runs", "__pycache__", ".*"))
    return suite


def stress_test(suite: Path, *arguments: object, environ: Mapping[str, str] | None = None) -> Done:
    """``python stress_test.py ARGUMENTS`` to its end."""
    return run("python", "stress_test.py", *arguments, cwd=suite, environ=environ)


def statuses_of(service: Service, path: str) -> dict[str, int]:
    """Status → how many such answers the service gave to requests of a path."""
    text = requests.get(f"{service.url}/metrics", timeout=30).text
    found = re.findall(rf'requests_total{{method="POST",path="{re.escape(path)}",status="(\d+)"}} (\S+)', text)
    return {status: int(float(count)) for status, count in found}
