"""Mistakes in ``alerting`` are found when the plan is read; what is switched off may be unfinished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadworthy.errors import PlanError
from loadworthy.plan.load import plan_from_mapping

EMAIL = {"smtp_server": "mail.example.com", "from_addr": "Perf <a@example.com>", "to_addrs": ["b@example.com"]}


def problems(alerting: dict[str, Any]) -> list[tuple[str, str]]:
    """(where, message) of each."""
    try:
        plan_from_mapping(
            {"scenarios": {"load": {}}, "alerting": alerting}, path=Path("plan"), environ={"WRONG": "wrong wrong"}
        )
    except PlanError as error:
        return [(one.where, one.message) for one in error.problems]
    return []


@pytest.mark.parametrize(
    ("alerting", "where", "words"),
    [
        ({"email": {**EMAIL, "smtp_server": "smtp://mail"}}, "email.smtp_server", "is not a host"),
        ({"email": {**EMAIL, "from_addr": "perf"}}, "email.from_addr", "is not an e-mail address"),
        ({"email": {**EMAIL, "from_addr": "a@b\nBcc: x@y"}}, "email.from_addr", "is not an e-mail address"),
        ({"email": {**EMAIL, "to_addrs": ["b@c", "d@e,f@g"]}}, "email.to_addrs[1]", "is not an e-mail address"),
        ({"email": {**EMAIL, "username": "me"}}, "email.username", "username stands without password"),
        ({"email": {**EMAIL, "password": "me"}}, "email.password", "password stands without username"),
        ({"slack": {"webhook_url": "hooks.slack.com/x"}}, "slack.webhook_url", "is not an http:// or https:// URL"),
        ({"slack": {"webhook_url": "https://host:99999/x"}}, "slack.webhook_url", "is not an http:// or https:// URL"),
        ({"urls": ["json://localhost", "somewhere"]}, "urls[1]", "is not a URL of Apprise"),
        ({"on": []}, "on", "it is empty"),
        ({"on": ["recovered", "passed_again"]}, "on", "only to whom it was told that it was bad"),
        ({"on": ["fails"]}, "on[0]", '"fails" is not one of'),
    ],
)  # fmt: skip
def test_a_mistake(alerting: dict[str, Any], where: str, words: str) -> None:
    """It is said where, what and how to mend it."""
    data = problems(alerting)
    assert [(place, words in message) for place, message in data] == [(f"alerting.{where}", True)]


def test_what_is_missing_is_shown_as_it_is_written() -> None:
    """An example, not only what it is for."""
    with pytest.raises(PlanError) as caught:
        plan_from_mapping(
            {"scenarios": {"load": {}}, "alerting": {"email": {}, "slack": {}}}, path=Path("plan"), environ={}
        )
    hints = {one.where.rpartition(".")[2]: one.hint for one in caught.value.problems}
    for key, example in (
        ("smtp_server", "smtp.example.com"), ("from_addr", "perf@example.com"), ("to_addrs", "[team@example.com]"),
        ("webhook_url", "${SLACK_WEBHOOK}"),
    ):  # fmt: skip
        assert f"{key}: {example}" in hints[key]


@pytest.mark.parametrize(
    "alerting",
    [
        {},
        {"on": ["passed_again", "fail"]},
        {"email": EMAIL, "slack": {"webhook_url": "http://127.0.0.1/x"}, "urls": ["mailto://x"]},
        {"email": {**EMAIL, "smtp_server": "::1", "username": "me", "password": "${NONE:-}"}},
        {"slack": {"webhook_url": "${NONE:-}"}, "urls": ["${NONE:-}"]},
        {
            "email": {**EMAIL, "smtp_server": "${WRONG}", "to_addrs": ["${WRONG}"]},
            "slack": {"webhook_url": "${WRONG}"},
            "urls": ["${WRONG}"],
        },
        {"enabled": False, "slack": {"webhook_url": "to be written"}},
        {"enabled": "no", "slack": {"webhook_url": "to be written"}},
        {"slack": {"enabled": False, "webhook_url": "to be written"}},
        {"email": {**EMAIL, "enabled": False, "username": "me"}},
    ],
)
def test_no_mistake(alerting: dict[str, Any]) -> None:
    """All forms that are good, what is empty, and what is switched off."""
    assert problems(alerting) == []
