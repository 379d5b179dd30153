"""What the services share: sessions, pool metrics, pages, tokens, passwords, errors with the right status."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests
from hypothesis import given, strategies
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from tests.support.postgres import temporary_postgres
from tests.support.systems import Service
from tests.support.things import START, Base, Thing

from systems.kit import database as kit_database
from systems.kit.database import MAX_OVERFLOW, POOL_SIZE, Database
from systems.kit.inputs import Email, Line, RowId, Text, UtcMoment
from systems.kit.passwords import hash_password, verify_password
from systems.kit.settings import SettingError, seconds, whole_number
from systems.kit.tokens import InvalidTokenError, Tokens


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file with the table."""
    one = Database(f"sqlite:///{tmp_path / 'kit.db'}")
    one.create(Base)
    yield one
    one.dispose()


def _names(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(Thing.name)))


def _raise_after_writing(database: Database) -> None:
    with database.writing() as session:
        session.add(Thing(name="b"))
        session.flush()
        raise RuntimeError


def test_writing_commits_at_the_end_and_rolls_back_on_error(database: Database) -> None:
    """What a block wrote is there after it, and not there when the block raised."""
    with database.writing() as session:
        session.add(Thing(name="a"))
    with pytest.raises(RuntimeError):
        _raise_after_writing(database)
    assert _names(database) == {"a"}


def _read_then_write(database: Database, together: threading.Barrier, thread: int, errors: list[Exception]) -> None:
    together.wait()
    for number in range(20):
        try:
            with database.writing() as session:
                session.scalars(select(Thing).limit(1)).all()
                session.add(Thing(name=f"{thread}-{number}"))
        except Exception as error:
            errors.append(error)


def _many_writers(database: Database) -> list[Exception]:
    errors: list[Exception] = []
    together = threading.Barrier(8)
    threads = [
        threading.Thread(target=_read_then_write, args=(database, together, number, errors)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


def test_writers_that_read_first_wait_for_each_other_in_sqlite(database: Database) -> None:
    """Eight threads that read and then write lose nothing: the write lock is taken at the beginning."""
    assert _many_writers(database) == []
    assert len(_names(database)) == 160


def test_writers_of_one_service_stand_in_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They do not wait by asking SQLite again and again, which may refuse one for as long as others write."""
    monkeypatch.setattr(kit_database, "_SQLITE_BUSY_MS", 0)
    database = Database(f"sqlite:///{tmp_path / 'impatient.db'}")
    database.create(Base)
    begun, errors = threading.Event(), list[Exception]()

    def write() -> None:
        begun.set()
        try:
            with database.writing() as session:
                session.add(Thing(name="second"))
        except Exception as error:
            errors.append(error)

    second = threading.Thread(target=write)
    with database.writing() as session:
        session.add(Thing(name="first"))
        session.flush()
        second.start()
        begun.wait()
        second.join(0.2)  # where it is refused, that is at once
    second.join()
    assert errors == []
    assert _names(database) == {"first", "second"}
    database.dispose()


def test_the_same_on_postgresql() -> None:
    """Sessions work on PostgreSQL through the plain postgresql:// form of its URL."""
    with temporary_postgres() as url:
        database = Database(url)
        try:
            database.create(Base)
            assert _many_writers(database) == []
            assert len(_names(database)) == 160
        finally:
            database.dispose()


def test_usage_counts_the_connections_that_are_checked_out(database: Database) -> None:
    """The pool's use is what is in use now, and what was used is idle afterwards."""
    with database.engine.connect(), database.engine.connect():
        usage = database.usage()
        assert (usage.checked_out, usage.size, usage.most) == (2, POOL_SIZE, POOL_SIZE + MAX_OVERFLOW)
    assert (database.usage().checked_out, database.usage().idle) == (0, 2)


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Service]:
    """The service of ``tests/support/things.py``."""
    with Service("things", tmp_path, program=("-c", START)) as service:
        yield service


def _get(service: Service, path: str) -> requests.Response:
    return requests.get(service.url + path, timeout=60)


def test_a_list_comes_in_pages(things: Service) -> None:
    """limit and offset choose a part, total counts all, silly values are refused."""
    for name in "abcde":
        _get(things, f"/things/{name}")
    assert _get(things, "/things?limit=2&offset=1").json() == {
        "items": ["d", "c"],
        "total": 5,
        "limit": 2,
        "offset": 1,
    }
    for silly in ("limit=0", "limit=101", "offset=-1", f"offset={2**31}", f"offset={10**20}"):
        assert _get(things, f"/things?{silly}").status_code == 422


def test_conflicts_and_a_full_pool_have_their_status(things: Service) -> None:
    """A broken constraint is 409, no free connection is 503 with Retry-After, a value that the database refuses 422."""
    assert _get(things, "/things/a").status_code == 200
    assert _get(things, "/things/a").status_code == 409
    busy = _get(things, "/exhausted")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
    refused = _get(things, "/unstorable")
    assert refused.status_code == 422
    assert "not-to-be-repeated" not in refused.text


def test_invalid_input_is_not_repeated(things: Service) -> None:
    """422 says where and why; a password that was sent is not in the answer."""
    answer = requests.post(f"{things.url}/login", json={"password": "not-to-be-repeated"}, timeout=60)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "password"]
    assert "not-to-be-repeated" not in answer.text


def test_health_says_when_the_database_is_gone(things: Service) -> None:
    """Healthy is 200; without its database the service says 503."""
    assert _get(things, "/health").json() == {"status": "ok", "database": "ok"}
    _get(things, "/lose-the-database")
    gone = _get(things, "/health")
    assert (gone.status_code, gone.json()["database"]) == (503, "unreachable")


def test_metrics_count_by_route_and_show_process_and_pool(things: Service) -> None:
    """Requests are counted under the route, unknown paths share one name; memory, CPU and pool are there."""
    for path in ("/things/a", "/things/b", "/nowhere/1", "/nowhere/2"):
        _get(things, path)
    text = _get(things, "/metrics").text
    assert 'http_requests_total{method="GET",path="/things/{name}",status="200"} 2.0' in text
    assert 'http_requests_total{method="GET",path="unknown",status="404"} 2.0' in text
    for metric in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert f"\n{metric} " in text
    assert 'db_pool_connections{state="checked_out"} 0.0' in text
    assert f"db_pool_limit {POOL_SIZE + MAX_OVERFLOW}.0" in text


@pytest.mark.parametrize("number", [1, 2**31 - 1])
def test_row_ids_are_those_of_an_integer_column(number: int) -> None:
    """From 1 to the largest that PostgreSQL holds; what is beyond is refused."""
    ids: TypeAdapter[int] = TypeAdapter(RowId)
    assert ids.validate_python(number) == number
    for beyond in (0, -1, 2**31, 10**20):
        with pytest.raises(ValidationError):
            ids.validate_python(beyond)


@given(strategies.text(max_size=20))
def test_a_text_has_no_control_characters(text: str) -> None:
    """But tabs and line breaks; what is accepted comes back as it was."""
    controls = any(unicodedata.category(sign) == "Cc" and sign < "\x80" and sign not in "\t\n\r" for sign in text)
    try:
        accepted = TypeAdapter[str](Text).validate_python(text)
    except ValidationError:
        assert controls
    else:
        assert (accepted, controls) == (text, False)


def test_a_line_is_more_than_blanks() -> None:
    """It loses those around it, and is refused where nothing is left or a control character is."""
    lines: TypeAdapter[str] = TypeAdapter(Line)
    assert lines.validate_python("  a b\t") == "a b"
    for bad in ("", "  ", "\t\n", "a\0b", "\0"):
        with pytest.raises(ValidationError):
            lines.validate_python(bad)


ADDRESSES_THAT_ARE_NONE = ("a@b", "a b@c.example", "a\0@b.example", "a@b\x1f.example", "a@b.ex\x7fample", "@b.c")


@pytest.mark.parametrize("address", ADDRESSES_THAT_ARE_NONE)
def test_an_address_with_control_characters_is_none(address: str) -> None:
    """Nor one with blanks, without a dot, or without a name; a good one loses the blanks around it."""
    addresses: TypeAdapter[str] = TypeAdapter(Email)
    assert addresses.validate_python(" a@b.example ") == "a@b.example"
    with pytest.raises(ValidationError):
        addresses.validate_python(address)


def test_moments_become_utc_or_are_refused() -> None:
    """Whatever their zone; what UTC has no year for is refused, not a failure."""
    moments: TypeAdapter[datetime] = TypeAdapter(UtcMoment)
    assert moments.validate_python("2030-01-01T01:30:00+01:30").isoformat() == "2030-01-01T00:00:00"
    assert moments.validate_python("2030-01-01T01:30:00").isoformat() == "2030-01-01T01:30:00"
    for outside in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(ValidationError, match="outside of the years"):
            moments.validate_python(outside)


def test_settings_have_defaults_and_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not set or empty is the default; what is no such number is named."""
    assert (whole_number("A_SETTING", 7), seconds("A_SETTING", 0.5)) == (7, 0.5)
    monkeypatch.setenv("A_SETTING", "")
    assert (whole_number("A_SETTING", 7), seconds("A_SETTING", 0.5)) == (7, 0.5)
    monkeypatch.setenv("A_SETTING", "3")
    assert (whole_number("A_SETTING", 7), seconds("A_SETTING", 0.5)) == (3, 3.0)
    for bad in ("abc", "-1", "nan", "inf"):
        monkeypatch.setenv("A_SETTING", bad)
        for read in (whole_number, seconds):
            with pytest.raises(SettingError, match=f"A_SETTING={bad}: write a"):
                read("A_SETTING", 1)


def test_passwords_are_salted_and_verified() -> None:
    """The right password fits, others and users that do not exist do not; equal passwords hash differently."""
    hashed = hash_password("secret")
    assert hashed != hash_password("secret")
    assert verify_password("secret", hashed)
    assert not verify_password("Secret", hashed)
    assert not verify_password("secret", None)
    assert not verify_password("a password that nobody has", None)
    assert not verify_password("secret", "no hash at all")


def test_tokens_carry_claims_until_they_end() -> None:
    """A token gives back who it is for; one that is forged, expired, revoked or of another kind does not."""
    tokens = Tokens(key="k" * 40)
    claims = tokens.verify(tokens.issue(7, role="admin"))
    assert (claims["sub"], claims["role"]) == ("7", "admin")
    bad = {
        "not valid": Tokens(key="x" * 40).issue(7),
        "expired": tokens.issue(7, lifetime_s=-1),
        "not a token of kind access": tokens.issue(7, kind="refresh"),
    }
    tokens.revoke(claims)
    for words, token in bad.items():
        with pytest.raises(InvalidTokenError, match=words):
            tokens.verify(token)
    again = tokens.issue(7)
    tokens.revoke(tokens.verify(again))
    with pytest.raises(InvalidTokenError, match="revoked"):
        tokens.verify(again)
