"""What a counter sees of what is there: right but for slips, gross mistakes, and goods in the wrong place.

Of the counts that are wrong (``faults.count_variance.rate``) most are slips of a unit or two, an
everyday error. The share ``faults.count_variance.magnitude`` is *gross*: three units up to half the
book, a whole facing missed or counted twice. Such a count is a fault of its own, keyed by the count.

Misplaced goods are seen by the share of counts that search, who put them back; the others miss them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.draws import U64, Purpose, keyed, keyed_int, threshold, uniform_int
from sim.flows.misplacing import Misplacing
from sim.ledger import Belief, Kind, Place
from sim.room import Room

I32 = npt.NDArray[np.int32]

#: Least units of a gross mistake; the most is this share of the book. Assumptions.
GROSS_LEAST, _GROSS_MOST = 3, 0.5


@dataclass(frozen=True)
class Seen:
    """What the counters of some cells will write down.

    Attributes:
        mistake: counted - fact, before clipping at 0; shape (n,).
        missed_cutoff: rows whose in-flight messages are forgotten; shape (n,).
        gross: cell -> fault, of the gross mistakes.
        unseen: cell -> units that stand in the wrong place.
    """

    mistake: I32
    missed_cutoff: npt.NDArray[np.bool_]
    gross: dict[int, int] = field(default_factory=dict)
    unseen: dict[int, int] = field(default_factory=dict)


class Counters:
    """The people of a region who count."""

    def __init__(self, room: Room, misplacing: Misplacing) -> None:
        self._room, self._misplacing = room, misplacing
        self._reached = room.plan.reaches("count_variance", room.locations, room.items).ravel()

    def see(self, cells: npt.NDArray[np.integer], day: int, ordinal: int, document: npt.NDArray[np.int64],
            by: int) -> Seen:
        """Look at cells: what each counter gets wrong.

        Args:
            cells: each once.
            day: of the run, in the key of the count.
            ordinal: of the count on that day, in its key.
            document: id of each count.
            by: id of the action that asked, or -1.
        """
        room, counting = self._room, self._room.config.counting
        bits = keyed(room.seed, Purpose.COUNT, room.region, day, ordinal, cells.astype(np.int64))
        usual, careful = (room.plan.below("count_variance", factor) for factor in (1.0, counting.dc_wrong_factor))
        wrong = (bits < np.where(cells < room.items, careful, usual)) & self._reached[cells]
        if not room.plan.is_on("count_variance", room.now):
            wrong[:] = False
        size = 1 + ((bits >> np.uint64(8)) & np.uint64(1)).astype(np.int32)
        mistake = np.where(wrong, np.where(bits & np.uint64(1), size, -size), 0).astype(np.int32)
        missed = (bits << np.uint64(20)) < threshold(counting.missed_cutoff_rate)
        seen = Seen(mistake, missed)
        self._overlook(cells, bits, seen, by)
        for row in np.flatnonzero(wrong).tolist():
            self._miscount(row, int(cells[row]), (day, ordinal), int(document[row]), seen)
        return seen

    def _overlook(self, cells: npt.NDArray[np.integer], bits: U64, seen: Seen, by: int) -> None:
        """Goods in the wrong place: found by who searches, not counted by the others."""
        room = self._room
        astray = room.ledger.place[Place.MISPLACED].take(cells)
        if not astray.any():
            return
        counting = room.config.counting
        rates = (threshold(rate) for rate in (counting.dc_search_rate, counting.search_rate))
        searched = (bits << np.uint64(40)) < np.where(cells < room.items, *rates)
        for row in np.flatnonzero(astray).tolist():
            if searched[row]:
                self._misplacing.come_upon(int(cells[row]), by)
            else:
                seen.mistake[row] -= astray[row]
                seen.unseen[int(cells[row])] = int(astray[row])

    def _miscount(self, row: int, cell: int, count: tuple[int, int], document: int, seen: Seen) -> None:
        """A wrong count: gross by its key, else the slip it is already."""
        room, (day, ordinal) = self._room, count
        bits = keyed_int(room.seed, Purpose.GROSS_COUNT, room.region, day, ordinal, cell)
        if uniform_int(bits) >= room.plan.of("count_variance").magnitude:
            return
        slip = int(seen.mistake[row]) + seen.unseen.get(cell, 0)
        seen.mistake[row] -= slip
        location, item = divmod(cell, room.items)
        fault_id = room.truth.fault_id("count_variance", cell, day, ordinal)
        if not room.plan.strikes("count_variance", fault_id, room.now, location=location, item=item):
            return
        half = _GROSS_MOST * max(0, int(room.ledger.belief[Belief.SITE_ON_HAND, cell]))
        more = uniform_int(keyed_int(bits, Purpose.GROSS_COUNT))
        units = GROSS_LEAST + int(more * max(1.0, half - GROSS_LEAST + 1.0))
        seeable = int(room.ledger.fact[Kind.ON_HAND, cell]) - seen.unseen.get(cell, 0)
        # Nobody counts less than nothing.
        wrong = units if slip > 0 else -min(units, seeable)
        if wrong == 0:
            return
        seen.mistake[row] += wrong
        seen.gross[cell] = room.truth.fault("count_variance", fault_id, room.now, location=location, item=item,
                                            document_id=document, magnitude=abs(wrong), units=wrong)
