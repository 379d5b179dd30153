"""Parameters are written by their style and explode, or as JSON where the document says so."""

from __future__ import annotations

from typing import Any

import pytest

from loadworthy.importers.openapi.queries import in_query, json_text, path_prefix, plain
from loadworthy.importers.openapi.reader import Parameter, Place

LIST, OBJECT = ["a", "b"], {"r": 100, "g": "x"}


def parameter(**said: Any) -> Parameter:
    return Parameter("k", "query", True, Place(said, "#"), Place({}, "#"))


@pytest.mark.parametrize(
    ("said", "value", "expected"),
    [
        ({}, 5, {"k": 5}),
        ({}, None, {}),
        ({}, LIST, {"k": LIST}),
        ({"explode": False}, LIST, {"k": "a,b"}),
        ({"style": "pipeDelimited"}, LIST, {"k": "a|b"}),
        ({"style": "spaceDelimited"}, LIST, {"k": "a b"}),
        ({"style": "pipeDelimited", "explode": True}, LIST, {"k": LIST}),
        ({}, OBJECT, {"r": 100, "g": "x"}),
        ({"explode": False}, OBJECT, {"k": "r,100,g,x"}),
        ({"style": "deepObject"}, OBJECT, {"k[r]": 100, "k[g]": "x"}),
        ({"style": "deepObject"}, {"a": {"b": 1}, "c": [1, 2]}, {"k[a]": '{"b": 1}', "k[c]": [1, 2]}),
        ({"content": {"application/json": {}}}, OBJECT, {"k": '{"r": 100, "g": "x"}'}),
        ({"content": {"application/json": {}}}, [True], {"k": "[true]"}),
        ({}, [{"a": 1}], {"k": ['{"a": 1}']}),
    ],
)
def test_a_query_is_written_as_the_document_says(said: dict[str, Any], value: Any, expected: Any) -> None:
    assert in_query(parameter(**said), value) == expected


def test_values_of_paths_and_headers_and_numbers_within_json() -> None:
    assert [plain(value) for value in (True, 1.5, LIST, OBJECT)] == ["true", "1.5", "a,b", "r,100,g,x"]
    assert [path_prefix(parameter(style=style)) for style in ("simple", "label", "matrix")] == ["", ".", ";k="]
    assert json_text({"a": "{{ random_int(1, 9) / 10 }}", "b": "{{ uuid() }}"}) == (
        '{"a": {{ random_int(1, 9) / 10 }}, "b": "{{ uuid() }}"}'
    )
