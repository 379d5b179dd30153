"""Queue, stalls and faults together, in virtual time: against a simulation of every microsecond, and formulas."""

from collections.abc import Callable, Sequence
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadworthy.testing import Drift, Errors, Fault, MemoryLeak, Queue, Resets, Stall
from loadworthy.testing.backend import Backend, Ticket

_US = 1e-6
_END_US = 250
_jobs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 25)), min_size=1, max_size=12)
"""Gap to the one before, and service time."""


@st.composite
def _stalls(draw: st.DrawFn) -> Stall:
    for_us = draw(st.integers(1, 20))
    every_us = draw(st.one_of(st.none(), st.integers(for_us + 1, 50)))
    at_us = draw(st.integers(0, 80))
    return Stall(at_s=at_us * _US, for_s=for_us * _US, every_s=every_us * _US if every_us else None)


def departures(
    backend: Backend, jobs: Sequence[tuple[int, int]], orders: dict[int, Callable[[int], object]] | None = None
) -> dict[int, int]:
    """When each job leaves, of those that do before the end; someone comes by every microsecond, as was foretold."""
    arrivals = list(accumulate(gap for gap, _ in jobs))
    tickets: dict[Ticket, int] = {}
    left: dict[int, int] = {}
    foretold: int | None = None
    for now_us in range(_END_US):
        if orders and now_us in orders:
            orders[now_us](now_us)
            foretold = backend.next_due_us()
        for job in [job for job, arrival in enumerate(arrivals) if arrival == now_us]:
            tickets[backend.arrive(now_us, "/", jobs[job][1])] = job
            foretold = backend.next_due_us()
        while (due := backend.take_due(now_us)) is not None:
            assert foretold == now_us
            left[tickets.pop(due)] = now_us
            foretold = backend.next_due_us()
    return left


def naive_departures(
    jobs: Sequence[tuple[int, int]], servers: int | None, is_stalled: Callable[[int], bool]
) -> dict[int, int]:
    """The same by hand: in each microsecond without a stall, each busy server works off one of its job's."""
    arrivals = list(accumulate(gap for gap, _ in jobs))
    waiting: list[int] = []
    left_us: dict[int, int] = {}
    found: dict[int, int] = {}
    for now_us in range(_END_US):
        waiting += [job for job, arrival in enumerate(arrivals) if arrival == now_us]
        if is_stalled(now_us):
            continue
        while True:
            for job in [job for job, left in left_us.items() if left == 0]:
                found[job] = now_us
                del left_us[job]
            if not waiting or (servers is not None and len(left_us) >= servers):
                break
            job = waiting.pop(0)
            left_us[job] = jobs[job][1]
        left_us = {job: left - 1 for job, left in left_us.items()}
    return found


def _every_20_us(at_us: int) -> Stall:
    return Stall(at_s=at_us * _US, for_s=10 * _US, every_s=20 * _US)


@settings(deadline=None)
@given(_jobs, st.sampled_from([None, 1, 2, 3]), st.lists(_stalls(), max_size=2))
@example([(0, 5), (3, 12)], 1, [_every_20_us(5), _every_20_us(15)])  # they take turns, and never let go
def test_queues_with_stalls_do_what_a_simulation_of_every_microsecond_does(
    jobs: list[tuple[int, int]], servers: int | None, stalls: list[Stall]
) -> None:
    """Every departure, and each is foretold to the microsecond."""
    backend = Backend(Queue(servers), stalls)
    backend.mark(0)
    windows = [stall.window(0) for stall in stalls]
    naive = naive_departures(jobs, servers, lambda now_us: any(w.elapsed_us(now_us) is not None for w in windows))
    assert departures(backend, jobs) == naive


@settings(deadline=None)
@given(_jobs, st.sampled_from([None, 1, 2]), st.integers(0, 60), st.integers(1, 60))
def test_a_stall_by_hand_does_the_same_though_its_end_is_unknown(
    jobs: list[tuple[int, int]], servers: int | None, begin_us: int, for_us: int
) -> None:
    """What was foretold before is put off by its length, and nothing is lost."""
    backend, stall = Backend(Queue(servers)), Stall()
    orders: dict[int, Callable[[int], object]] = {
        begin_us: lambda now_us: backend.inject(stall, now_us),
        begin_us + for_us: lambda now_us: backend.heal(stall, now_us),
    }
    naive = naive_departures(jobs, servers, lambda now_us: begin_us <= now_us < begin_us + for_us)
    assert departures(backend, jobs, orders) == naive


def sojourns_us(backend: Backend, gap_us: int, service_us: int, count: int) -> list[int]:
    """Of a steady stream of requests, as the queue reckons them; sorted."""
    found = []
    for number in range(count):
        ticket = backend.arrive(number * gap_us, "/", service_us)
        found.append(backend.real_us(ticket.due_work_us) - number * gap_us)
    return sorted(found)


@pytest.mark.parametrize("p", [0.9, 0.99, 0.999, 0.9999])
def test_a_stalled_parallel_server_has_the_quantiles_of_the_formula(p: float) -> None:
    """Q(p) = s + max(0, X - (1-p) T): 1000/s for a minute with one stall of 1.5 s."""
    backend = Backend(Queue.parallel(), [Stall(at_s=20, for_s=1.5)])
    found = sojourns_us(backend, 1000, 400, 60_000)
    assert found[int(p * 60_000)] == pytest.approx(400 + max(0, 1.5e6 - (1 - p) * 60e6), abs=1001)


@pytest.mark.parametrize("p", [0.9, 0.97, 0.99, 0.999, 0.9999])
def test_a_stalled_fifo_server_has_the_quantiles_of_the_formula_and_drains(p: float) -> None:
    """Q(p) = max(0, X - (1-p) T (1-rho)) at rho = 0.5, beside a service of 0.5 ms."""
    backend = Backend(Queue.fifo(), [Stall(at_s=20, for_s=1.5)])
    found = sojourns_us(backend, 1000, 500, 60_000)
    assert found[int(p * 60_000)] == pytest.approx(500 + max(0, 1.5e6 - (1 - p) * 60e6 * 0.5), abs=1001)
    slow = [sojourn for sojourn in found if sojourn > 500]
    assert len(slow) == pytest.approx((1.5 + 1.5 * 0.5 / 0.5) * 1000, abs=2), "the stall, and X rho/(1-rho) after it"


def fates(backend: Backend, times_us: Sequence[int], path: str = "/") -> list[Ticket]:
    """The tickets of requests at these times."""
    return [backend.arrive(now_us, path, 100) for now_us in times_us]


def test_an_error_burst_hits_its_share_in_its_windows_and_nobody_else() -> None:
    """30 % of those from 1 to 2 s, and again 10 s later; time begins with the first request."""
    start_us = 7_000_000
    backend = Backend(Queue.parallel(), [Errors(at_s=1, for_s=1, every_s=10, share=0.3, status=502)])
    tickets = fates(backend, range(start_us, start_us + 20_000_000, 1000))
    hit = [number for number, ticket in enumerate(tickets) if ticket.fate is not None]
    assert {number // 1000 for number in hit} == {1, 11}
    assert len(hit) in range(520, 681)  # 600 expected; 4 standard deviations
    again = fates(
        Backend(Queue.parallel(), [Errors(at_s=1, for_s=1, every_s=10, share=0.3)]), range(0, 2_000_000, 1000)
    )
    assert [n for n, ticket in enumerate(again) if ticket.fate] == [n for n in hit if n < 2000], "the seed decides"


def test_faults_keep_to_their_paths() -> None:
    """Of two, the first that hits decides."""
    backend = Backend(Queue.parallel(), [Errors(path="/a/*", status=503), Resets(path="/b"), Errors(status=500)])
    found = [backend.arrive(0, path, 0).fate for path in ("/a/x", "/b", "/bb")]
    assert [fault.status if isinstance(fault, Errors) else fault and fault.when for fault in found] == [
        503, "departure", 500,
    ]  # fmt: skip


def test_fast_errors_and_resets_on_arrival_skip_the_queue() -> None:
    """They take no service and hold up nobody."""
    backend = Backend(Queue.fifo(), [Errors(path="/e", fast=True), Resets(path="/r", when="arrival")])
    for path, due_us in (("/", 100), ("/e", 0), ("/r", 0), ("/", 200)):
        assert backend.arrive(0, path, 100).due_work_us == due_us


def test_the_full_queue_refuses_at_once_but_not_within_a_stall() -> None:
    """While all stands still, not even a refusal gets out."""
    backend = Backend(Queue.fifo(limit=1), [Stall(at_s=10, for_s=5)])
    backend.mark(0)
    first, second = fates(backend, [9_999_999, 9_999_999])
    assert (first.is_refused, second.is_refused) == (False, True)
    assert backend.take_due(9_999_999) is second
    (third,) = fates(backend, [12_000_000])
    assert third.is_refused
    assert backend.take_due(14_999_999) is None
    assert backend.take_due(15_000_000) is third
    assert backend.take_due(15_000_099) is first


def test_within_a_stall_a_queue_fills_up_though_service_takes_no_time() -> None:
    """They are inside until its end, and count for the limit."""
    backend = Backend(Queue.parallel(limit=2), [Stall(at_s=1)])
    backend.mark(0)
    assert [backend.arrive(now_us, "/", 0).is_refused for now_us in (9, 9, 9)] == [False] * 3
    assert [backend.arrive(2_000_000, "/", 0).is_refused for _ in range(4)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("drift", "slowed_us"),
    [
        (Drift(ms_per_min=6), [1000, 4000, 7000]),
        (Drift(share_per_min=0.5), [1000, 1250, 1500]),
        (Drift(ms_per_min=6, at_s=30), [1000, 1000, 4000]),
        (Drift(ms_per_min=6, for_s=40), [1000, 4000, 1000]),
        (Drift(ms_per_min=6, path="/other"), [1000, 1000, 1000]),
    ],
)
def test_service_drifts_with_time(drift: Drift, slowed_us: list[int]) -> None:
    """1 ms at the beginning, after half a minute, after a minute."""
    backend = Backend(Queue.parallel(), [drift])
    assert [backend.arrive(s * 1_000_000, "/", 1000).service_us for s in (0, 30, 60)] == slowed_us


def test_a_mark_begins_planned_time_anew_and_leaves_what_was_injected() -> None:
    """A warm-up does not use up what was planned."""
    backend = Backend(Queue.parallel(), [Errors(at_s=5, for_s=1, path="/planned")])
    backend.arrive(0, "/", 0)
    backend.inject(Errors(path="/injected"), 4_000_000)
    backend.mark(4_000_000)
    for now_us, path, is_hit in (
        (5_500_000, "/planned", False), (9_500_000, "/planned", True), (9_500_000, "/injected", True),
    ):  # fmt: skip
        assert (backend.arrive(now_us, path, 0).fate is not None) == is_hit


def test_healing_is_for_good_and_says_how_many_it_were() -> None:
    """Also for what has not begun yet; what is healed twice was not there the second time."""
    errors, leak, stall = Errors(at_s=5), MemoryLeak(bytes_per_request=1), Stall()
    backend = Backend(Queue.parallel(), [errors, leak])
    backend.inject(stall, 0)
    assert list(backend.known()) == [errors, leak, stall]
    assert [backend.heal(errors, 1), backend.heal(errors, 1), backend.heal(None, 2)] == [1, 0, 2]
    backend.mark(3)
    assert (list(backend.known()), backend.is_idle) == ([], True)


@pytest.mark.parametrize(("when", "is_let_in"), [("connect", False), ("arrival", True)])
def test_only_resets_on_connect_keep_connections_out(when: str, is_let_in: bool) -> None:
    """And the first connection begins their time, for there may never be a request."""
    faults: list[Fault] = [Resets(when=when, for_s=1)]  # type: ignore[arg-type]
    backend = Backend(Queue.parallel(), faults)
    assert backend.connect(5_000_000) is is_let_in
    assert backend.connect(6_000_000) is True
