"""Leaks keep what they say, up to their limits, and give it back."""

import socket

from loadworthy.testing import ConnectionLeak, MemoryLeak, Stall
from loadworthy.testing.leaks import Leaks


def test_memory_is_kept_for_requests_and_for_time_up_to_the_limit() -> None:
    """Each of two leaks has its own limit."""
    leaks = Leaks()
    one, two = MemoryLeak(bytes_per_request=10, limit_bytes=25), MemoryLeak(bytes_per_s=1000, limit_bytes=2000)
    leaks.request([one, two, Stall()])
    assert leaks.size_bytes == 10
    leaks.pass_time([one, two], 500_000)
    assert leaks.size_bytes == 10 + 500
    for _ in range(5):
        leaks.request([one])
        leaks.pass_time([two], 900_000)
    assert leaks.size_bytes == 25 + 2000
    leaks.forget_all_but([one])
    assert leaks.size_bytes == 25


def test_descriptors_are_kept_for_requests_up_to_the_limit() -> None:
    """Three for each request, seven at most."""
    leaks, leak = Leaks(), ConnectionLeak(per_request=3, limit=7)
    for expected in (3, 6, 7, 7):
        leaks.request([leak])
        assert leaks.descriptors == expected
    leaks.forget_all_but([])
    assert leaks.descriptors == 0


def test_a_share_of_the_connections_is_kept_evenly_spread() -> None:
    """Two of five; those that were closed meanwhile count, too."""
    leaks, leak = Leaks(), ConnectionLeak(share=0.4)
    found = []
    for _ in range(10):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            leaks.connection(ours, [leak, Stall()])
        found.append(leaks.descriptors)
    assert found == [0, 0, 1, 1, 2, 2, 2, 3, 3, 4]
    leaks.forget_all_but([])
    assert leaks.descriptors == 0
