"""What a plan expects of a response, and takes out of it."""

import json
from typing import Any

import pytest

from loadworthy.plan.steps import Expect
from loadworthy.users.checks import CheckFailedError, compile_checks, compile_extractor, expected_statuses
from loadworthy.users.templates import Templates


class Answer:
    """A response as checks see it."""

    def __init__(self, text: str, status: int = 200) -> None:
        self.text = text
        self.status_code = status
        self.headers = {"X-Id": "h7"}
        self.cookies = {"session": "c7"}

    def json(self) -> Any:
        return json.loads(self.text)


BODY = Answer('{"items": [{"id": 7, "name": "Ann"}], "total": 1, "none": null}')


def run_checks(expect: dict[str, Any], answer: Answer = BODY) -> None:
    for check in compile_checks(Expect.model_validate(expect), Templates()):
        check(answer, {"wanted": 7})


@pytest.mark.parametrize(
    "expect",
    [
        {"text": "Ann"},
        {"text": ["Ann", "total"]},
        {"json": {"$.total": 1, "$.items[0].name": "Ann"}},
        {"json": {"$.items[0].id": None}},
        {"json": {"$.items[0].id": "{{ wanted }}"}},
    ],
)
def test_right_answers_pass(expect: dict[str, Any]) -> None:
    """Text contained, values equal, path there, value from a template."""
    run_checks(expect)


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"text": "Bob"}, 'the body does not contain "Bob"'),
        ({"json": {"$.total": 2}}, "$.total is not 2"),
        ({"json": {"$.items[3].id": None}}, "$.items[3].id is not in the response"),
        ({"json": {"$.items[0].name": "{{ wanted }}"}}, "$.items[0].name is not as expected"),
    ],
)
def test_wrong_answers_fail_with_a_message_that_does_not_vary(expect: dict[str, Any], message: str) -> None:
    """Failures are counted by message, so the value that was found is not part of it."""
    with pytest.raises(CheckFailedError) as caught:
        run_checks(expect)
    assert str(caught.value) == message


def test_a_body_that_is_not_json_fails_a_json_check() -> None:
    """It is a failed check, not an exception of the parser."""
    with pytest.raises(CheckFailedError, match="not JSON"):
        run_checks({"json": {"$.a": 1}}, Answer("<html>"))


@pytest.mark.parametrize(
    ("source", "value"),
    [("$.items[0].id", 7), ("header:X-Id", "h7"), ("cookie:session", "c7"), (r"regex:\"name\": \"(\w+)\"", "Ann")],
)
def test_values_are_extracted_from_body_header_cookie_and_text(source: str, value: object) -> None:
    """Each kind of source finds its value."""
    assert compile_extractor("x", source)(BODY) == value


@pytest.mark.parametrize("source", ["$.gone", "header:Gone", "cookie:gone", "regex:gone(.)"])
def test_a_value_that_is_not_there_is_a_failed_check(source: str) -> None:
    """The message names the variable and the source."""
    with pytest.raises(CheckFailedError, match="nothing to extract for token"):
        compile_extractor("token", source)(BODY)


def test_statuses_are_any_below_400_unless_given() -> None:
    """One status, several, or the default."""
    assert expected_statuses(Expect()) is None
    assert expected_statuses(Expect(status=201)) == frozenset({201})
    assert expected_statuses(Expect(status=(200, 409))) == frozenset({200, 409})
