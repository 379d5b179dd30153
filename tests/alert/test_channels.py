"""Which channels of a plan are used: what opens one comes from the environment, or it is an address of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.plans import FRAMEWORK_PLAN

from loadworthy.alert.channels import Channels, channels_of
from loadworthy.plan.load import load_plan, plan_from_mapping

ENVIRON = {
    "PASSWORD": "s3cret-password", "HOOK": "https://hooks.slack.com/services/T000/B000/xyzsecret", "EMPTY": "",
    "URL": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "TOKEN": "abcdef-token",
    "ADDRESS": "Team <team@example.com>",
}  # fmt: skip
EMAIL = {"smtp_server": "mail.example.com", "from_addr": "a@example.com", "to_addrs": ["b@example.com"]}
LOGIN = {**EMAIL, "username": "perf"}


def channels(alerting: dict[str, Any]) -> Channels:
    """Those of a plan with this section."""
    data = {"scenarios": {"load": {}}, "alerting": alerting}
    return channels_of(plan_from_mapping(data, path=Path("plan"), environ=ENVIRON))


@pytest.mark.parametrize(
    ("alerting", "usable"),
    [
        ({"email": {**LOGIN, "password": "${PASSWORD}"}}, True),
        ({"email": {**LOGIN, "password": "x${PASSWORD}"}}, True),
        ({"email": EMAIL}, True),
        ({"email": {**LOGIN, "password": "s3cret-password"}}, False),
        ({"email": {**LOGIN, "smtp_server": "127.0.0.1", "password": "s3cret-password"}}, False),
        ({"email": {**LOGIN, "password": "${NONE:-default}"}}, False),
        ({"email": {**LOGIN, "password": "${EMPTY:-}"}}, False),
        ({"email": {**EMAIL, "username": "${EMPTY:-}", "password": "${PASSWORD}"}}, False),
        ({"email": {**EMAIL, "smtp_server": "${EMPTY:-}"}}, False),
        ({"email": {**EMAIL, "smtp_server": "${URL}"}}, False),
        ({"email": {**EMAIL, "from_addr": "${EMPTY:-}"}}, False),
        ({"email": {**EMAIL, "to_addrs": ["b@example.com", "${EMPTY:-}"]}}, False),
        ({"email": {**EMAIL, "to_addrs": ["${TOKEN}"]}}, False),
        ({"email": {**EMAIL, "to_addrs": ["${ADDRESS}"]}}, True),
        ({"slack": {"webhook_url": "${HOOK}"}}, True),
        ({"slack": {"webhook_url": "https://hooks.slack.com/services/${TOKEN}"}}, True),
        ({"slack": {"webhook_url": "https://hooks.slack.com/services/T000/B000/xyz"}}, False),
        ({"slack": {"webhook_url": "http://localhost:8065/hooks/x"}}, True),
        ({"slack": {"webhook_url": "http://[::1]:8065/hooks/x"}}, True),
        ({"slack": {"webhook_url": "http://me:pass@127.0.0.1:8065/hooks/x"}}, False),
        ({"slack": {"webhook_url": "http://127.0.0.1.example.com/x"}}, False),
        ({"slack": {"webhook_url": "${EMPTY:-}"}}, False),
        ({"slack": {"webhook_url": "${PASSWORD}"}}, False),
        ({"urls": ["${PASSWORD}"]}, False),
        ({"urls": ["${URL}"]}, True),
        ({"urls": ["json://127.0.0.2:80/x"]}, True),
        ({"urls": ["discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"]}, False),
        ({"urls": ["${EMPTY:-}"]}, False),
    ],
)  # fmt: skip
def test_one(alerting: dict[str, Any], usable: bool) -> None:
    """It is used, or it is said how to mend it, without the secret."""
    found = channels(alerting)
    assert (len(found.usable), len(found.unusable)) == ((1, 0) if usable else (0, 1))
    said = str(found)
    assert not any(secret in said for secret in ("s3cret", "xyz", "JHMHI", "pass@", "abcdef"))
    for one in found.unusable:
        assert "write" in one.why or "set the variable" in one.why


def test_what_is_switched_off_is_none() -> None:
    """One, or all, or where there is no section."""
    both = {"email": EMAIL, "slack": {"webhook_url": "${HOOK}", "enabled": False}}
    assert [one.name for one in channels(both).usable] == ["email"]
    assert channels({**both, "enabled": False}) == Channels()
    assert channels_of(plan_from_mapping({"scenarios": {"load": {}}}, path=Path("plan"), environ={})) == Channels()


def test_security_of_mail() -> None:
    """TLS from the start on port 465, else STARTTLS, or none where that is asked for."""
    found = [
        channels({"email": {**EMAIL, **more}}).usable[0].settings["security"]
        for more in ({}, {"smtp_port": 465}, {"smtp_port": 25, "use_tls": False})
    ]
    assert found == ["starttls", "tls", "none"]


def test_names_and_what_is_masked() -> None:
    """A URL is named by its service; all pieces of it that may be secrets are."""
    (one,) = channels({"urls": ["${URL}"]}).usable
    assert one.name == "urls[0] (discord)"
    assert {"4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js", ENVIRON["URL"]} <= one.secrets
    (hook,) = channels({"slack": {"webhook_url": "${HOOK}"}}).usable
    assert "xyzsecret" in hook.secrets
    assert "hooks.slack.com" not in hook.secrets


def test_the_plan_as_it_is_printed(tmp_path: Path) -> None:
    """It loads, and its literal password is not used."""
    file = tmp_path / "plan.yaml"
    file.write_text(FRAMEWORK_PLAN, encoding="utf-8")
    found = channels_of(load_plan(file, environ={}))
    assert [one.name for one in found.unusable] == ["email"]
    assert "your-password" not in str(found)
