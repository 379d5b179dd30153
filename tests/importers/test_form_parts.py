"""Multipart forms as recordings hold them become the parts that plans have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.importers.recordings import entry, imported, steps, told
from urllib3.filepost import encode_multipart_formdata

from loadworthy.importers.form_parts import read_form
from loadworthy.importers.requests import FormPart

TYPE = "multipart/form-data; boundary=xyz"
SENT = """\
--xyz
Content-Disposition: form-data; name="album"

holidays
--xyz
Content-Disposition: form-data; name="about"; filename="about.json"
Content-Type: application/json

{"n": 1}
--xyz
Content-Disposition: form-data; name="pic"; filename="a \\"b%22; c.png"
Content-Type: image/png

\ufffdPNG
--xyz
content-disposition: form-data; name=pic; filename*=UTF-8''%C3%A4.bin

--xyz--
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_was_sent_is_taken_apart(line_end: str) -> None:
    """Fields, files of text and of bytes (whose content no recording holds), quoted names, any ends of lines."""
    assert read_form(SENT.replace("\n", line_end), TYPE) == (
        FormPart("album", "holidays", size_bytes=8),
        FormPart("about", '{"n": 1}', "about.json", "application/json", 8),
        FormPart("pic", None, 'a "b"; c.png', "image/png", 6),
        FormPart("pic", None, "ä.bin"),
    )


@pytest.mark.parametrize(
    ("text", "mime"),
    [(SENT, "multipart/form-data"), (SENT, "multipart/mixed; boundary=xyz"), (SENT, "multipart/form-data; boundary=q"),
     ("", TYPE), ("--xyz\r\n...", TYPE), ("--xyz--", TYPE)],
)  # fmt: skip
def test_what_is_no_form_has_no_parts(text: str, mime: str) -> None:
    """Another kind, no boundary, or nothing between boundaries."""
    assert read_form(text, mime) == ()


@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\\%"), min_size=1
            ),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd\r")),
        ),
        min_size=1,
    )
)
def test_fields_are_read_as_they_were_encoded(fields: list[tuple[str, str]]) -> None:
    """Any name and any text, in the encoding of a library that others use."""
    body, mime = encode_multipart_formdata(fields)
    assert [(part.name, part.text) for part in read_form(body.decode(), mime)] == fields


def made_of(data: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The step that is made of a POST with this ``postData``, and what is told."""
    one = entry("POST", "/a", headers={"content-type": data["mimeType"], "content-length": "99"})
    one["request"]["postData"] = data
    made = imported(one)
    (step,) = steps(made)
    return step, told(made)


def test_a_recorded_form_becomes_a_step() -> None:
    """With the header left to the client, JSON as data, and random bytes of the same size in place of a picture."""
    step, notes = made_of({"mimeType": TYPE, "text": SENT.replace("\n", "\r\n")})
    assert step["multipart"] == {
        "album": "holidays",
        "about": {"json": {"n": 1}, "filename": "about.json"},
        "pic": [{"size": 6, "filename": 'a "b"; c.png', "type": "image/png"}, {"size": "10kB", "filename": "ä.bin"}],
    }
    assert "headers" not in step
    assert 'random bytes are sent as a "b"; c.png, ä.bin' in notes


def test_a_form_of_which_only_the_fields_were_recorded() -> None:
    """Browsers that leave the text out list them; files have a name, or (binary) for a value."""
    fields = [
        {"name": "token", "value": "t-1234567"},
        {"name": "a", "value": "(binary)"},
        {"name": "b", "value": "", "fileName": "b.pdf", "contentType": "application/pdf"},
    ]
    step, _ = made_of({"mimeType": TYPE, "params": fields})
    assert step["multipart"] == {
        "token": "${TOKEN}",
        "a": {"size": "10kB"},
        "b": {"size": "10kB", "filename": "b.pdf", "type": "application/pdf"},
    }


def test_json_of_an_odd_media_type_is_data_all_the_same() -> None:
    """Where no plan could have the type, it is left to the client."""
    fields = [{"name": "a", "value": "[1]", "contentType": "application/json\t; x"}]
    step, _ = made_of({"mimeType": TYPE, "params": fields})
    assert step["multipart"] == {"a": {"json": [1]}}
