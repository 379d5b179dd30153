"""A document may consist of several files; each is read once, and none is read that is not its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions
from loadworthy.importers.openapi.files import absolute
from loadworthy.importers.openapi.plan import import_openapi

MAIN = """
openapi: 3.0.3
info: {title: Farm, version: "1"}
paths:
  /cows: {$ref: paths/cows.yaml}
  /barns:
    get: {$ref: 'paths/all.yaml#/barns'}
"""
FILES = {
    "paths/cows.yaml": """
post:
  requestBody:
    content: {application/json: {schema: {$ref: ../schemas/cow.yaml#/Cow}}}
  responses: {"201": {description: made}}
""",
    "paths/all.yaml": "barns: {parameters: [{$ref: '#/size'}], responses: {'200': {description: all}}}\n"
    "size: {name: size, in: query, example: 3, schema: {type: integer}}\n",
    "schemas/cow.yaml": """
Cow:
  allOf:
    - {$ref: animal.json}
    - {type: object, required: [milk], properties: {milk: {$ref: '#/Milk'}}}
Milk: {type: integer, minimum: 5, maximum: 5}
""",
    "schemas/animal.json": '{"type": "object", "required": ["name"],'
    ' "properties": {"name": {"const": "Berta"}, "calf": {"$ref": "cow.yaml#/Cow"}}}',
}


def imported(text: str, files: Mapping[str, str], asked: list[str] | None = None) -> Imported:
    """The plan; ``asked`` gets the paths that were asked for."""

    def read(path: str) -> str | None:
        if asked is not None:
            asked.append(path)
        return files.get(path)

    return import_openapi(text, ImportOptions(read=read))


def steps_of(made: Imported) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = made.plan["scenarios"]["load"]["endpoints"]
    return steps


def test_references_are_relative_to_the_file_that_they_stand_in() -> None:
    """Paths, operations, parameters and schemas, in files that name one another, and themselves."""
    asked: list[str] = []
    made = imported(MAIN, FILES, asked)
    assert steps_of(made) == [
        {"path": "/cows", "method": "POST", "json": {"name": "Berta", "milk": 5}, "expect": {"status": 201}},
        {"path": "/barns", "query": {"size": 3}, "expect": {"status": 200}},
    ]
    assert sorted(asked) == sorted(FILES)


@pytest.mark.parametrize(
    ("reference", "files", "note"),
    [
        ("../../etc/passwd", {}, "is in another file; bundle the document into one file first"),
        ("/etc/passwd", {}, "is in another file; bundle"),
        ("https://elsewhere.example/a.yaml#/x", {}, "is in another file; bundle"),
        ("a/../../b.yaml", {}, "is in another file; bundle"),
        ("gone.yaml", {}, "is in another file, which cannot be read; bundle"),
        ("bad.yaml", {"bad.yaml": "a: [1"}, "is in a file that cannot be read (line 1: this is not YAML"),
        ("five.yaml", {"five.yaml": "5"}, "it must be a path that starts with /, with a mapping below"),
        ("round.yaml", {"round.yaml": "$ref: round.yaml"}, "its $ref leads back to itself"),
    ],
)
def test_what_is_not_beside_the_document_is_left_out(reference: str, files: dict[str, str], note: str) -> None:
    """Nothing is read above its folder or elsewhere; the rest of the document is imported."""
    asked: list[str] = []
    text = f"openapi: 3.0.3\npaths:\n  /a: {{get: {{responses: {{}}}}}}\n  /b: {{$ref: '{reference}'}}\n"
    made = imported(text, files, asked)
    assert [step["path"] for step in steps_of(made)] == ["/a"]
    assert any(note in one.what and one.what.endswith("it is left out") for one in made.notes)
    assert not [path for path in asked if path.startswith(("/", "..", "http"))]


def test_without_a_folder_there_are_no_other_files() -> None:
    """Of a document from standard input nothing else is read; how to make it one file is said."""
    with pytest.raises(ImportFailedError, match="bundle the document into one file first"):
        import_openapi(MAIN, ImportOptions())


def test_references_written_anew() -> None:
    """As the document itself would write them."""
    assert absolute("#/x", "a/b.yaml") == "a/b.yaml#/x"
    assert absolute("../c.yaml#/x", "a/b.yaml") == "c.yaml#/x"
    assert absolute("https://e.example/c.yaml", "a/b.yaml") == "https://e.example/c.yaml"
