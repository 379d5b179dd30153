"""Multipart forms of a plan: what a service reads from them is what the plan says."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data

from loadworthy.errors import UsageError
from loadworthy.plan.steps import Step
from loadworthy.users.declared_requests import compile_headers, compile_request
from loadworthy.users.multipart import CompiledForm, PlanFiles, compile_form
from loadworthy.users.templates import TemplateFailedError, Templates, functions, resolve

Read = list[tuple[str, str | None, str | None, bytes]]


def compiled(form: dict[str, Any], base_dir: Path = Path()) -> CompiledForm:
    step = Step.model_validate({"path": "/", "multipart": form})
    return compile_form(step.multipart, Templates(), PlanFiles(base_dir))


def _in_memory(*_args: Any, **_about_it: Any) -> BytesIO:
    return BytesIO()


def read(form: CompiledForm, **variables: Any) -> Read:
    """(name, file name, media type, content) of its parts, fields first, as a web framework reads them."""
    body = resolve(form.body, variables)
    environ: Any = {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": form.content_type}
    _, fields, files = parse_form_data(environ, stream_factory=_in_memory, silent=False)
    found: Read = [(name, None, None, value.encode()) for name, values in fields.lists() for value in values]
    return found + [(name, one.filename, one.content_type, one.read()) for name, ones in files.lists() for one in ones]


def test_each_kind_of_part_arrives_as_it_was_meant(tmp_path: Path) -> None:
    """Texts, JSON, bytes, random bytes and files; with the file name and media type that were given or follow."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "sea.png").write_bytes(b"\x89PNG\r\n--")
    form = {
        "album": "the sea",
        "tag": ["blue", 7],
        "about": {"json": {"a": [1, "ä"]}, "filename": "about"},
        "raw": {"base64": base64.b64encode(b"\0\r\n--x").decode(), "filename": "raw.bin", "type": "application/x-raw"},
        "noise": {"size": 1000, "filename": "noise"},
        "picture": [{"file": "pictures/sea.png"}, {"file": "pictures/sea.png", "filename": "own.jpeg"}],
    }
    assert read(compiled(form, tmp_path)) == [
        ("album", None, None, b"the sea"),
        ("tag", None, None, b"blue"),
        ("tag", None, None, b"7"),
        ("about", "about", "application/json", json.dumps({"a": [1, "ä"]}).encode()),
        ("raw", "raw.bin", "application/x-raw", b"\0\r\n--x"),
        ("noise", "noise", "application/octet-stream", Random(1000).randbytes(1000)),
        ("picture", "sea.png", "image/png", b"\x89PNG\r\n--"),
        ("picture", "own.jpeg", "image/jpeg", b"\x89PNG\r\n--"),
    ]


def test_what_does_not_vary_is_encoded_once() -> None:
    """Then the body is bytes; else a function, whose parts are filled in anew, each with the type of its name."""
    assert isinstance(compiled({"a": "x", "b": {"size": 10}}).body, bytes)
    form = compiled(
        {
            "who": "{{ name }}",
            "id": {"json": {"n": "{{ number }}"}},
            "doc": {"text": "always", "filename": "{{ name }}.{{ 'html' if number else 'css' }}"},
        }
    )
    for name, number, media_type in (("Ann", 1, "text/html"), ("Bö", 0, "text/css")):
        parts = read(form, name=name, number=number)
        assert parts[0] == ("who", None, None, name.encode())
        assert (parts[1][0], json.loads(parts[1][3])) == ("id", {"n": number})
        assert parts[2] == ("doc", f"{name}.{media_type[5:]}", media_type, b"always")


def test_a_template_that_cannot_be_filled_fails_the_request() -> None:
    """As everywhere in a step."""
    with pytest.raises(TemplateFailedError, match="nobody"):
        resolve(compiled({"a": "{{ nobody }}"}).body, functions(Random(1)))


@given(
    st.dictionaries(
        # Browsers leave backslash and percent as they are, and servers do not agree on what they mean in a name.
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\\{%"), min_size=1),
        st.text(st.characters(codec="utf-8", exclude_characters="{"), max_size=40),
        min_size=1,
        max_size=4,
    )
)
def test_any_name_and_text_arrive(fields: dict[str, str]) -> None:
    """Quotes, line breaks and other alphabets, in the names of fields and files."""
    form = compiled({name: {"text": text, "filename": f"{name}.bin"} for name, text in fields.items()})
    assert {name: content.decode() for name, _, _, content in read(form)} == fields


def test_files_are_read_once_and_one_that_has_gone_is_told(tmp_path: Path) -> None:
    """It is a mistake of the user's, in a sentence with its name."""
    (tmp_path / "a").write_bytes(b"1")
    files = PlanFiles(tmp_path)
    assert files("a") == b"1"
    (tmp_path / "a").unlink()
    assert files("a") == b"1"
    with pytest.raises(UsageError, match=r"the file b of a form cannot be read: No such file"):
        files("b")


@pytest.mark.parametrize("common", [{}, {"CONTENT-TYPE": "application/json", "X": "1"}, {"X": "{{ token }}"}])
def test_the_content_type_is_that_of_the_form(common: dict[str, str]) -> None:
    """In place of one that the plan gives to all requests; other headers stay."""
    step = Step.model_validate({"path": "/", "multipart": {"a": "1"}})
    templates = Templates()
    headers = compile_headers(step.headers, common, templates)
    _, options = compile_request(step, headers, templates, PlanFiles(Path())).filled({"token": "t"})
    names = {name.lower(): value for name, value in options["headers"].items()}
    assert names.pop("content-type").startswith("multipart/form-data; boundary=")
    assert set(names) == ({"x"} if common else set())
    assert len(options["headers"]) == len(names) + 1
