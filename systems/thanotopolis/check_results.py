"""``load_tests/check_results.py``, for pipelines that run in this folder."""

from __future__ import annotations

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parent / "load_tests" / "check_results.py"), run_name="__main__")
