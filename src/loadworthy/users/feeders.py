"""Rows of test data, handed out to users.

Rows in order go to users by the user's number, and to iterations by the iteration's: that of an open workload, or in a
closed one round by round (user *k* of *n* gets row j·n + k for its iteration *j*). So it does not matter in which
process a user or an iteration is, and no row comes twice before all have come once. Only where a load shape decides how
many users there are, rows are dealt like cards: process *i* of *n* gets rows i, i+n, i+2n …. Rows at random are drawn
from the random numbers of the user, or of the iteration.

Rows that are handed out *once* go by the number, too: of the user, or of the iteration as all processes together count
them. A number beyond the last row gets none (:class:`RowsUsedUpError`). Nor does a process get any that came when the
rows had been dealt.

Locustfiles have :func:`feed`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, Literal, Protocol
from weakref import WeakKeyDictionary

from loadworthy.clock import wall_s
from loadworthy.data.secret_values import secret_texts
from loadworthy.data.sources import RowSources
from loadworthy.errors import LoadworthyError, UsageError
from loadworthy.plan.places import looks_secret
from loadworthy.plan.test_data import RowSource
from loadworthy.units import format_count
from loadworthy.workload.user_numbers import NUMBERS_OF_A_SPLIT

Row = Mapping[str, Any]
Order = Literal["sequential", "random", "once"]
Per = Literal["user", "iteration"]

SHARE = "loadworthy_share"
"""Set on Locust's environment in our runs: (place of this process among those that make load, how many there are)."""
SECRETS = "loadworthy_secrets"
"""Set there, too: the :class:`SecretSink` of the run."""
SEAT = "loadworthy_seat"
"""Set on a user in our runs: what has its ``number`` over all processes."""


class RowsUsedUpError(LoadworthyError):
    """Each row was to be handed out once, and there is none for this user or iteration."""


class SecretSink(Protocol):
    """Is told of texts that must not be seen in what a run writes."""

    def add(self, text: str) -> None:
        """One of them."""
        ...


class Feeder:
    """Hands out rows: for ever, in order or at random; or each once.

    Args:
        rows: at least one.
        name: of the test data, for messages.
        process, processes: which share of the rows is this process's, where they are dealt.
        order: how they are handed out.
        secrets: is told of the values that look like credentials, of each row that is handed out.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        name: str = "the test data",
        process: int = 0,
        processes: int = 1,
        order: Order = "sequential",
        secrets: SecretSink | None = None,
    ) -> None:
        if not rows:
            raise UsageError("a feeder needs at least one row")
        self._rows = rows
        self._name = name
        self._next = process
        self._step = processes
        self._is_late = process >= processes
        self._order = order
        self._secrets = secrets
        self._looks_secret: dict[str, bool] = {}

    @property
    def is_once(self) -> bool:
        """Whether each row is handed out once only."""
        return self._order == "once"

    def row(self, number: int | None, random: Random) -> Row:
        """The row of a user or an iteration.

        Args:
            number: its number over all processes; None where it has none.
            random: its own random numbers.

        Raises:
            RowsUsedUpError: where each row is handed out once, and there is none of this number.
        """
        row = self._row(number, random)
        if self._secrets is not None:
            self._note_secrets(row, self._secrets)
        return row

    def _note_secrets(self, row: Row, secrets: SecretSink) -> None:
        for text in secret_texts(row, self._is_secret):
            secrets.add(text)

    def _is_secret(self, name: str) -> bool:
        known = self._looks_secret
        if name not in known:
            known[name] = looks_secret(name)
        return known[name]

    def _row(self, number: int | None, random: Random) -> Row:
        rows = self._rows
        if self._order == "random":
            return random.choice(rows)
        if number is None:
            if self._order == "once" and self._is_late:
                raise RowsUsedUpError(f"all rows of {self._name} belong to the workers that were there at the start")
            number = self._next
            self._next += self._step
        if self._order == "once" and number >= len(rows):
            if number >= NUMBERS_OF_A_SPLIT:
                raise RowsUsedUpError(f"users made after workers came or went have no rows of {self._name}")
            raise RowsUsedUpError(used_up(self._name, len(rows)))
        return rows[number % len(rows)]


def used_up(name: str, count: int) -> str:
    """That the last row was handed out, in words."""
    rows = "the only row" if count == 1 else f"all {format_count(count)} rows"
    return f"{rows} of {name} {'has' if count == 1 else 'have'} been handed out"


def today() -> date:
    """In UTC: from which generated dates are counted."""
    return datetime.fromtimestamp(wall_s(), UTC).date()


def load_rows(source: RowSource, base_dir: Path, name: str = "rows") -> Sequence[Row]:
    """The rows of a source that refers to no other; UsageError where they cannot be had."""
    return RowSources({name: source}, base_dir, today()).rows(name)


# --- locustfiles ---


class Feed:
    """Test data of a locustfile; see :func:`feed`."""

    def __init__(self, rows: Sequence[Row], name: str, order: Order, per: Per) -> None:
        self._rows = rows
        self._name = name
        self._order: Order = order
        self._per = per
        self._kept: WeakKeyDictionary[Any, Row] = WeakKeyDictionary()
        self._feeders: WeakKeyDictionary[Any, Feeder] = WeakKeyDictionary()
        self._is_told = False
        self._scenario: str | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, user: Any) -> dict[str, Any]:
        """The row of a user, the same for its whole life; or, ``per="iteration"``, another with each call.

        Call it in ``on_start`` or in a task. Raises Locust's ``StopUser`` where each row is handed out once and none is
        left; the log has a line for the first.
        """
        if self._per == "user" and user in self._kept:
            return dict(self._kept[user])
        try:
            row = self._feeder(user.environment).row(self._number(user), random)  # type: ignore[arg-type]  # its module draws for this user
        except RowsUsedUpError as error:
            from locust.exception import StopUser

            if not self._is_told:
                self._is_told = True
                logging.getLogger(__name__).warning("%s; users that find none stop", error)
            raise StopUser from error
        if self._per == "user":
            self._kept[user] = row
        return dict(row)

    def _number(self, user: Any) -> int | None:
        """In our runs users are numbered over all processes; anywhere else rows are dealt to the processes."""
        seat = getattr(user, SEAT, None)
        if seat is None or self._per == "iteration":
            return None
        if self._order == "once":
            self._require_one_scenario(seat.crowd.place.scenario)
        return int(seat.number)

    def _require_one_scenario(self, scenario: str) -> None:
        """Each scenario numbers its users from 0, and which others will ask for rows nobody knows."""
        self._scenario = self._scenario or scenario
        if scenario != self._scenario:
            raise UsageError(
                f"{self._name} hands out each row once, and the users of scenarios {self._scenario} and {scenario} ask "
                "for them; run one of the two (--scenario NAME), or give each a feed of its own"
            )

    def _feeder(self, environment: Any) -> Feeder:
        if environment not in self._feeders:
            process, processes = _share(environment)
            self._feeders[environment] = Feeder(
                self._rows,
                name=self._name,
                process=process,
                processes=processes,
                order=self._order,
                secrets=getattr(environment, SECRETS, None),
            )
        return self._feeders[environment]


def feed(
    source: str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    order: Order = "sequential",
    per: Per = "user",
    base_dir: str | Path | None = None,
) -> Feed:
    """Rows of test data for the users of a locustfile::

        accounts = feed("accounts.csv", order="once", base_dir=Path(__file__).parent)

        class Buyer(HttpUser):
            def on_start(self):
                self.account = accounts.row(self)

    No two users of a scenario get the same row before all have come once, in one process or in several: those of
    ``loadworthy run`` and those of ``locust --processes N``. Workers of plain Locust that are started by hand are
    counted by the master's ``--expect-workers``. Rows per user, each once, are for one scenario of a run: the users of
    another get UsageError.

    Args:
        source: a file (CSV, JSON, JSON lines), the rows themselves, or what a plan's ``test_data`` says:
            ``{"generate": {"count": 1000, "fields": {"email": {"faker": "email", "unique": True}}}}``.
        order: as in a plan: ``sequential``, ``random`` or ``once``.
        per: ``user`` or ``iteration``.
        base_dir: where a relative file name starts; the current directory unless given.

    Raises:
        UsageError: where the rows cannot be had.
    """
    from pydantic import ValidationError

    said: object = source
    if isinstance(source, str | Path):
        said = {"file": str(source)}
    elif not isinstance(source, Mapping):
        said = {"rows": [dict(row) for row in source]}
    try:
        model = RowSource.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"feed: {where}: {first['msg']}" if where else f"feed: {first['msg']}") from error
    name = Path(model.file).name if model.file else "the test data"
    rows = load_rows(model, Path(base_dir or "."), name)
    if not rows:
        raise UsageError("feed: it has no rows")
    return Feed(rows, name, order, per)


def _share(environment: Any) -> tuple[int, int]:
    """The place of this process among those that make load, and how many there are."""
    if (ours := getattr(environment, SHARE, None)) is not None:
        process, processes = ours
        return int(process), int(processes)
    index = getattr(environment.runner, "worker_index", 0)
    options = environment.parsed_options
    if index < 1 and not getattr(options, "expect_workers", 0):
        return 0, 1
    processes = max(int(getattr(options, "expect_workers", 1) or 1), 1)
    if index >= processes:
        message = f"this is worker {index + 1}, and the master expects {processes}: rows would be handed out twice"
        raise UsageError(f"{message}; give it --expect-workers {index + 1}")
    return max(index, 0), processes
