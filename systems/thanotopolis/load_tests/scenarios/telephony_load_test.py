"""Telephony under load.

Shares of the requests: 50 % lists and details of calls, 20 % verification of phone numbers, 15 % webhooks of the
carrier, 15 % analytics.

The suite plays the carrier (``SIMULATE_EXTERNAL_SERVICES``): it announces calls by signed webhooks, and brings the
codes that the carrier would have sent. A webhook with a forged signature must be refused. Switched off, there are no
webhooks, no code is brought, and the other shares grow in proportion.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from locust import task

from loadworthy.users.cleanup import created
from loadworthy.users.http.response import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from configs import settings
from utils import carrier
from utils.staff import CALLS, StaffUser, prepare

prepare("telephony")

VERIFICATIONS, ANALYTICS = "/api/telephony/verifications", "/api/telephony/analytics"
WITH_CARRIER = settings.SIMULATE_EXTERNAL_SERVICES


class TelephonyUser(StaffUser):
    """Looks after calls."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.known_calls: list[str] = []
        self.codes: dict[int, str] = {}
        """Verifications that wait for their code."""
        self.verifications: list[int] = []

    def on_start(self) -> None:
        """Get to know some calls of earlier days."""
        super().on_start()
        before = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None, microsecond=0).isoformat()
        response = self.quiet.get(CALLS, params={"limit": 50, "before": before}, headers=self.authorization())
        if response.ok:
            self.known_calls = [call["call_sid"] for call in response.json()["items"]]

    # --- calls: 50 ---

    @task(30)
    def list_calls(self) -> None:
        """A page of all."""
        self.ask("GET", CALLS, params={"limit": 20, "offset": 20 * random.randrange(10)})

    @task(20)
    def read_call(self) -> None:
        """One; where the target has none, the page of all again."""
        known = self.known_calls or self.calls
        if known:
            self.ask("GET", f"{CALLS}/{random.choice(known)}", name=f"{CALLS}/[sid]")
        else:
            self.list_calls()

    # --- verification: 20 ---

    @task(8)
    def start_verification(self) -> None:
        """Have a code sent to a number."""
        self._keep_verification(self.ask("POST", VERIFICATIONS, 201, json=_number()))

    @task(4 if WITH_CARRIER else 12)
    def read_verification(self) -> None:
        """Is it done?"""
        if not self.verifications:
            self._keep_verification(self.set_up("POST", VERIFICATIONS, json=_number()))
        self.ask("GET", f"{VERIFICATIONS}/{random.choice(self.verifications)}", name=f"{VERIFICATIONS}/[id]")

    @task(8 if WITH_CARRIER else 0)
    def confirm_verification(self) -> None:
        """Bring the code."""
        if not self.codes:
            self._keep_verification(self.set_up("POST", VERIFICATIONS, json=_number()))
        verification_id, code = self.codes.popitem()
        path, name = f"{VERIFICATIONS}/{verification_id}/confirm", f"{VERIFICATIONS}/[id]/confirm"
        self.ask("POST", path, name=name, json={"code": code})

    # --- webhooks: 15 ---

    @task(7 if WITH_CARRIER else 0)
    def announce_call(self) -> None:
        """A call comes in: the answer says what to do with it."""
        call_sid = carrier.new_call_sid()
        form = carrier.incoming_call(call_sid)
        response = self.ask("POST", carrier.VOICE, data=form, headers=self.signature(carrier.VOICE, form))
        if response is not None:
            self.keep_call(call_sid)

    @task(6 if WITH_CARRIER else 0)
    def report_status(self) -> None:
        """A call goes on, or is over."""
        form = carrier.call_status(self.own_call(), random.choice(("in-progress", "completed", "completed")))
        self.ask("POST", carrier.STATUS, 204, data=form, headers=self.signature(carrier.STATUS, form))

    @task(2 if WITH_CARRIER else 0)
    def forge_webhook(self) -> None:
        """Somebody who is not the carrier: being refused is right."""
        form = carrier.incoming_call(carrier.new_call_sid())
        forged = carrier.signed("https://elsewhere.example", form, "not the token")
        self.ask("POST", carrier.VOICE, 403, name=f"{carrier.VOICE} [forged]", data=form, headers=forged)

    # --- analytics: 15 ---

    @task(15)
    def read_analytics(self) -> None:
        """How many calls of which kind."""
        self.ask("GET", ANALYTICS, params={"days": random.choice((7, 30, 90))})

    def _keep_verification(self, response: Response | None) -> None:
        if response is None:
            return
        body = response.json()
        created(self, "DELETE", f"{VERIFICATIONS}/{body['id']}", headers=self.authorization)
        self.verifications = [*self.verifications[-100:], body["id"]]
        if WITH_CARRIER and body.get("sandbox_code"):
            self.codes[body["id"]] = body["sandbox_code"]


def _number() -> dict[str, str]:
    return {"phone_number": carrier.fictional_number()}
