"""Ids from business keys: the same alert, case or action is named the same in every arm and run.

A counter would number a case by what came before it, so that one extra alert shifted every later
id. Here an id is a hash of what it names (BLAKE2b of the key's text), so it is the same on every
machine and in every process. The operator's ids take the upper half of the 52-bit id space; the
lower half is the world's.
"""

from __future__ import annotations

from hashlib import blake2b

_ID_BITS = 51


def key_id(seed: int, *parts: int | str) -> int:
    """An id from 2**51 up to 2**52 for a key of integers and strings."""
    digest = blake2b(repr((seed, parts)).encode(), digest_size=8).digest()
    return 1 << _ID_BITS | int.from_bytes(digest, "big") >> (64 - _ID_BITS)
