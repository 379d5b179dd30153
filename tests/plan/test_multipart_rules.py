"""Multipart forms in plans: what is refused, with the place and the remedy, and what counts as a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.plans import load_text, problems_of

STEP = "scenarios: {a: {flow: [{path: /, method: POST, multipart: %s}]}}"
FORM = "scenarios.a.flow[0].multipart"


@pytest.mark.parametrize(
    ("form", "where", "message", "hint"),
    [
        ("{}", "", "it is empty", "at least one field"),
        ("{a: {}}", ".a", "it needs one of text, json, base64, size, file", "a part is one of"),
        ("{a: {filename: x}}", ".a", "it needs one of text", "a part is one of text, json, base64, size and file"),
        ("{a: {text: null}}", ".a", "it needs one of text", "a part is one of"),
        ("{a: {json: null, type: a/b}}", ".a", "it needs one of text", "a part is one of"),
        ("{a: {text: x, size: 1kB}}", ".a.size", "text and size exclude each other", "a part is one of"),
        ("{a: [x, {json: 1, file: f.png}]}", ".a[1].file", "json and file exclude each other", "a part is one of"),
        ("{a: {file: g.png}}", ".a.file", '"g.png": there is no such file', ""),
        ("{a: [{file: g.png}]}", ".a[0].file", '"g.png": there is no such file', ""),
        ("{a: {file: .}}", ".a.file", "it is not a file", ""),
        ("{a: {file: '{{ x }}.png'}}", ".a.file", "is a template, and a file cannot vary", "read once"),
        ("{a: {file: f.png, type: picture}}", ".a.type", '"picture" is not a media type', "image/png"),
        ('{a: {file: f.png, type: "a/b\\r\\nX: 1"}}', ".a.type", "is not a media type", ""),
        ("{a: {base64: '###'}}", ".a.base64", "it is not base64", "aGVsbG8="),
        ("{a: {size: 3 furlongs}}", ".a.size", "is not a size", "64KiB"),
        ("{a: {fil: f.png}}", ".a.fil", '"fil"', "did you mean file?"),
        ("{a: [{fil: f.png}]}", ".a[0].fil", '"fil"', "did you mean file?"),
        ("{a: {text: '{{ nobody }}'}}", ".a.text", "uses nobody, which nothing gives", ""),
        ("{a: {text: '{{ 1'}}", ".a.text", "is not a template", ""),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, form: str, where: str, message: str, hint: str) -> None:
    """In fields and in lists of them, with what would be right."""
    (tmp_path / "f.png").write_bytes(b"x")
    problems = problems_of(tmp_path, STEP % form)
    found = [problem for problem in problems if problem.where.endswith(FORM + where)]
    assert found, problems
    assert message in found[0].message
    assert hint in found[0].hint


@pytest.mark.parametrize("other", ["json: {a: 1}", "form: {a: 1}", "body: x"])
def test_a_request_has_one_body(tmp_path: Path, other: str) -> None:
    """A form excludes all others."""
    problems = problems_of(tmp_path, f"scenarios: {{a: {{flow: [{{path: /, multipart: {{a: 1}}, {other}}}]}}}}")
    assert any("exclude each other" in problem.message for problem in problems)


@pytest.mark.parametrize("steps", ["setup: [%s]\nscenarios: {a: {}}", "scenarios: {a: {roles: {r: {flow: [%s]}}}}"])
def test_a_content_type_of_its_own_is_refused(tmp_path: Path, steps: str) -> None:
    """Without the boundary no service could read the form; the one that all steps have is replaced and no mistake."""
    step = "{path: /, headers: {content-type: multipart/form-data}, multipart: {a: 1}}"
    (problem,) = problems_of(tmp_path, steps % step)
    assert problem.message == "multipart and content-type exclude each other"
    load_text(tmp_path, "scenarios: {a: {headers: {Content-Type: x/y}, flow: [{path: /, multipart: {a: 1}}]}}")


def test_a_file_too_large_for_memory_is_refused(tmp_path: Path) -> None:
    """Each process keeps what it sends."""
    with (tmp_path / "f.png").open("wb") as file:
        file.truncate(513 * 1024 * 1024)
    (problem,) = problems_of(tmp_path, STEP % "{a: {file: f.png}}")
    assert "512 MiB are the most" in problem.message


def test_short_forms_become_parts(tmp_path: Path) -> None:
    """Texts, numbers and flags are the text of a part, as in other forms."""
    plan = load_text(tmp_path, STEP % "{a: x, b: [1, true, 2.5], c: {text: 7}}").plan
    form = plan.scenarios["a"].flow[0].multipart
    assert [
        (name, [one.text for one in (part if isinstance(part, tuple) else (part,))]) for name, part in form.items()
    ] == [
        ("a", ["x"]),
        ("b", ["1", "true", "2.5"]),
        ("c", ["7"]),
    ]


def test_secrets_in_forms_are_masked_and_file_names_are_none(tmp_path: Path) -> None:
    """What comes from the environment, or stands under a word for secrets; the name of a file is not hidden."""
    (tmp_path / "f.png").write_bytes(b"x")
    form = "{key: '${KEY}', password: pa55-word-7, list: [{text: '${KEY}'}], picture: {file: '${FILE}'}}"
    loaded = load_text(tmp_path, STEP % form, environ={"KEY": "k3y-of-mine", "FILE": "f.png"})
    assert {"k3y-of-mine", "pa55-word-7"} <= loaded.redactor.secrets
    assert "f.png" not in loaded.redactor.secrets
    shown = str(loaded.redacted_json)
    assert "f.png" in shown
    assert "k3y-of-mine" not in shown
    assert "pa55-word-7" not in shown
