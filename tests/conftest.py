"""Puts the repository's root on the import path for ``tests.support``, and lets Locust patch the process first."""

import os
import sys
from pathlib import Path

import locust  # noqa: F401  # it monkey-patches; what imports ssl or requests before that recurses for ever
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# A machine that others use, too, may stop any example for a while: time is nothing that a property is about.
settings.register_profile("patient", deadline=None)
# What decides whether a change may land must not depend on luck: there, properties are tried with the same examples
# each time. New ones are looked for wherever else the tests are run.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("LOADWORTHY_CI") else "patient")
