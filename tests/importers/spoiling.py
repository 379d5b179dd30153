"""Sources with anything in place of any of their parts."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from tests.importers.recordings import loads

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.formats import importer
from loadworthy.importers.imported import ImportFailedError, ImportOptions


def spoil(whole: Any, draw: st.DataObject, *texts: str) -> None:
    """Put other values in some places of JSON data; among them are these texts."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(texts),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    )
    for _ in range(draw.draw(st.integers(1, 6))):
        place = whole
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw.draw(st.sampled_from(keys)) if keys else None
            inner = place[key] if key is not None else None
            if key is None or not isinstance(inner, dict | list) or not inner or draw.draw(st.integers(0, 4)) == 0:
                break
            place = inner
        if key is not None:
            place[key] = draw.draw(values)


def assert_harmless(key: str, whole: Any) -> None:
    """In this format it becomes a plan without mistakes, or one error."""
    try:
        made = importer(key)(json.dumps(whole), ImportOptions())
    except ImportFailedError:
        return
    loads(made)
    plan_yaml(made).encode()
