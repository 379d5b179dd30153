"""Reading a real PostgreSQL."""

from __future__ import annotations

import importlib.util

import pytest
from tests.support.postgres import temporary_postgres

from loadworthy.errors import SetupError
from loadworthy.monitor.postgres import SIZE_EVERY_US, PostgresSource
from loadworthy.monitor.source import SourceError
from loadworthy.testing import FakeClock


def test_a_database_is_read() -> None:
    """Who is connected, in what state, who waits for a lock; its size now and then; and back after being cut off."""
    psycopg = pytest.importorskip("psycopg")
    clock = FakeClock()
    with temporary_postgres() as url:
        source = PostgresSource(url.replace("postgresql://", "postgresql+psycopg://"), clock, timeout_s=60)
        alone = source.read()
        assert (alone["connections"], alone["active"], alone["idle"], alone["waiting_on_locks"]) == (0, 0, 0, 0)
        assert alone["max_connections"] == 100
        assert alone["database_size_bytes"] > 1_000_000
        with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as idle:
            holder.execute("CREATE TABLE t (x int)")
            busy = source.read()
            assert (busy["connections"], busy["connections_here"]) == (2, 2)
            assert (busy["idle"], busy["idle_in_transaction"]) == (1, 1)
            assert "database_size_bytes" not in busy
            clock.advance(SIZE_EVERY_US)
            assert "database_size_bytes" in source.read()
            idle.execute(
                # It returns when the other is gone: until then that might answer once more.
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE application_name = 'loadworthy monitor'"
            )
            with pytest.raises(SourceError, match=r"terminat|closed"):
                source.read()
            assert source.read()["connections"] == 2
        source.close()
        password = url.partition("//tester:")[2].partition("@")[0]
        assert password not in source.name
        assert source.name == f"postgres {url.rpartition('@')[2]}"
        with pytest.raises(SourceError, match="password"):
            PostgresSource(url.replace(password, "wrong"), clock, timeout_s=60).read()
    with pytest.raises(SourceError, match="refused"):
        source.read()


def test_an_address_that_is_none_is_told() -> None:
    """At the reading, as with a server that is not there."""
    pytest.importorskip("psycopg")
    source = PostgresSource("nonsense", FakeClock())
    assert source.name == "postgres (its address cannot be read)"
    with pytest.raises(SourceError, match="connection info string"):
        source.read()


def test_the_driver_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the run begins, with the command that installs it."""
    monkeypatch.setattr("loadworthy.monitor.postgres.find_spec", lambda _name: None)
    with pytest.raises(SetupError, match="pip install"):
        PostgresSource("postgresql://h/d", FakeClock())
    assert importlib.util.find_spec("psycopg") is not None
