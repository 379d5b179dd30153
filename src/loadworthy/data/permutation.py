"""A permutation of the numbers below some size that needs no memory: who gets which of them, without a collision.

A Feistel network permutes the numbers below a power of four; numbers at or above the size are permuted again until they
are below it ("cycle walking"), which keeps it a permutation. Fewer than four rounds of it are needed on average.
"""

from __future__ import annotations

_ROUNDS = 4
_MASK_64 = (1 << 64) - 1


class Permutation:
    """Each number below ``size`` → another one below it, each once; another order for another key.

    Args:
        size: at least 1.
        key: 64 bits.
    """

    __slots__ = ("_half_bits", "_half_mask", "_keys", "_size")

    def __init__(self, size: int, key: int) -> None:
        self._size = size
        self._half_bits = max(((size - 1).bit_length() + 1) // 2, 1)
        self._half_mask = (1 << self._half_bits) - 1
        self._keys = [mixed(key + number) for number in range(_ROUNDS)]

    def __call__(self, number: int) -> int:
        """Where this number goes."""
        while True:
            left, right = number >> self._half_bits, number & self._half_mask
            for key in self._keys:
                left, right = right, left ^ (mixed(right ^ key) & self._half_mask)
            number = left << self._half_bits | right
            if number < self._size:
                return number


def mixed(number: int) -> int:
    """64 bits that depend on all bits of a number: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK_64
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return number ^ (number >> 31)
