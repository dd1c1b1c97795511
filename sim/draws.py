"""Randomness and ids from business keys, never from counters.

The same customer, truck or message draws the same in every arm, shard and order of execution, and
one extra transfer shifts nothing else. Two means:

- :func:`keyed` hashes (seed, purpose, parts of the key) to 64 bits with splitmix64's finaliser
  (Steele, Lea and Flood 2014). Choices compare integers, so no CPU's float path changes one.
- :func:`philox` gives one counter-based generator per (purpose, key) for bulk exogenous draws
  (Salmon et al. 2011), such as all till lines of a region and tick.

An id is its key, packed into 51 bits and scrambled by a seeded bijection (:class:`Ids`): opaque,
without collision, the same in every arm. The upper half of the 52-bit id space is the operator's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_MASK64 = (1 << 64) - 1
#: The same constants for one key at a time, where NumPy's scalars would cost more than the arithmetic.
_GOLDEN_INT, _MIX_A_INT, _MIX_B_INT = int(_GOLDEN), int(_MIX_A), int(_MIX_B)

#: Ids of the world lie below this; ids of the operator from here up to 2**52.
WORLD_IDS = 1 << 51


class Purpose(IntEnum):
    """What a draw is for; part of every key, so that no two uses share a stream. Numbers stay: draws hang on them."""

    CATALOGUE = 1
    STORE = 2
    DEMAND = 3
    THEFT = 4
    OPENING = 6
    LATENCY = 7
    DROP = 8
    DUPLICATE = 9
    LAG = 10
    LEAD_TIME = 11
    ASN = 12
    CARTON = 13
    VARIANCE = 14
    TRAVEL = 15
    DELAY = 16
    COUNT = 17
    SERVICE = 18
    RETURN = 19
    OUTAGE = 20
    CONVERSION = 21
    ONLINE = 22
    PICK = 23
    IDS = 24
    VALID_LATE = 25
    ARRIVAL = 26
    BATCH = 28
    SCHEMA = 29
    GATEWAY = 30
    MAINTENANCE = 31
    CLOCK = 32
    TELEMETRY = 33
    CONFIRMATION = 34
    INVOICE = 35
    REORDERING = 36
    PORTAL = 37
    PRICE = 38
    PROMOTION = 39
    PUSH = 40
    TWIN = 41
    ASSORTMENT = 42
    EXTRA_DEMAND = 43
    CANCEL = 44
    LEAK = 45
    SUBSTITUTE = 46
    DISPOSITION = 47
    VENDOR_RETURN = 48
    MISPLACE = 49
    SWEEP = 50
    GROSS_COUNT = 51
    CLOSING = 52
    ETA = 53
    CARRIER = 54
    PUTAWAY = 55


def mix(x: U64) -> U64:
    """splitmix64's finaliser: a bijection of 64-bit integers that avalanches."""
    # In place from the second step on: an array of a tick's lines is not allocated seven times over.
    x = x ^ (x >> _S30)
    x *= _MIX_A
    x ^= x >> _S27
    x *= _MIX_B
    x ^= x >> _S31
    return x


def mix_int(x: int) -> int:
    """:func:`mix` of one Python integer."""
    x = ((x ^ (x >> 30)) * _MIX_A_INT) & _MASK64
    x = ((x ^ (x >> 27)) * _MIX_B_INT) & _MASK64
    return x ^ (x >> 31)


def keyed_int(seed: int, purpose: Purpose, *parts: int) -> int:
    """64 random bits that belong to one key."""
    return fold(mix_int((seed * _GOLDEN_INT + purpose) & _MASK64), *parts)


def fold(h: int, *parts: int) -> int:
    """Take more parts of a key into its bits: ``fold(keyed_int(a, b), c)`` is ``keyed_int(a, b, c)``."""
    for part in parts:
        # mix_int, written out: this is called for every single key.
        h = (h + (int(part) & _MASK64) * _GOLDEN_INT + 1) & _MASK64
        h = ((h ^ (h >> 30)) * _MIX_A_INT) & _MASK64
        h = ((h ^ (h >> 27)) * _MIX_B_INT) & _MASK64
        h ^= h >> 31
    return h


def keyed(seed: int, purpose: Purpose, *parts: int | I64) -> U64:
    """64 random bits a key; at least one part is an array of shape (n,).

    Scalars must come before arrays: they are folded once.
    """
    scalars = [p for p in parts if isinstance(p, int)]
    return fold_many(keyed_int(seed, purpose, *scalars), *(p for p in parts if not isinstance(p, int)))


def fold_many(h: int, *parts: I64) -> U64:
    """:func:`fold` of arrays of shape (n,)."""
    bits = np.empty(0, np.uint64)
    more: U64 | np.uint64 = np.uint64((h + 1) & _MASK64)
    for part in parts:
        # Sums of 64 bits wrap, so the bits so far and one may be added together first.
        bits = mix(part.astype(np.uint64) * _GOLDEN + more)
        more = bits + _ONE
    return bits


def keyed_each(seeds: U64, purpose: Purpose, part: int) -> U64:
    """:func:`keyed_int` of many seeds, shape (n,), each with the same ``part``."""
    return mix(mix(seeds * _GOLDEN + np.uint64(int(purpose))) + np.uint64((part * _GOLDEN_INT + 1) & _MASK64))


def threshold(share: float) -> np.uint64:
    """The 64-bit bound under which a uniform draw falls with probability ``share``."""
    return np.uint64(min(max(int(share * 2.0**64), 0), _MASK64))


def uniform(bits: U64) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1) from the upper 53 bits."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform_int(bits: int) -> float:
    """:func:`uniform` of one integer."""
    return (bits >> 11) * 2.0**-53


#: Normal quantiles at 4,096 mid-points: a table, so that no platform's erf decides a choice.
_NORMAL_STEPS = 4096


def _normal_table() -> npt.NDArray[np.float64]:
    from statistics import NormalDist

    normal = NormalDist()
    return np.array([round(normal.inv_cdf((i + 0.5) / _NORMAL_STEPS), 9) for i in range(_NORMAL_STEPS)])


_NORMAL = _normal_table()


def normal(bits: U64) -> npt.NDArray[np.float64]:
    """Standard normal numbers, quantised to 4,096 quantiles."""
    return _NORMAL[(bits >> np.uint64(52)).astype(np.intp)]


def lognormal_int(bits: int, median: float, sigma: float) -> float:
    """One lognormal number by its median and sigma."""
    return median * math.exp(sigma * float(_NORMAL[bits >> 52]))


def lognormal(bits: U64, median: float, sigma: float) -> npt.NDArray[np.float64]:
    """Lognormal numbers by median and sigma."""
    return median * np.exp(sigma * normal(bits))


def philox(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """A generator of its own for one key."""
    low = keyed_int(seed, purpose, *key)
    return np.random.Generator(np.random.Philox(key=np.array([low, mix_int(low)], dtype=np.uint64)))


class Alias:
    """Walker's alias table: one draw of a discrete distribution in constant time (Vose 1991)."""

    def __init__(self, weights: Sequence[float] | npt.NDArray[np.float64]) -> None:
        p = np.asarray(weights, dtype=np.float64)
        n = len(p)
        scaled = p * (n / p.sum())
        self._cut = np.full(n, 1 << 32, dtype=np.uint64)
        self._other = np.arange(n, dtype=np.int32)
        # What has no weight is placed first: rounding may leave over what is placed last.
        small = [i for i in range(n) if 0.0 < scaled[i] < 1.0] + np.flatnonzero(scaled == 0.0).tolist()
        large = [i for i in range(n) if scaled[i] >= 1.0]
        while small and large:
            s, g = small.pop(), large.pop()
            self._cut[s] = np.uint64(int(scaled[s] * 2.0**32))
            self._other[s] = g
            scaled[g] += scaled[s] - 1.0
            (small if scaled[g] < 1.0 else large).append(g)
        self._n = np.uint64(n)

    def pick(self, bits: U64) -> npt.NDArray[np.int32]:
        """One index a row; uses the lower 32 bits to place and the upper 32 to choose."""
        place = ((bits & np.uint64(0xFFFFFFFF)) * self._n) >> np.uint64(32)
        slot = place.astype(np.intp)
        keep = (bits >> np.uint64(32)) < self._cut[slot]
        return np.where(keep, slot, self._other[slot]).astype(np.int32)


class Kind(IntEnum):
    """What an id names; its upper bits, before scrambling. Numbers stay: ids hang on them."""

    SALE = 0
    TICKET = 1
    RETURN = 2
    PURCHASE = 3
    TRANSFER = 4
    ORDER = 5
    COUNT = 6
    CHANNEL = 7
    CELL = 8
    REPAIR = 12
    HEADER = 14
    DOCUMENT = 15


class Paper(IntEnum):
    """What an id of :attr:`Kind.DOCUMENT` names: the upper five bits of its body, above 33 bits of its own key."""

    ACKNOWLEDGEMENT = 0
    CONFIRMATION = 1
    CHANGE = 2
    INVOICE = 3
    RECEIVING_ADVICE = 4
    MATCH = 5
    PAYMENT = 6
    VENDOR_RETURN = 7
    CREDIT = 8
    PRICE = 9
    PROMOTION = 10
    MASTER = 11
    BATCH = 12
    MAINTENANCE = 14
    CLOSING = 15
    ETA = 16
    RELEASE = 17
    ACCOUNT = 20
    SUBSTITUTE = 22
    MOVE = 23
    ONLINE_RETURN = 24
    #: Cartons have three bits more than a paper has room for: see ``sim.systems.wms.carton_paper``.
    BLOCKED_RECEIPT = 25
    MORE_BLOCKED_RECEIPT = 26
    DISPOSED_RECEIPT = 27
    MORE_DISPOSED_RECEIPT = 28
    REFUSED_RECEIPT = 29
    MORE_REFUSED_RECEIPT = 30


def paper(kind: Paper, low: int = 0) -> int:
    """The body of a document's key: ``low`` must stay below 2**33."""
    return (int(kind) << 33) | low


#: The step of a document a row tells of; the low part of an event key, so that ids of one document differ.
STEP_BITS = 4
BODY_BITS = 38


#: Where the step of an event key begins: above kind, region and body (see :class:`Ids`).
STEP_SHIFT = BODY_BITS + 5 + 4


class Ids:
    """Keys to ids, by a bijection of 51-bit integers that the seed and the region choose.

    A key is packed as step (4 bits) | kind (4) | region (5) | body (38).
    """

    _MASK = (1 << 51) - 1

    def __init__(self, seed: int, region: int) -> None:
        if not 0 <= region < 32:
            raise OverflowError(f"region {region}: an id has room for 32 regions")
        # The bijection must be one for the chain: the region is part of the key, not of the bijection.
        h = keyed_int(seed, Purpose.IDS)
        self._add = h & self._MASK
        self._odd_a = (mix_int(h) | 1) & self._MASK
        self._odd_b = (mix_int(h + 1) | 1) & self._MASK
        self._region = region << BODY_BITS
        # As arrays: NumPy takes those without converting them at every call.
        self._steps = tuple(np.array(n, np.int64) for n in (self._MASK, self._add, self._odd_a, self._odd_b, 26, 25))

    def scramble(self, key: I64) -> I64:
        """The ids of packed keys."""
        mask, add, odd_a, odd_b, high, low = self._steps
        x: I64 = key + add
        x &= mask
        x *= odd_a
        x &= mask
        x ^= x >> high
        x *= odd_b
        x &= mask
        x ^= x >> low
        return x

    def scramble_int(self, key: int) -> int:
        """The id of one packed key."""
        x = (key + self._add) & self._MASK
        x = (x * self._odd_a) & self._MASK
        x ^= x >> 26
        x = (x * self._odd_b) & self._MASK
        return x ^ (x >> 25)

    def prefix(self, kind: Kind, step: int = 0) -> int:
        """The upper bits of every key of one kind and step."""
        return (((step << 4) | int(kind)) << (5 + BODY_BITS)) | self._region

    def of(self, kind: Kind, body: I64, step: int = 0) -> I64:
        """Ids of many keys of one kind; ``body`` below 2**38."""
        return self.scramble(body + np.int64(self.prefix(kind, step)))

    def one(self, kind: Kind, body: int, step: int = 0) -> int:
        """The id of one key.

        Raises:
            OverflowError: if the key does not fit; ids would collide.
        """
        if not 0 <= body < 1 << BODY_BITS:
            raise OverflowError(f"a key of {body.bit_length()} bits does not fit the {BODY_BITS} of an id")
        return self.scramble_int(body + self.prefix(kind, step))
