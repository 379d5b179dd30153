"""What a source is, is found by its text; where it is not clear, the answer says what it looks like and what to do."""

from __future__ import annotations

import json

import pytest

from loadworthy.importers.formats import FORMATS, Format, described, find_format, importer
from loadworthy.importers.imported import ImportFailedError

SAMPLES = {
    "openapi": ("openapi.json", json.dumps({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}})),
    "har": ("x.har", json.dumps({"log": {"version": "1.2", "creator": {}, "entries": []}})),
    "postman": (
        "c.json",
        json.dumps(
            {"info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}, "item": []}
        ),
    ),
    "config": ("config.json", json.dumps({"test_scenarios": {"a": {"endpoints": ["/"]}}})),
    "locust": ("locustfile.py", "from locust import HttpUser\nclass U(HttpUser): pass\n"),
    "curl": ("", "curl -X POST http://localhost:8000/orders -d '{}'\n"),
}


@pytest.mark.parametrize("key", FORMATS)
def test_each_format_is_found_and_has_an_importer(key: str) -> None:
    """By the text, with the name of its file and without."""
    name, text = SAMPLES[key]
    assert find_format(text, name) == key
    assert find_format(text, name if key == "locust" else "") == key
    assert callable(importer(key))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "it is empty"),
        ("hello\x1b[31m there", "begins with hello·"),
        ('{"a": 1, "b": 2}', "the keys a, b"),
        ("{}", "an empty JSON object"),
        ("[1]", "a JSON list"),
        ("3", "a JSON value"),
    ],
)
def test_what_is_no_format_is_described(text: str, word: str) -> None:
    """And every ``--from`` is offered."""
    with pytest.raises(ImportFailedError) as failed:
        find_format(text, "x.txt")
    assert word in str(failed.value)
    assert all(f"--from {key}" in str(failed.value) for key in FORMATS)
    assert "x.txt is none" in str(failed.value)


def test_where_it_may_be_several_the_user_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are named."""
    monkeypatch.setitem(FORMATS, "har", Format("a twin", "kimmy.plan", "import_kimmy_config"))
    with pytest.raises(ImportFailedError, match="--from har or config"):
        find_format(SAMPLES["config"][1], "")


def test_a_description_is_bounded() -> None:
    """A source is hostile; an error message stays short."""
    assert len(described("x" * 10_000)) < 100
    assert len(described(json.dumps({"k" * 1000: 1}))) < 120
