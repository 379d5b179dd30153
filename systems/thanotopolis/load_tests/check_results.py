"""Judge the results of a run: ``python check_results.py load_test_results_stats.csv``.

Reads the file that ``locust --csv NAME`` writes, and ``NAME_stats_history.csv`` beside it. The *regression limits*
decide: the mean of all response times, the share of failed requests, the 95th percentile. The *performance targets* of
each area are shown with what was observed; with ``--strict`` they decide, too.

What is judged are requests, connections, messages and notifications. The frames of streams are left out, fifty a second
and nearly all good: in their crowd no other failure would count. So are the ends of connections.

Exit codes: 0 all limits hold, 1 one does not, 2 there is nothing that could be judged.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from loadworthy.api import script
from loadworthy.errors import UsageError

MEAN_MS, ERROR_RATE, P95_MS = 2000.0, 0.02, 5000.0
"""The regression limits; at them is still good."""
REQUESTS_PER_USER_MINUTE = 120.0
WINDOW_S = 60

_STATS_SUFFIX, _HISTORY_SUFFIX = "_stats.csv", "_stats_history.csv"
_LEFT_OUT = frozenset({"stream", "close"})
_HTTP = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_SEARCH = "/api/crm/contacts/search"
_CRITICAL = ("POST /api/auth/login", "POST /api/crm/contacts", "POST /api/calendar/events")
"""Without these nobody can work: log-in, a new contact, a new appointment (with and without a contact)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One series; times in ms."""

    kind: str
    name: str
    requests: int
    failures: int
    mean_ms: float
    max_ms: float
    p95_ms: float
    percentiles_ms: tuple[tuple[float, float], ...] = ()
    """(share, ms), ascending: so much of the requests was not slower."""

    def share_within(self, ms: float) -> float:
        """At least so much of its requests took no longer."""
        if ms >= self.max_ms:
            return 1.0
        return max((share for share, slowest_ms in self.percentiles_ms if slowest_ms <= ms), default=0.0)

    @property
    def is_http(self) -> bool:
        """Whether it is a request, and not a connection or a frame."""
        return self.kind in _HTTP


@dataclass(frozen=True, slots=True)
class Finding:
    """One limit and what was observed; None where the run says nothing of it."""

    name: str
    limit: str
    observed: str | None
    holds: bool

    def line(self, good: str, bad: str) -> str:
        """As it is printed."""
        word = "-" if self.observed is None else good if self.holds else bad
        return f"{word:<7} {self.name:<34} {self.limit:<16} observed: {self.observed or 'nothing'}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="check_results.py",
        description="Judge the results of a run by the regression limits, and show the performance targets.",
        epilog="example: python check_results.py load_test_results_stats.csv",
    )
    parser.add_argument("stats", type=Path, metavar="STATS.csv", help="written by locust --csv NAME: NAME_stats.csv")
    parser.add_argument("--strict", action="store_true", help="fail where a performance target is missed, too")
    arguments = parser.parse_args(argv)
    rows, everything = read_stats(arguments.stats)
    total = judged_total(rows, everything)
    limits = list(regression(total))
    aims = [*targets(rows, total), *pace(arguments.stats, rows)]
    left_out = everything.requests - total.requests
    note = f" ({left_out:,} frames and ends of connections are left out)" if left_out else ""
    print(f"{total.requests:,} requests, {total.failures:,} failed{note}\n\nRegression limits")
    for finding in limits:
        print(finding.line("pass", "FAIL"))
    print("\nPerformance targets")
    for finding in aims:
        print(finding.line("met", "MISSED"))
    broken = [finding for finding in (limits + aims if arguments.strict else limits) if not finding.holds]
    print("\nFAIL: " + ", ".join(finding.name for finding in broken) if broken else "\nPASS")
    return 1 if broken else 0


def judged_total(rows: Sequence[Row], everything: Row) -> Row:
    """All that is judged, as one; UsageError where there is nothing."""
    judged = [row for row in rows if row.kind not in _LEFT_OUT and row.requests]
    if len(judged) == sum(row.requests > 0 for row in rows):
        return everything
    requests = sum(row.requests for row in judged)
    if not requests:
        raise UsageError("the results tell of frames and ends of connections only: there is nothing to judge")
    return Row(
        kind="",
        name="judged",
        requests=requests,
        failures=sum(row.failures for row in judged),
        mean_ms=sum(row.mean_ms * row.requests for row in judged) / requests,
        max_ms=max(row.max_ms for row in judged),
        p95_ms=joint_percentile_ms(judged, 0.95),
    )


def joint_percentile_ms(rows: Sequence[Row], share: float) -> float:
    """A time than which ``share`` of the requests of all rows were not slower.

    Of each row only some percentiles are known. Between two of them its requests are taken to be as slow as the upper
    one, so the true percentile may be below, and is never above.
    """
    wanted = share * sum(row.requests for row in rows)
    times = sorted({ms for row in rows for _, ms in row.percentiles_ms} | {row.max_ms for row in rows})
    for ms in times:
        reached = sum(row.requests * row.share_within(ms) for row in rows)
        if reached >= wanted - 1e-9:
            return ms
    return times[-1]


def regression(total: Row) -> Iterator[Finding]:
    """What makes a run worse than may be."""
    rate = total.failures / total.requests
    yield Finding("mean response time", f"<= {MEAN_MS:g} ms", f"{total.mean_ms:.1f} ms", total.mean_ms <= MEAN_MS)
    yield Finding("error rate", f"<= {ERROR_RATE:.0%}", f"{rate:.3%}", rate <= ERROR_RATE)
    yield Finding("95th percentile", f"<= {P95_MS:g} ms", f"{total.p95_ms:.1f} ms", total.p95_ms <= P95_MS)


def targets(rows: Sequence[Row], total: Row) -> Iterator[Finding]:
    """What is aimed at, area by area."""
    areas: tuple[tuple[str, float, Callable[[Row], bool]], ...] = (
        ("authentication mean", 500, lambda row: row.is_http and row.name.startswith("/api/auth/")),
        ("CRM mean", 1000, lambda row: row.is_http and row.name.startswith("/api/crm/")),
        ("calendar mean", 800, lambda row: row.is_http and row.name.startswith("/api/calendar/")),
        ("search mean", 1500, _is_search),
    )
    for name, limit_ms, belongs in areas:
        yield _mean(name, limit_ms, [row for row in rows if belongs(row)])
    slowest = max((row.max_ms for row in rows if row.kind == "connect"), default=None)
    shown = None if slowest is None else f"{slowest:.1f} ms"
    yield Finding("WebSocket connection, the slowest", "< 2000 ms", shown, slowest is None or slowest < 2000)
    yield _error_rate("overall error rate", 0.01, [total])
    yield _error_rate("authentication error rate", 0.005, [row for row in rows if row.name.startswith("/api/auth/")])
    critical = [row for row in rows if f"{row.kind} {row.name}".split(" [")[0] in _CRITICAL]
    yield _error_rate("critical path error rate", 0.001, critical)


def pace(stats: Path, rows: Sequence[Row]) -> Iterator[Finding]:
    """How many requests a minute, in the minute with the most: of one simulated user, and of the account they share.

    The target is the user's. What the account makes grows with the number of users, and is what a target that limits
    the requests of an account counts.
    """
    history: list[tuple[int, int, int]] = []
    if not any(row.kind == "stream" for row in rows):  # the history counts each frame as a request
        path = stats.with_name(stats.name.removesuffix(_STATS_SUFFIX) + _HISTORY_SUFFIX)
        history = list(_history(path)) if path.is_file() else []
    limit = f"< {REQUESTS_PER_USER_MINUTE:g}/min"
    value = requests_per_user_minute(history)
    shown = None if value is None else f"{value:.1f}/min"
    yield Finding("requests of a user", limit, shown, value is None or value < REQUESTS_PER_USER_MINUTE)
    together = requests_per_user_minute([(second, 1, requests) for second, _, requests in history])
    shown = None if together is None else f"{together:.1f}/min"
    yield Finding("requests of the shared account", "(no target)", shown, True)


def requests_per_user_minute(history: Iterable[tuple[int, int, int]]) -> float | None:
    """Requests ÷ minutes of users, in the 60 s with the most requests, or in all of it where it is shorter.

    Args:
        history: (second, users, requests so far), in order. A step counts the users who were there at its end, or at
            its beginning if those were more: at the end of a run they have gone.

    None where no time passed, or no user was there.
    """
    points = list(history)
    steps = [
        (after[0], after[0] - before[0], max(before[1], after[1]), after[2] - before[2])
        for before, after in pairwise(points)
    ]
    if not steps:
        return None
    length_s = min(WINDOW_S, points[-1][0] - points[0][0])
    best = (0, 0)
    first = requests = user_s = seconds = 0
    for _, step_s, users, made in steps:
        seconds, requests, user_s = seconds + step_s, requests + made, user_s + users * step_s
        while seconds > length_s:
            _, left_s, left_users, left_made = steps[first]
            first += 1
            seconds, requests, user_s = seconds - left_s, requests - left_made, user_s - left_users * left_s
        best = max(best, (requests, user_s))
    return best[0] / best[1] * 60 if best[1] else None


def read_stats(path: Path) -> tuple[list[Row], Row]:
    """The series of a run, and all of them together; UsageError where the file does not hold them."""
    rows = [_row(path, line) for line in _lines(path)]
    total = next((row for row in rows if row.name == "Aggregated" and not row.kind), None)
    if total is None:
        raise UsageError(
            f"{path} has no line 'Aggregated': name the file that locust --csv NAME writes, NAME_stats.csv"
        )
    if not total.requests:
        raise UsageError(f"{path} tells of no requests: there is nothing to judge")
    return [row for row in rows if row is not total], total


def _row(path: Path, line: dict[str, str]) -> Row:
    def number(column: str) -> float:
        text = line.get(column)
        if text is None:
            raise UsageError(f"{path} has no column {column!r}: name the file that locust --csv NAME writes")
        try:
            return float(text) if text not in ("", "N/A") else 0.0
        except ValueError as error:
            raise UsageError(f"{path}: {column} of {line.get('Name')!r} is {text!r}, which is no number") from error

    return Row(
        line.get("Type") or "",
        line.get("Name") or "",
        int(number("Request Count")),
        int(number("Failure Count")),
        number("Average Response Time"),
        number("Max Response Time"),
        number("95%"),
        tuple((float(column[:-1]) / 100, number(column)) for column in line if _is_percentage(column)),
    )


def _is_percentage(column: str | None) -> bool:
    return column is not None and column.endswith("%") and column[:-1].replace(".", "", 1).isdecimal()


def _history(path: Path) -> Iterator[tuple[int, int, int]]:
    for line in _lines(path):
        if line.get("Name") == "Aggregated":
            try:
                yield int(line["Timestamp"]), int(line["User Count"]), int(line["Total Request Count"])
            except (KeyError, ValueError) as error:
                raise UsageError(f"{path} is not a history that locust --csv NAME writes") from error


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist: run locust with --csv NAME, then name NAME_stats.csv") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _is_search(row: Row) -> bool:
    return row.is_http and row.name.startswith(_SEARCH)


def _mean(name: str, limit_ms: float, rows: Sequence[Row]) -> Finding:
    requests = sum(row.requests for row in rows)
    mean_ms = sum(row.mean_ms * row.requests for row in rows) / requests if requests else None
    shown = None if mean_ms is None else f"{mean_ms:.1f} ms"
    return Finding(name, f"< {limit_ms:g} ms", shown, mean_ms is None or mean_ms < limit_ms)


def _error_rate(name: str, limit: float, rows: Sequence[Row]) -> Finding:
    requests = sum(row.requests for row in rows)
    rate = sum(row.failures for row in rows) / requests if requests else None
    return Finding(name, f"< {limit:.1%}", None if rate is None else f"{rate:.3%}", rate is None or rate < limit)


if __name__ == "__main__":
    raise SystemExit(script(main))
