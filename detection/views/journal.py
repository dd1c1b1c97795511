"""Journals: what was sent under each sequence number, remembered for as long as it may be asked for.

Every site numbers what it sends: the tills of a store, its backroom, the distribution centre. Two
interfaces fed from one journal share its numbers (``pos_erp`` and ``pos_oms`` carry the same line
under the same number), so one journal answers for both. Numbers grow by one, so a journal is a ring
per site indexed by ``sequence & mask``; a number older than its ring is *aged* and no longer
answered for. Rings double when what must be remembered outgrows them.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from detection.views.columns import IntArray
from sim.events import INTERFACES, Block

#: Journal that feeds each interface, by interface code; -1 where the operator sees no numbered source rows.
JOURNALS: tuple[str, ...] = ("pos", "store", "wms")
JOURNAL_OF_INTERFACE: IntArray = np.array(
    [JOURNALS.index(site) if site in JOURNALS else -1 for site in (name.split("_")[0] for name in INTERFACES)],
    dtype=np.int64,
)
#: Days for which numbers are remembered, at least.
RETENTION_DAYS = 2
_TILL_JOURNAL = JOURNALS.index("pos")
_CAPACITY_MIN = 1024


class RowLog:
    """The latest blocks of rows, so that a reference to one row can still be resolved."""

    def __init__(self, blocks_max: int) -> None:
        self._blocks: deque[tuple[int, Block]] = deque(maxlen=blocks_max)
        self.next_reference = 0

    def append(self, block: Block) -> int:
        """Keep a block; returns the reference of its first row."""
        first = self.next_reference
        self._blocks.append((first, block))
        self.next_reference += block.size
        return first

    def find(self, reference: int) -> tuple[Block, int] | None:
        """The block and position of a row, or None once it has left the log."""
        for first, block in reversed(self._blocks):
            if first <= reference:
                return (block, reference - first) if reference < first + block.size else None
        return None


class Journal:
    """Rings of sequence numbers, one a (journal, location).

    Attributes, flat over all rings:
        number: the sequence number that the slot holds, int32; -1 for none.
        posted: how often ERP booked the line, uint8.
        overdue: whether the line was found overdue.
        change: signed units by which the line changes ERP's on-hand book, int32.
        reference: row reference of the source row, int32.
    """

    def __init__(self, locations: int, items: int) -> None:
        self._locations = locations
        # Guesses that a run corrects by growing: tills ring up about two lines an item and day, a
        # store receives and a centre ships a fraction of that.
        per_site = {"pos": 2 * items, "store": items, "wms": items * locations}
        by_site = np.full((len(JOURNALS), locations), _CAPACITY_MIN, dtype=np.int64)
        for name, lines in per_site.items():
            sites = slice(0, 1) if name == "wms" else slice(1, None)
            by_site[JOURNALS.index(name), sites] = max(_CAPACITY_MIN, 1 << lines.bit_length())
        capacity: IntArray = by_site.ravel()
        rings = len(capacity)
        self._high = np.full(rings, -1, dtype=np.int64)
        self._floor: deque[IntArray] = deque([self._high.copy()], maxlen=RETENTION_DAYS)
        self._lay_out(capacity)

    def ring_of(self, interface: IntArray, location: IntArray) -> IntArray:
        """The ring of each (interface, location); interfaces without a journal share ring 0."""
        ring: IntArray = JOURNAL_OF_INTERFACE[interface] * self._locations + location
        return np.maximum(ring, 0)

    def address(self, ring: IntArray, sequence: IntArray) -> IntArray:
        """Where in the flat arrays each (ring, sequence) is held."""
        address: IntArray = self._start[ring] + (sequence & self._mask[ring])
        return address

    def is_aged(self, ring: IntArray, sequence: IntArray) -> npt.NDArray[np.bool_]:
        """Whether a number was sent so long ago that its slot belongs to another."""
        aged: npt.NDArray[np.bool_] = sequence <= self._high[ring] - self._mask[ring] - 1
        return aged

    def write(self, ring: IntArray, sequence: IntArray, change: IntArray, first_reference: int) -> None:
        """Enter lines just sent."""
        np.maximum.at(self._high, ring, sequence)
        short = self._high - self._floor[0] > self._mask
        if short.any():
            self._grow(short)
        address = self.address(ring, sequence)
        self.number[address] = sequence
        self.posted[address] = 0
        self.overdue[address] = False
        self.change[address] = change
        self.reference[address] = np.arange(first_reference, first_reference + len(sequence))

    def write_tills(self, location: IntArray, sequence: IntArray, first_reference: int) -> None:
        """Enter till lines: only where each is found, for tills are followed by count, not by line."""
        ring = location + _TILL_JOURNAL * self._locations
        address = self._start[ring] + (sequence & self._mask[ring])
        self.reference[address] = np.arange(first_reference, first_reference + len(sequence), dtype=np.int32)

    def end_day(self) -> None:
        """Let the oldest day go."""
        self._floor.append(self._high.copy())

    def lookup(self, log: RowLog, interface: int, location: int, sequence: int) -> tuple[Block, int] | None:
        """The source row of one message, where it is still remembered."""
        if JOURNAL_OF_INTERFACE[interface] < 0 or location < 0:
            return None
        ring = int(JOURNAL_OF_INTERFACE[interface]) * self._locations + location
        reference = int(self.reference[self._start[ring] + (sequence & self._mask[ring])])
        found = log.find(reference) if reference >= 0 else None
        if found is None:
            return None
        numbers = found[0].columns.get("sequence")
        return found if isinstance(numbers, np.ndarray) and int(numbers[found[1]]) == sequence else None

    def _lay_out(self, capacity: IntArray) -> None:
        self._mask = capacity - 1
        self._start = np.concatenate(([0], np.cumsum(capacity)[:-1])).astype(np.int64)
        total = int(capacity.sum())
        self.number = np.full(total, -1, dtype=np.int32)
        self.posted = np.zeros(total, dtype=np.uint8)
        self.overdue = np.zeros(total, dtype=np.bool_)
        self.change = np.zeros(total, dtype=np.int32)
        self.reference = np.full(total, -1, dtype=np.int32)

    def _grow(self, short: npt.NDArray[np.bool_]) -> None:
        """Double the rings that are too small, and their sisters that soon will be, and move what they hold."""
        held = self._arrays()
        start, mask = self._start, self._mask
        capacity = mask + 1
        needed = 2 * (self._high - self._floor[0])
        sisters = np.repeat(short.reshape(-1, self._locations).any(axis=1), self._locations)
        short = sisters & (needed > capacity)
        while (capacity[short] < needed[short]).any():
            capacity = np.where(short & (capacity < needed), capacity * 2, capacity)
        self._lay_out(capacity)
        for ring in range(len(capacity)):
            slots = start[ring] + np.arange(int(mask[ring]) + 1)
            source, target = slots, slots - start[ring] + self._start[ring]
            if short[ring]:
                numbers = held[0][slots]
                source = slots[numbers >= 0]
                target = self._start[ring] + (numbers[numbers >= 0] & self._mask[ring])
            for before, after in zip(held, self._arrays(), strict=True):
                after[target] = before[source]

    def _arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        return (self.number, self.posted, self.overdue, self.change, self.reference)

