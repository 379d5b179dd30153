"""Permutations that need no memory."""

from hypothesis import given
from hypothesis import strategies as st

from loadworthy.data.permutation import Permutation


@given(size=st.integers(1, 700), key=st.integers(0, 2**64 - 1))
def test_each_number_has_another_place(size: int, key: int) -> None:
    """All numbers below the size come out, each once."""
    place = Permutation(size, key)
    assert sorted(map(place, range(size))) == list(range(size))


@given(size=st.integers(2**40, 2**60), key=st.integers(0, 2**64 - 1))
def test_large_ranges_need_no_memory(size: int, key: int) -> None:
    """Neighbours of a range of any size land within it, and not on each other."""
    place = Permutation(size, key)
    landed = {place(number) for number in range(50)}
    assert len(landed) == 50
    assert all(0 <= one < size for one in landed)


def test_another_key_is_another_order() -> None:
    """Keys matter, and the order is not that of the numbers."""
    orders = [[Permutation(1000, key)(number) for number in range(1000)] for key in (1, 2)]
    assert orders[0] != orders[1]
    assert sum(order[number] == number for order in orders for number in range(1000)) < 20
