"""The cemetery's API by itself: accounts, contacts, calendar, telephony, sockets; each answer with its right status."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.systems import ROOT, Service, run
from tests.users.websocket.support import drop_all, make_user

from loadworthy.users import WebSocket, WebSocketClosedError, WebSocketRefusedError
from systems.kit.database import Database
from systems.thanotopolis.service.access import RateLimit
from systems.thanotopolis.service.app import create_app
from systems.thanotopolis.service.seed import ADMIN_EMAIL, EMAIL, PASSWORD
from systems.thanotopolis.service.twilio import DEVELOPMENT_TOKEN, signature

TIMEOUT_S = 60
CONTACT = {
    "first_name": "Ann", "last_name": "Example", "phone": "+18155550123", "city": "Elgin", "kind": "family",
}  # fmt: skip
EVENT = {
    "title": "Visit", "kind": "consultation", "starts_at": "2031-05-01T10:00:00", "ends_at": "2031-05-01T11:00:00",
}  # fmt: skip
VOICE, STATUS = "/telephony/webhooks/twilio/voice", "/telephony/webhooks/twilio/status"


class Client:
    """Somebody who has an account, with a token."""

    def __init__(self, url: str, email: str = "", password: str = PASSWORD) -> None:
        self.url = url + "/api"
        form = {"email": email or f"{uuid.uuid4().hex}@example.org", "password": password}
        if email:
            answer = requests.post(f"{self.url}/auth/login", json=form, timeout=TIMEOUT_S)
        else:
            person = {**form, "first_name": "Nina", "last_name": "Newcomer"}
            answer = requests.post(f"{self.url}/auth/register", json=person, timeout=TIMEOUT_S)
        assert answer.ok, answer.text
        self.form = form
        self.who: dict[str, Any] = answer.json()
        self.headers = {"Authorization": f"Bearer {self.who['access_token']}"}

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request."""
        headers = {**self.headers, **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=TIMEOUT_S, **options)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must work."""
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, path: str, **body: Any) -> Any:
        """The JSON of a POST that must create something."""
        answer = self("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def contact(self, **fields: Any) -> Any:
        """A new contact."""
        return self.make("/crm/contacts", **{**CONTACT, "email": f"{uuid.uuid4().hex}@example.org", **fields})

    def webhook(self, path: str, token: str = DEVELOPMENT_TOKEN, **form: str) -> requests.Response:
        """A form that the carrier sends."""
        signed = {"X-Twilio-Signature": signature(token, self.url + path, form)}
        return requests.post(self.url + path, data=form, headers=signed, timeout=TIMEOUT_S)

    def call(self) -> str:
        """A call that came in."""
        sid = f"CA{uuid.uuid4().hex}"
        answer = self.webhook(VOICE, CallSid=sid, From="+18155550101", To="+13125550100", CallStatus="ringing")
        assert answer.status_code == 200, answer.text
        return sid


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a database of this module's own; a sign of life comes every 50 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTIFICATION_INTERVAL_S", "0.05")
        with Service("thanotopolis", tmp_path_factory.mktemp("thanotopolis")) as one:
            yield one
            assert one.errors == ""


@pytest.fixture(scope="module")
def staff(service: Service) -> Client:
    """The account of the performance suite."""
    return Client(service.url, EMAIL)


@pytest.fixture(scope="module")
def admin(service: Service) -> Client:
    """The administrator."""
    return Client(service.url, ADMIN_EMAIL)


@pytest.fixture
def newcomer(service: Service) -> Client:
    """Somebody with a new account."""
    return Client(service.url)


# --- accounts ---


def test_the_seed_is_the_same_in_every_new_database(tmp_path: Path) -> None:
    """Two databases hold the same people; a second start adds nobody."""

    def people(name: str) -> list[Any]:
        database = Database(f"sqlite:///{tmp_path / name}")
        create_app(database)
        create_app(database)
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT id, email, owner_id, kind FROM contacts ORDER BY id").all()
        database.dispose()
        return [tuple(row) for row in rows]

    assert people("one.db") == people("two.db")
    assert len(people("one.db")) == 2000


def test_registration_and_login_give_tokens(newcomer: Client) -> None:
    """A new account is a guest's; an address registers once; a wrong password and an unknown address look the same."""
    assert newcomer.get("/auth/me")["role"] == "guest"
    again = {**newcomer.form, "first_name": "N", "last_name": "N"}
    assert newcomer("POST", "/auth/register", json=again).status_code == 409
    wrong = newcomer("POST", "/auth/login", json={**newcomer.form, "password": "not the password"})
    unknown = newcomer("POST", "/auth/login", json={"email": "nobody@example.org", "password": "not the password"})
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.status_code == 401
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_what_is_not_valid_is_refused_without_being_repeated(staff: Client) -> None:
    """422 says what is wrong with which field; the password is not in it."""
    short = staff("POST", "/auth/register", json={"email": "x@example.org", "password": "shrt-pw", "first_name": "X"})
    assert short.status_code == 422
    assert "shrt-pw" not in short.text
    assert {tuple(problem["loc"]) for problem in short.json()["detail"]} == {
        ("body", "password"),
        ("body", "last_name"),
    }


def test_a_refresh_token_is_good_once_and_is_no_access_token(newcomer: Client) -> None:
    """It gives new tokens; then it is used up."""
    refresh = {"refresh_token": newcomer.who["refresh_token"]}
    fresh = newcomer("POST", "/auth/refresh", json=refresh)
    assert fresh.status_code == 200
    assert newcomer("POST", "/auth/refresh", json=refresh).status_code == 401
    as_access = {"Authorization": f"Bearer {fresh.json()['refresh_token']}"}
    assert newcomer("GET", "/auth/me", headers=as_access).status_code == 401


def test_a_token_that_was_logged_out_is_refused(newcomer: Client) -> None:
    """Log-out ends the access token and the refresh token that comes with it."""
    refresh = {"refresh_token": newcomer.who["refresh_token"]}
    assert newcomer("POST", "/auth/logout", json=refresh).status_code == 204
    assert newcomer("GET", "/auth/me").status_code == 401
    assert newcomer("POST", "/auth/refresh", json=refresh).status_code == 401


def test_people_change_their_own_profile(newcomer: Client) -> None:
    """Names and phone; nothing else, and no name can be taken away."""
    assert newcomer("PATCH", "/auth/me", json={"first_name": "Nora"}).json()["first_name"] == "Nora"
    assert newcomer("PATCH", "/auth/me", json={"role": "admin"}).status_code == 422
    assert newcomer("PATCH", "/auth/me", json={"first_name": None}).status_code == 422


def test_closing_an_account_takes_all_with_it(newcomer: Client, service: Service) -> None:
    """Contacts with interactions, events, verifications, conversations: no row of it is left, and no token holds."""
    tables = ("users", "contacts", "interactions", "events", "verifications", "conversations")
    before = {table: service.rows(table) for table in tables}
    contact = newcomer.contact()
    newcomer.make(f"/crm/contacts/{contact['id']}/interactions", kind="note", summary="x")
    newcomer.make("/calendar/events", **EVENT)
    newcomer.make("/telephony/verifications", phone_number="+12125550100")
    newcomer.make("/conversations", title="x")
    assert all(service.rows(table) == before[table] + 1 for table in tables if table != "users")
    assert newcomer("DELETE", "/auth/me").status_code == 204
    assert {table: service.rows(table) + (table == "users") for table in tables} == before
    assert newcomer("GET", "/auth/me").status_code == 401


def test_only_administrators_see_and_close_accounts(staff: Client, admin: Client, newcomer: Client) -> None:
    """403 for the staff, 401 without a token, 404 for nobody."""
    assert requests.get(f"{staff.url}/auth/users", timeout=TIMEOUT_S).status_code == 401
    assert staff("GET", "/auth/users").status_code == 403
    assert admin.get("/auth/users", limit=1)["total"] > 10
    user_id = newcomer.who["user"]["id"]
    assert staff("DELETE", f"/auth/users/{user_id}").status_code == 403
    assert admin("DELETE", f"/auth/users/{user_id}").status_code == 204
    assert admin("DELETE", f"/auth/users/{user_id}").status_code == 404
    assert newcomer("GET", "/auth/me").status_code == 401


def test_the_rate_limit_counts_each_account_by_the_minute() -> None:
    """The request above the limit is told when the next may come; others, and the next minute, are free."""
    limit = RateLimit(2)
    assert [limit.take(1, 100.0), limit.take(1, 110.0), limit.take(1, 120.0)] == [None, None, 40.0]
    assert limit.take(2, 120.0) is None
    assert limit.take(1, 160.0) is None
    assert RateLimit(0).take(1, 0.0) is None


def test_with_a_rate_limit_the_service_answers_429(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After says when to come again."""
    monkeypatch.setenv("RATE_LIMIT_PER_MINUTE", "3")
    with Service("thanotopolis", tmp_path) as limited:
        client = Client(limited.url, EMAIL)
        answers = [client("GET", "/auth/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61


@pytest.mark.parametrize(
    ("name", "value"),
    [("RATE_LIMIT_PER_MINUTE", "abc"), ("RATE_LIMIT_PER_MINUTE", "-3"), ("NOTIFICATION_INTERVAL_S", "0")],
)
def test_a_setting_that_is_not_right_is_said_in_one_line(name: str, value: str, tmp_path: Path) -> None:
    """Which, and how to write it; exit code 2."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    command = ("python", "-m", "systems.serve", "thanotopolis", "--port", 0, "--database", url)
    done = run(*command, cwd=ROOT, environ={name: value})
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(f"systems.serve: {name}={value}: write a ")


# --- contacts ---


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM contacts WHERE city = 'Elgin' ORDER BY id DESC LIMIT 20", "ix_contacts_by_city"),
        ("SELECT * FROM contacts ORDER BY last_name, id LIMIT 20", "ix_contacts_by_name"),
    ],
)
def test_contacts_by_city_and_by_name_come_from_an_index(service: Service, query: str, index: str) -> None:
    """Neither is looked for in the whole table, nor sorted."""
    plan = " ".join(row[-1] for row in service.query(f"EXPLAIN QUERY PLAN {query}"))
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_contacts_are_added_changed_found_and_removed(staff: Client) -> None:
    """The life of a contact; an address is known once."""
    marker = f"q{uuid.uuid4().hex[:10]}"
    contact = staff.contact(last_name=marker.upper())
    path = f"/crm/contacts/{contact['id']}"
    assert staff.get("/crm/contacts/search", q=marker)["items"] == [contact]
    assert staff("PATCH", path, json={"status": "customer", "city": "Peoria"}).json()["status"] == "customer"
    assert staff.get(path)["city"] == "Peoria"
    other = staff.contact()
    assert staff("PATCH", path, json={"email": other["email"]}).status_code == 409
    assert staff("POST", "/crm/contacts", json={**CONTACT, "email": contact["email"]}).status_code == 409
    assert staff("DELETE", path).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert staff(method, path, json={}).status_code == 404


def test_lists_are_paged_and_filtered(staff: Client, service: Service) -> None:
    """Pages do not overlap; the total is that of the filter; a search takes % as it stands."""
    one, two = (staff.get("/crm/contacts", status="lead", limit=5, offset=offset) for offset in (0, 5))
    assert one["total"] == service.rows("contacts", "status = 'lead'")
    assert len({item["id"] for item in one["items"] + two["items"]}) == 10
    assert staff.get("/crm/contacts/search", q="%%")["total"] == 0
    assert staff("GET", "/crm/contacts", params={"limit": 101}).status_code == 422
    assert staff("GET", "/crm/contacts/search", params={"q": "x"}).status_code == 422


@pytest.mark.parametrize("whose", ["staff", "newcomer"])
def test_only_owners_and_administrators_remove(whose: str, request: pytest.FixtureRequest, admin: Client) -> None:
    """The staff may change anybody's contact or event, a guest the own; who removes another's is refused."""
    clients: dict[str, Client] = {name: request.getfixturevalue(name) for name in ("staff", "newcomer")}
    owner = clients.pop(whose)
    (other,) = clients.values()
    contact, event = owner.contact(), owner.make("/calendar/events", **EVENT)
    for path in (f"/crm/contacts/{contact['id']}", f"/calendar/events/{event['id']}"):
        assert owner("PATCH", path, json={"notes": "seen"}).status_code == 200
        assert other("PATCH", path, json={"notes": "seen"}).status_code == (403 if whose == "staff" else 200)
        assert other("DELETE", path).status_code == 403
        assert admin("DELETE", path).status_code == 204


def test_the_dashboard_counts_what_the_tables_hold(staff: Client, service: Service) -> None:
    """By status and kind."""
    shown = staff.get("/crm/dashboard")
    assert shown["contacts"] == service.rows("contacts")
    assert shown["by_status"] == dict(service.query("SELECT status, count(*) FROM contacts GROUP BY status"))
    assert shown["by_kind"] == dict(service.query("SELECT kind, count(*) FROM contacts GROUP BY kind"))


# --- calendar ---


def test_events_are_linked_to_contacts_and_outlive_them(staff: Client) -> None:
    """An event shows whom it is about; a contact that is not there is 404; null unlinks."""
    contact = staff.contact()
    event = staff.make("/calendar/events", **EVENT, contact_id=contact["id"])
    path = f"/calendar/events/{event['id']}"
    assert event["contact"]["last_name"] == "Example"
    assert staff.get("/calendar/events", contact_id=contact["id"])["total"] == 1
    assert staff("PATCH", path, json={"contact_id": 10**9}).status_code == 404
    assert staff("PATCH", path, json={"contact_id": None}).json()["contact"] is None
    assert staff("PATCH", path, json={"contact_id": contact["id"]}).json()["contact_id"] == contact["id"]
    assert staff("DELETE", f"/crm/contacts/{contact['id']}").status_code == 204
    assert staff.get(path)["contact_id"] is None


def test_a_range_holds_what_begins_in_it(staff: Client) -> None:
    """Its end is not part of it; the order of time; zones are understood; a range that is none is refused."""
    for start, end in (("10:00", "11:00"), ("12:00", "13:00")):
        staff.make("/calendar/events", **{**EVENT, "starts_at": f"2033-01-01T{start}", "ends_at": f"2033-01-01T{end}"})

    def starts(start: str, end: str) -> list[str]:
        items = staff.get("/calendar/events/range", start=start, end=end)["items"]
        return [item["starts_at"][11:16] for item in items]

    assert starts("2033-01-01", "2033-01-02") == ["10:00", "12:00"]
    assert starts("2033-01-01T10:00", "2033-01-01T12:00") == ["10:00"]
    assert starts("2033-01-01T12:00+02:00", "2033-01-01T13:59+02:00") == ["10:00"]
    backwards = {"start": "2033-01-02", "end": "2033-01-01"}
    too_long = {"start": "2033-01-01", "end": "2035-01-01"}
    for query in (backwards, too_long, {}):
        assert staff("GET", "/calendar/events/range", params=query).status_code == 422


def test_an_event_ends_after_it_begins(staff: Client) -> None:
    """Neither a new one nor a change may turn it round."""
    assert staff("POST", "/calendar/events", json={**EVENT, "ends_at": EVENT["starts_at"]}).status_code == 422
    event = staff.make("/calendar/events", **EVENT)
    assert staff("PATCH", f"/calendar/events/{event['id']}", json={"ends_at": "2031-05-01T09:00"}).status_code == 422
    assert staff.get(f"/calendar/events/{event['id']}")["ends_at"] == EVENT["ends_at"]


def test_event_statistics_count_what_the_table_holds(staff: Client, service: Service) -> None:
    """By kind, and those with a contact."""
    shown = staff.get("/calendar/events/stats")
    assert shown["by_kind"] == dict(service.query("SELECT kind, count(*) FROM events GROUP BY kind"))
    assert shown["linked_to_contacts"] == service.rows("events", "contact_id IS NOT NULL")


# --- telephony ---


def test_a_number_is_verified_by_its_code(staff: Client, newcomer: Client) -> None:
    """The right code verifies once; others do not see it; only fictional numbers have a code."""
    one = staff.make("/telephony/verifications", phone_number="+12125550199")
    path = f"/telephony/verifications/{one['id']}"
    assert newcomer("GET", path).status_code == 404
    done = staff("POST", f"{path}/confirm", json={"code": one["sandbox_code"]})
    assert done.json()["status"] == "verified"
    assert staff("POST", f"{path}/confirm", json={"code": one["sandbox_code"]}).status_code == 409
    assert "code" not in staff.get(path)
    assert staff("POST", "/telephony/verifications", json={"phone_number": "+12125551234"}).status_code == 501
    assert staff("POST", "/telephony/verifications", json={"phone_number": "12"}).status_code == 422


def test_five_wrong_codes_end_a_verification(staff: Client) -> None:
    """Then the right one comes too late."""
    one = staff.make("/telephony/verifications", phone_number="+12125550199")
    path = f"/telephony/verifications/{one['id']}/confirm"
    wrong = f"{(int(one['sandbox_code']) + 1) % 1_000_000:06}"
    assert [staff("POST", path, json={"code": wrong}).status_code for _ in range(6)] == [422] * 5 + [409]
    assert staff("POST", path, json={"code": one["sandbox_code"]}).status_code == 409


def test_the_signature_is_the_one_that_twilio_documents() -> None:
    """URL, then names and values sorted by name; computed here from the rule by itself."""
    url, form = "https://example.com/myapp.php?foo=1&bar=2", {"To": "+18005551212", "CallSid": "CA1", "Digits": "1234"}
    text = b"https://example.com/myapp.php?foo=1&bar=2CallSidCA1Digits1234To+18005551212"
    expected = base64.b64encode(hmac.digest(b"12345", text, hashlib.sha1)).decode()
    assert signature("12345", url, form) == expected


def test_a_call_lives_by_signed_webhooks(staff: Client, service: Service) -> None:
    """It is announced, goes on, ends; what comes after its end changes nothing; the stream's URL is in the answer."""
    sid = f"CA{uuid.uuid4().hex}"
    form = {"CallSid": sid, "From": "+18155550101", "To": "+13125550100", "CallStatus": "ringing"}
    for _ in range(2):
        answer = staff.webhook(VOICE, **form)
        assert answer.headers["content-type"].startswith("application/xml")
        assert f'<Stream url="{service.websocket_url}/api/ws/telephony/media/{sid}"/>' in answer.text
    assert service.rows("calls", "call_sid = :sid", sid=sid) == 1
    assert staff.webhook(STATUS, CallSid=sid, CallStatus="completed", CallDuration="61").status_code == 204
    assert staff.webhook(STATUS, CallSid=sid, CallStatus="in-progress").status_code == 204
    shown = staff.get(f"/telephony/calls/{sid}")
    assert (shown["status"], shown["duration_s"]) == ("completed", 61)
    assert staff("DELETE", f"/telephony/calls/{sid}").status_code == 204
    assert staff("GET", f"/telephony/calls/{sid}").status_code == 404


def test_a_guest_removes_no_call_but_as_its_carrier(staff: Client, newcomer: Client, service: Service) -> None:
    """403 for a fresh registration, also with a signature for another call; the carrier's own, and the staff, may."""
    first, second = staff.call(), staff.call()
    paths = {sid: f"/telephony/calls/{sid}" for sid in (first, second)}
    proof = {"X-Twilio-Signature": signature(DEVELOPMENT_TOKEN, newcomer.url + paths[first], {})}
    assert newcomer("DELETE", paths[first]).status_code == 403
    assert newcomer("DELETE", paths[second], headers=proof).status_code == 403
    assert service.rows("calls", "call_sid IN (:a, :b)", a=first, b=second) == 2
    assert newcomer("DELETE", paths[first], headers=proof).status_code == 204
    assert staff("DELETE", paths[second]).status_code == 204


def test_webhooks_that_are_not_the_carriers_are_refused(staff: Client, service: Service) -> None:
    """Another secret, another URL, a changed form, no signature: 403, and no call."""
    calls = service.rows("calls")
    form = {"CallSid": f"CA{uuid.uuid4().hex}", "From": "+18155550101", "To": "+13125550100", "CallStatus": "ringing"}
    assert staff.webhook(VOICE, token="another", **form).status_code == 403
    good = signature(DEVELOPMENT_TOKEN, staff.url + VOICE, form)
    elsewhere = signature(DEVELOPMENT_TOKEN, "https://elsewhere.example" + VOICE, form)
    for header, data in ((elsewhere, form), (good, {**form, "From": "+18155550102"}), (None, form)):
        headers = {"X-Twilio-Signature": header} if header else {}
        answer = requests.post(staff.url + VOICE, data=data, headers=headers, timeout=TIMEOUT_S)
        assert answer.status_code == 403
    assert staff.webhook(VOICE, **{**form, "CallSid": "short"}).status_code == 422
    assert staff.webhook(STATUS, CallSid="CA0", CallStatus="busy").status_code == 404
    assert service.rows("calls") == calls


def test_call_lists_and_analytics(staff: Client, service: Service) -> None:
    """Filters hold; the sums of the analytics agree with each other and with the table."""
    inbound = staff.get("/telephony/calls", direction="inbound", status="busy", limit=100)
    assert inbound["total"] == service.rows("calls", "direction = 'inbound' AND status = 'busy'")
    shown = staff.get("/telephony/analytics", days=366)
    assert shown["calls"] == service.rows("calls") == sum(shown["by_direction"].values())
    assert shown["calls"] == sum(day["calls"] for day in shown["by_day"])
    assert staff("GET", "/telephony/analytics", params={"days": 0}).status_code == 422


# --- sockets ---


@pytest.fixture
def connect(service: Service, staff: Client) -> Iterator[Any]:
    """Opens a socket of the suite's account."""
    party = make_user(service.url)

    def open_one(path: str, **options: Any) -> WebSocket:
        return party.user.connect(f"/api/ws{path}", **{"headers": staff.headers, **options})

    yield open_one
    drop_all()


@pytest.mark.parametrize("path", ["/notifications", "/conversations/1", "/voice/1", "/telephony/media/CA1"])
def test_sockets_want_a_token(path: str, connect: Any) -> None:
    """Without one, and with one that does not hold, the handshake is refused."""
    for headers in ({}, {"Authorization": "Bearer forged"}):
        with pytest.raises(WebSocketRefusedError) as refused:
            connect(path, headers=headers)
        assert refused.value.status == 403


def test_the_token_may_stand_in_the_query(connect: Any, staff: Client) -> None:
    """Browsers cannot send a header."""
    socket = connect("/notifications", headers={}, params={"token": staff.who["access_token"]})
    assert socket.receive_json()["type"] == "welcome"
    socket.close()


def test_a_conversation_answers_and_is_kept(connect: Any, staff: Client, newcomer: Client) -> None:
    """Each message has its reply; both are stored in order; others' conversations do not exist."""
    conversation_id = staff.make("/conversations", title="x")["id"]
    with connect(f"/conversations/{conversation_id}") as socket:
        for number in (1, 2):
            reply = socket.request({"type": "message", "id": number, "text": "two words"}, name="m", decode=json.loads)
            assert reply["reply_to"] == number
    said = staff.get(f"/conversations/{conversation_id}/messages")["items"]
    assert [one["author"] for one in said] == ["user", "assistant"] * 2
    assert newcomer("GET", f"/conversations/{conversation_id}/messages").status_code == 404
    socket = connect(f"/conversations/{conversation_id}", headers=newcomer.headers)
    assert _code_of(socket) == 4404
    assert staff("DELETE", f"/conversations/{conversation_id}").status_code == 204


def test_frames_are_counted_and_remembered(connect: Any, staff: Client, service: Service) -> None:
    """The account at a stop is that of the frames since the last; what a client sends before it vanishes counts."""
    sid = staff.call()
    with connect(f"/telephony/media/{sid}") as socket:
        for count in (3, 5):
            assert socket.stream([bytes(160)] * count, name="s", every_ms=0) == count
            final = socket.request({"type": "stop"}, name="stop", decode=json.loads)
            assert (final["frames"], final["bytes"], final["duration_ms"]) == (count, count * 160, count * 20)
        socket.stream([bytes(160)] * 2, name="s", every_ms=0)
    assert service.query("SELECT media_frames FROM calls WHERE call_sid = :sid", sid=sid) in ([(8,)], [(10,)])
    with connect("/telephony/media/unknown") as unknown:
        assert _code_of(unknown) == 4404


def test_speech_brings_partial_transcripts(connect: Any, staff: Client) -> None:
    """One for each half second of it."""
    conversation_id = staff.make("/conversations", title="x")["id"]
    with connect(f"/voice/{conversation_id}") as socket:
        socket.stream([bytes(640)] * 60, name="s", every_ms=0)
        socket.send_json({"type": "stop"})
        said = [socket.receive_json() for _ in range(3)]
    assert [one["type"] for one in said] == ["partial", "partial", "final"]
    assert said[-1]["frames"] == 60
    assert staff.get("/conversations")["items"][0]["voice_frames"] == 60


@pytest.mark.parametrize(
    ("path", "sends", "code"),
    [
        ("voice", bytes(639), 1007),
        ("media", bytes(640), 1007),
        ("voice", "no JSON", 1003),
        ("media", '{"type": "dance"}', 1003),
        ("conversations", '{"type": "message"}', 1003),
        ("conversations", '{"type": "message", "text": "a\\u0000b"}', 1007),
        ("conversations", '{"type": "message", "text": "\\ud800"}', 1007),
    ],
)
def test_what_breaks_a_rule_ends_the_socket(
    path: str, sends: bytes | str, code: int, connect: Any, staff: Client
) -> None:
    """Each with its close code."""
    conversation_id = staff.make("/conversations", title="x")["id"]
    socket = connect(f"/telephony/media/{staff.call()}" if path == "media" else f"/{path}/{conversation_id}")
    if isinstance(sends, bytes):
        socket.send_binary(sends)
    else:
        socket.send_text(sends)
    assert _code_of(socket) == code


def test_notifications_come_at_once_and_on_a_timer(connect: Any, staff: Client, newcomer: Client) -> None:
    """Of one's own events and of calls, with a stamp; not of others' events; a sign of life in between."""
    with connect("/notifications") as mine, connect("/notifications", headers=newcomer.headers) as other:
        assert other.receive_json()["type"] == "welcome"
        event = staff.make("/calendar/events", **EVENT)
        sid = staff.call()
        told, others = (_told_until(socket, "call.started", "heartbeat") for socket in (mine, other))
    created = [one for one in told if one.get("kind") == "event.created"]
    assert [(one["id"], one["sent_at"] > 1.7e9) for one in created] == [(event["id"], True)]
    for seen in (told, others):
        assert [one["call_sid"] for one in seen if one.get("kind") == "call.started"] == [sid]
        assert any(one.get("kind") == "heartbeat" for one in seen)
    assert not [one for one in others if one.get("kind") == "event.created"]


def test_metrics_count_open_sockets(connect: Any, service: Service) -> None:
    """As long as they are open."""
    with connect("/notifications") as socket:
        socket.receive()
        text = requests.get(f"{service.url}/metrics", timeout=TIMEOUT_S).text
    (line,) = (line for line in text.splitlines() if line.startswith("websocket_connections "))
    assert float(line.split()[1]) >= 1
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "db_pool_usage_ratio"):
        assert f"\n{name} " in text


def _told_until(socket: WebSocket, *kinds: str) -> list[Any]:
    """What it is told until all of these have come; what the service told before the last of them is in it, too."""
    told: list[Any] = []
    while not set(kinds) <= {one.get("kind") for one in told}:
        told.append(json.loads(socket.receive()))
    return told


def _code_of(socket: WebSocket) -> int:
    """With which code the service ends it."""
    try:
        for _ in range(10):
            socket.receive()
    except WebSocketClosedError as closed:
        return closed.code
    pytest.fail("it is still open")
