"""The rows of a query to a database that is named by its URL, through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loadworthy.data.json_values import json_value
from loadworthy.errors import UsageError
from loadworthy.plan.redact import MASK, mask_address
from loadworthy.plan.rows import Row, bounded, column_names, row_of, select_complaint

_AT_ONCE = 10_000


def database_rows(url: str, query: str) -> tuple[Row, ...]:
    """The rows of a SELECT, whose transaction is rolled back.

    Raises ValueError with a sentence where the database or the query is not good; UsageError where a library is
    missing. No message holds the password.
    """
    if complaint := select_complaint(query):
        raise ValueError(complaint)
    try:
        import sqlalchemy
        from sqlalchemy import exc
    except ImportError as error:
        need = "a database by its URL needs SQLAlchemy: pip install 'loadworthy[sql]'"
        raise UsageError(f"{mask_address(url)}: {need}") from error
    try:
        address = sqlalchemy.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise ValueError("it is not the URL of a database; write one like postgresql://user@host/name") from error
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    try:
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    except ImportError as error:  # also of a driver that is there and lacks a library of its own
        is_missing = isinstance(error, ModuleNotFoundError)
        need = f"{error.name}; install it beside Loadworthy" if is_missing else str(error)
        raise UsageError(f"{mask_address(url)} needs the driver {need}") from error
    except exc.ArgumentError as error:
        raise ValueError(f"{mask_address(url)}: {error}") from error
    try:
        return _selected(engine, query)
    except exc.SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())[:500]
        raise ValueError(_without_password(f"{mask_address(url)}: {cause}", address.password)) from error
    finally:
        engine.dispose()


def _selected(engine: Any, query: str) -> tuple[Row, ...]:
    # Without parameters at all, a % or a : in the query is just that.
    options = {"no_parameters": True, "stream_results": True}
    if engine.dialect.name == "postgresql":
        options["postgresql_readonly"] = True
    with engine.connect() as connection:
        result = connection.execution_options(**options).exec_driver_sql(query)
        columns = column_names(list(result.keys()))
        rows = bounded(row_of(columns, map(_plain, values)) for values in _fetched(result))
        connection.rollback()
        return rows


def _plain(value: Any) -> Any:
    return value if isinstance(value, bytes | memoryview) else json_value(value)


def _fetched(result: Any) -> Iterator[Any]:
    while some := result.fetchmany(_AT_ONCE):
        yield from some


def _without_password(text: str, password: object) -> str:
    return text.replace(str(password), MASK) if password else text
