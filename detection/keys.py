"""Ids from business keys: the same alert, case or action is named the same in every arm and run.

A counter would number a case by what came before it, so that one extra alert shifted every later
id. Here an id is a hash of what it names (splitmix64's finaliser, Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import zlib

_MASK = (1 << 64) - 1
_ID_BITS = 52


def key_id(seed: int, *parts: int | str) -> int:
    """An id below 2**52 for a key of integers and strings."""
    state = (seed * 0x9E3779B97F4A7C15 + 0x1234567) & _MASK
    for part in parts:
        number = zlib.crc32(part.encode()) + (len(part) << 32) if isinstance(part, str) else part
        state = (state ^ (number & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state >> (64 - _ID_BITS)
