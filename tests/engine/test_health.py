"""What the generator knows of itself, also where it has nothing left to look with."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import command

WITHOUT_DESCRIPTORS = """
import os, resource
from loadworthy.clock import SystemClock
from loadworthy.engine.health import HealthMeter

meter = HealthMeter(SystemClock())
with_all = meter.read()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    without = meter.read()
for one in taken:
    os.close(one)
print(sorted(with_all.keys() - without.keys()), sorted(without))
"""


def test_it_reads_on_without_a_descriptor(tmp_path: Path) -> None:
    """A run that has none left is judged by what it has; its end must not be an error of its own."""
    done = command("-c", WITHOUT_DESCRIPTORS, cwd=tmp_path)
    assert done.code == 0, done.err
    gone, left = done.out.strip().split("] ", 1)
    assert "'rss_bytes'" in gone
    assert "'loop_lag_ms'" in left
