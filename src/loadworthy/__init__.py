"""Loadworthy: performance tests that answer with evidence.

Importing this package has no effect. What users write against: :mod:`loadworthy.users` (with Locust's own ``task``,
``between`` …), :mod:`loadworthy.testing`, the plan file, and ``summary.json``. All else is internal.
"""

__version__ = "0.1.0"
