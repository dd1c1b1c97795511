"""Physical stock, what each system believes of it, and why the two differ.

A *belief* is a (system, kind) pair; its *fact* is the truth of that kind. For every belief and
cell (location x item), at every moment,

    belief = fact + in_flight + errors

and this module is, with its counts (:mod:`sim.counts`), the only place where any of the four changes:

- :meth:`Ledger.tell` changes a fact by ``f`` and sends a message of ``m`` to every belief of that
  kind: ``fact += f``, ``in_flight -= m``, ``errors += m - f``. :meth:`Ledger.post` lets it arrive:
  ``belief += m``, ``in_flight += m``. In-flight begins when the fact changes, whatever hops remain.
- Errors have two tiers. *Ambient* ones are dense arrays by cause and cell. They touch every on-hand
  belief alike (a theft lowers the fact under all of them), so one array a cause serves the three.
  *Named* entries are columns ``(fault, belief, cell, units)``, found by cell.
- A lost message turns in-flight into an entry; a second posting opens one; a repair has ``f = 0``
  and pays entries when it is sent. What a repair cannot pay is an entry of the repair: correcting
  twice names itself.
- :meth:`Ledger.promote` turns a cell's ambient errors into named entries, each a fault of its own.
- A count (:mod:`sim.counts`) is computed at the cut-off and applied on approval.

Physical stock is never negative: callers clip, and :meth:`Ledger.check` asserts it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.books import (
    BELIEFS_OF,
    I32,
    I64,
    KIND_OF,
    ON_HAND_BELIEFS,
    ON_HAND_PLACES,
    PLACE_KIND,
    SITE_BELIEFS,
    Belief,
    Cause,
    Cells,
    Kind,
    LedgerError,
    Place,
)
from sim.entries import Listener, NamedErrors

#: The words of the books are the ledger's own: whoever uses the ledger takes them from here.
__all__ = [
    "BELIEFS_OF", "I32", "I64", "KIND_OF", "ON_HAND_BELIEFS", "ON_HAND_PLACES", "SITE_BELIEFS", "Belief", "Cause",
    "Cells", "Kind", "Ledger", "LedgerError", "Listener", "NamedErrors", "Place",
]


#: Below so many cells, one after the other is quicker than arrays.
_FEW = 8


class Ledger:
    """The stock of one region.

    Args:
        cells: number of cells, location-major.
        listener: told when faults gain and lose entries.
    """

    def __init__(self, cells: int, listener: Listener) -> None:
        self.cells = cells
        self.belief = np.zeros((len(Belief), cells), np.int32)
        self.in_flight = np.zeros((len(Belief), cells), np.int32)
        self.fact = np.zeros((len(Kind), cells), np.int32)
        self.place = np.zeros((len(Place), cells), np.int32)
        self.ambient = np.zeros((len(Cause), cells), np.int32)
        self.entries = NamedErrors(cells, listener)
        self.named = self.entries.total
        #: The promotions of a cell: (cause, first of its entries, one a belief); and their number, by cell.
        self.promoted: dict[int, list[tuple[Cause, int]]] = {}
        self.promotions = np.zeros(cells, np.int32)
        self._listener = listener

    # -- opening ---------------------------------------------------------------------------------

    def open_with(self, shelf: I32, backroom: I32, ambient: I32) -> None:
        """The opening stock: physical by place, and the ambient error each book already carries.

        Every on-hand belief opens at fact + ambient.

        Args:
            shelf: units, shape (cells,).
            backroom: units, shape (cells,).
            ambient: units, shape (causes, cells).
        """
        self.place[Place.SHELF] = shelf
        self.place[Place.BACKROOM] = backroom
        self.fact[Kind.ON_HAND] = shelf + backroom
        self.ambient[:] = ambient
        for b in ON_HAND_BELIEFS:
            self.belief[b] = self.fact[Kind.ON_HAND] + ambient.sum(axis=0)

    # -- facts and messages ----------------------------------------------------------------------

    def tell(
        self,
        kind: Kind,
        cells: Cells,
        f: I32 | int,
        m: I32 | int | None = None,
        place: Place | None = None,
        cause: Cause | None = None,
        posted: Sequence[Belief] = (),
    ) -> None:
        """Change a fact by ``f`` and send ``m`` (default ``f``) to every belief of its kind.

        Args:
            kind: which fact.
            cells: cells, repeats allowed.
            f: units by row that the fact changes by.
            m: units by row that the message tells.
            place: where the goods are, for on_hand and blocked.
            cause: the ambient cause that owns ``m - f``; required where they differ.
            posted: beliefs that learn of it at once.
        """
        if m is not None and (cause is None or kind is not Kind.ON_HAND):
            raise LedgerError("a message that differs from its fact needs an ambient cause of on_hand")
        np.add.at(self.fact[kind], cells, f)
        if place is not None:
            np.add.at(self.place[place], cells, f)
        told = f if m is None else m
        for b in BELIEFS_OF[kind]:
            if b in posted:
                np.add.at(self.belief[b], cells, told)
            else:
                np.subtract.at(self.in_flight[b], cells, told)
        if m is not None and cause is not None:
            np.add.at(self.ambient[cause], cells, np.subtract(m, f, dtype=np.int32))

    def take_unseen(self, cell: int, units: int, place: Place, fault: int, now: int) -> None:
        """Goods leave a place and no book is told: every on-hand belief is too high by an entry of ``fault``."""
        self.fact[Kind.ON_HAND, cell] -= units
        self.place[place, cell] -= units
        for b in ON_HAND_BELIEFS:
            self.entries.open(fault, b, cell, units, now)

    def move(self, source: Place, target: Place, cells: Cells, units: I32 | int) -> None:
        """Move goods between places of one kind: no belief is about that."""
        if PLACE_KIND[source] is not PLACE_KIND[target]:
            raise LedgerError(f"{source.name} to {target.name} changes a fact: tell it")
        np.subtract.at(self.place[source], cells, units)
        np.add.at(self.place[target], cells, units)

    def mislay(self, cell: int, units: int, source: Place = Place.SHELF) -> None:
        """Goods of one cell go from where they belong to where nobody looks for them."""
        self.place[source, cell] -= units
        self.place[Place.MISPLACED, cell] += units

    def load(self, cells: Cells, units: I32 | int) -> None:
        """Goods appear on a truck (from a supplier, or after leaving a place by :meth:`tell`)."""
        np.add.at(self.place[Place.TRUCK], cells, units)

    def unload(self, cells: Cells, units: I32 | int) -> None:
        """Goods leave the truck; the caller tells where they went."""
        np.subtract.at(self.place[Place.TRUCK], cells, units)

    def post(self, b: Belief, cells: Cells, m: I32 | int) -> None:
        """Messages of ``m`` arrive at belief ``b``."""
        np.add.at(self.belief[b], cells, m)
        np.add.at(self.in_flight[b], cells, m)

    # -- what goes wrong, and what puts it right ----------------------------------------------------

    def drop(self, b: Belief, cell: int, m: int, fault: int, now: int) -> None:
        """A message of ``m`` is lost: what was in flight becomes an entry of ``fault``."""
        self.in_flight[b, cell] += m
        self.entries.open(fault, b, cell, -m, now)

    def post_again(self, b: Belief, cell: int, m: int, fault: int, now: int) -> None:
        """A message that already arrived is applied a second time."""
        self.belief[b, cell] += m
        self.entries.open(fault, b, cell, m, now)

    def distort(self, b: Belief, cell: int, m: int, wrong: int, fault: int, now: int) -> None:
        """A message of ``m`` that is on its way says ``wrong`` instead."""
        self.in_flight[b, cell] -= wrong - m
        self.entries.open(fault, b, cell, wrong - m, now)

    def repair(
        self, b: Belief, cell: int, m: int, now: int, by: int, repair_fault: int, fault: int | None = None
    ) -> tuple[list[int], int]:
        """Send a correction of ``m`` to belief ``b``; it pays when it is sent.

        Args:
            b: the book that is corrected.
            cell: where.
            m: units.
            now: when.
            fault: where given, only this fault's entries are paid (a replay answers one message);
                else the ambient error is promoted first and the oldest entries of opposite sign are paid.
            by: id of the action or message that repairs.
            repair_fault: the fault that owns what cannot be paid; -1 to send only what can.

        Returns:
            The faults paid, and the units that could not be: an entry of ``repair_fault``, or not sent.
        """
        if fault is None and KIND_OF[b] is Kind.ON_HAND:
            self.promote(np.array([cell]), now)
        paid, rest = self.entries.pay(b, cell, m, now, by, fault)
        if repair_fault < 0:
            m -= rest
        else:
            self.entries.open(repair_fault, b, cell, rest, now)
        self.in_flight[b, cell] -= m
        return paid, rest

    def promote(self, cells: Cells, now: int) -> list[int]:
        """Turn the ambient errors of some cells into named entries, one fault a cell and cause; returns the faults.

        Args:
            cells: each cell once.
            now: when.
        """
        named: list[int] = []
        if len(cells) < _FEW:
            return self._promote_few(cells.tolist(), now)
        ambient = self.ambient.take(cells, axis=1)
        for cause in Cause:
            units = ambient[cause]
            if not units.any():
                continue
            rows = np.flatnonzero(units)
            hit, units = cells[rows], units[rows]
            faults = self._listener.ambient_faults(cause, hit, units, self.promotions[hit], now)
            self.ambient[cause, hit] = 0
            self.promotions[hit] += 1
            first = len(self.entries)
            for cell in hit.tolist():
                self.promoted.setdefault(cell, []).append((cause, first))
                first += len(ON_HAND_BELIEFS)
            self.entries.open_many(faults, hit, units, now)
            named += faults
        return named

    def _promote_few(self, cells: list[int], now: int) -> list[int]:
        """:meth:`promote` of a few cells, for which arrays would cost more than the work."""
        named: list[int] = []
        for cause in Cause:
            for cell in cells:
                units = int(self.ambient[cause, cell])
                if units:
                    fault = self._listener.ambient_fault(cause, cell, units, int(self.promotions[cell]), now)
                    self.ambient[cause, cell] = 0
                    self.promotions[cell] += 1
                    self.promoted.setdefault(cell, []).append((cause, len(self.entries)))
                    for b in ON_HAND_BELIEFS:
                        self.entries.open(fault, b, cell, units, now)
                    named.append(fault)
        return named

    def open_entries(self, cell: int) -> list[int]:
        """The unpaid entries of a cell, oldest first."""
        return self.entries.of(cell)

    def error(self, b: Belief, cells: Cells) -> I32:
        """Errors of some cells: what belief - fact - in_flight is, from its parts."""
        total: I32 = self.named[b, cells]
        if KIND_OF[b] is Kind.ON_HAND:
            total = total + self.ambient[:, cells].sum(axis=0, dtype=np.int32)
        return total

    # -- invariants ------------------------------------------------------------------------------

    def check_cells(self, cells: Cells, beliefs: Sequence[Belief] = ON_HAND_BELIEFS) -> None:
        """The identity of on-hand beliefs, on touched cells.

        Args:
            cells: which cells.
            beliefs: which of the on-hand beliefs.

        Raises:
            LedgerError: naming the first belief and cell that break it.
        """
        # Gathered by place: what counts places any other way is turned into it once, not at every book.
        cells = cells.astype(np.intp, copy=False)
        base = self.fact[Kind.ON_HAND].take(cells)
        for cause in Cause:
            base += self.ambient[cause].take(cells)
        for b in beliefs:
            wrong = self.belief[b].take(cells) != base + self.in_flight[b].take(cells) + self.named[b].take(cells)
            if wrong.any():
                self._fail(b, int(cells[wrong][0]))

    def check(self) -> None:
        """The identity of every belief and cell, the sign and the sum of places, the sum of entries.

        Raises:
            LedgerError: naming what broke.
        """
        ambient, total = self.ambient.sum(axis=0, dtype=np.int32), np.empty(self.cells, np.int32)
        for b in Belief:
            np.add(self.fact[KIND_OF[b]], self.in_flight[b], out=total)
            total += self.named[b]
            if KIND_OF[b] is Kind.ON_HAND:
                total += ambient
            if not np.array_equal(self.belief[b], total):
                self._fail(b, int(np.flatnonzero(self.belief[b] != total)[0]))
        if self.place.min() < 0:
            place, cell = (int(x[0]) for x in np.nonzero(self.place < 0))
            raise LedgerError(f"{self.place[place, cell]} units at {Place(place).name}, cell {cell}")
        on_hand = self.place[list(ON_HAND_PLACES)].sum(axis=0, dtype=np.int32)
        if not np.array_equal(on_hand, self.fact[Kind.ON_HAND]):
            raise LedgerError("the places do not add up to the stock on hand")
        if not np.array_equal(self.place[Place.CAGE], self.fact[Kind.BLOCKED]):
            raise LedgerError("the cage does not hold the blocked stock")
        self.entries.check()

    def _fail(self, b: Belief, cell: int) -> None:
        raise LedgerError(
            f"{b.name} of cell {cell}: belief {self.belief[b, cell]} != fact {self.fact[KIND_OF[b], cell]}"
            f" + in_flight {self.in_flight[b, cell]} + errors {self.error(b, np.array([cell]))[0]}"
        )
