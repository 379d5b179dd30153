"""``loadworthy data``: make up the rows of a plan's test data and write them down, or look at them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadworthy.data.sources import RowSources
    from loadworthy.data.write import Table
    from loadworthy.plan.load import LoadedPlan
    from loadworthy.plan.test_data import RowSource
    from loadworthy.told import Told

EPILOG = """\
examples:
  loadworthy data show plan.yaml
  loadworthy data generate plan.yaml
  loadworthy data generate plan.yaml --name accounts --count 100000 --format sqlite --out seeds

A run makes its rows itself; files of them are for whoever fills the target's database. Rows are the same as those of a
run of the same day with the same seed. What looks like a credential is written with --with-credentials only.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    from loadworthy.data.write import FORMATS

    parts = parser.add_subparsers(dest="part", metavar="WHAT", required=True)
    generate = parts.add_parser("generate", help="write the rows of the plan's generated test data into files")
    _add_plan(generate)
    generate.add_argument("--out", metavar="DIR", type=Path, default=Path("test-data"),
                          help="folder for the files (test-data)")  # fmt: skip
    generate.add_argument(
        "--format", choices=FORMATS, default="csv", help="sqlite: one table each in data.sqlite (csv)"
    )
    generate.add_argument("--count", metavar="N", type=int, help="so many rows, instead of the plan's count")
    generate.add_argument("--seed", metavar="N", type=int, help="instead of the plan's seed")
    generate.add_argument("--with-credentials", action="store_true",
                          help="write passwords, tokens and the like, too, into files for you alone")  # fmt: skip
    generate.add_argument("--force", action="store_true", help="overwrite files that exist")
    show = parts.add_parser("show", help="print the first rows of any test data")
    _add_plan(show)
    show.add_argument("--rows", metavar="N", type=int, default=5, help="how many (5)")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", metavar="PLAN", type=Path, help="plan file")
    parser.add_argument("--name", metavar="NAME", action="append", default=[],
                        help="only this test data of the plan; may be repeated")  # fmt: skip


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Write, or print."""
    from loadworthy.plan.load import load_plan

    loaded = load_plan(arguments.plan, environ=os.environ)
    chosen = _chosen(loaded.plan.test_data, arguments.name)
    if arguments.part == "generate":
        _generate(loaded, chosen, arguments)
    else:
        _show(loaded, chosen, arguments.rows)
    return ExitCode.PASS


def _chosen(sources: Mapping[str, RowSource], names: Sequence[str]) -> list[str]:
    if not sources:
        raise UsageError("the plan has no test_data")
    if unknown := [name for name in names if name not in sources]:
        raise UsageError(f"--name {unknown[0]}: the plan has no such test data; it has: {', '.join(sources)}")
    return [name for name in sources if not names or name in names]


def _sources(loaded: LoadedPlan, sources: Mapping[str, RowSource]) -> RowSources:
    from loadworthy.data.sources import RowSources
    from loadworthy.users.feeders import today

    return RowSources(sources, loaded.base_dir, today())


# --- generate ---


def _generate(loaded: LoadedPlan, chosen: Sequence[str], arguments: argparse.Namespace) -> None:
    from loadworthy.data.write import Table, file_of, refuse_existing, write_sqlite, write_text

    if arguments.count is not None and arguments.count < 1:
        raise UsageError(f"--count {arguments.count}: give at least 1")
    names = [name for name in chosen if loaded.plan.test_data[name].generate is not None]
    if others := [name for name in arguments.name if name not in names]:
        raise UsageError(f"--name {others[0]}: its rows are not generated, they are there already")
    if not names:
        raise UsageError("the plan generates no test data; say generate: with count and fields in its test_data")
    opened = _sources(loaded, _overridden(loaded.plan.test_data, names, arguments))
    form: str = arguments.format
    paths = {name: arguments.out / file_of(name, form) for name in names}
    for path in paths.values():
        refuse_existing(path, force=arguments.force)
    tables = [Table(name, opened.rows(name), with_credentials=arguments.with_credentials) for name in names]
    if empty := [table.name for table in tables if not table.columns]:
        raise UsageError(f"all columns of {empty[0]} look like credentials: write them with --with-credentials")
    if form == "sqlite":
        path = arguments.out / file_of("", form)
        with _told(path) as told:
            write_sqlite(
                tables, path, lambda name: _part_of(told, names.index(name), len(names)), force=arguments.force
            )
    else:
        for table in tables:
            with _told(paths[table.name]) as told:
                write_text(table, paths[table.name], form, told, force=arguments.force)
    for table in tables:
        print(_written(table, paths[table.name]))


def _overridden(
    sources: Mapping[str, RowSource], names: Sequence[str], arguments: argparse.Namespace
) -> dict[str, RowSource]:
    """All with the seed of the command line, so that relations stay; those that are written with its count."""
    changed = dict(sources)
    for name, source in sources.items():
        if source.generate is not None:
            update: dict[str, Any] = {} if arguments.seed is None else {"seed": arguments.seed}
            if arguments.count is not None and name in names:
                update["count"] = arguments.count
            changed[name] = source.model_copy(update={"generate": source.generate.model_copy(update=update)})
    return changed


@contextmanager
def _told(path: Path) -> Iterator[Told]:
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock

    with working(error_console(), f"writing {path}", SystemClock()) as told:
        yield told


def _part_of(told: Told, number: int, count: int) -> Told:
    return lambda share: told((number + share) / count)


def _written(table: Table, path: Path) -> str:
    from loadworthy.report.terminal import plain
    from loadworthy.units import format_count

    rows, columns = len(table.rows), len(table.columns)
    where = f"{path}, table {table.name}" if path.suffix == ".sqlite" else str(path)
    text = f"{where}: {format_count(rows)} row{'s' * (rows != 1)} of {columns} column{'s' * (columns != 1)}"
    if table.left_out:
        text += f"; left out, for they look like credentials: {', '.join(table.left_out)} (--with-credentials)"
    elif table.has_credentials:
        text += "; with credentials, readable by you alone"
    return plain(text)


# --- show ---


def _show(loaded: LoadedPlan, chosen: Sequence[str], most: int) -> None:
    from loadworthy.cli.console import PatientConsole

    if most < 1:
        raise UsageError(f"--rows {most}: give at least 1")
    console = PatientConsole(highlight=False, markup=False)
    opened = _sources(loaded, loaded.plan.test_data)
    for place, name in enumerate(chosen):
        if place:
            console.print()
        _print_rows(console, name, loaded.plan.test_data[name], opened.rows(name), most)


def _print_rows(console: Any, name: str, source: RowSource, rows: Sequence[Mapping[str, Any]], most: int) -> None:
    from rich.text import Text

    from loadworthy.report.fitting_table import FittingTable
    from loadworthy.report.terminal import plain
    from loadworthy.units import format_count

    count = len(rows)
    shown = [rows[number] for number in range(min(most, count))]
    columns = list(dict.fromkeys(column for row in shown for column in row))
    order = {"sequential": "in order", "random": "at random", "once": "each once"}[source.order]
    title = f"{name}  {format_count(count)} row{'s' * (count != 1)}, {order}, one for each {source.per}"
    console.print(Text(plain(title), style="bold"))
    table = FittingTable()
    table.add_column("row", justify="right")
    for column in columns:
        table.add_column(plain(column), overflow="fold")
    for number, row in enumerate(shown):
        table.add_row(str(number), *(_cell(column, row.get(column, "")) for column in columns))
    console.print(table)


def _cell(column: str, value: Any) -> str:
    import json

    from loadworthy.data.secret_values import masked_value
    from loadworthy.plan.places import looks_secret
    from loadworthy.plan.redact import MASK
    from loadworthy.report.terminal import plain

    if looks_secret(column):
        return MASK
    text = value if isinstance(value, str) else json.dumps(masked_value(value), ensure_ascii=False)
    return plain(text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…")


_MOST_SHOWN = 60
