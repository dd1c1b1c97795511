"""Physical stock, what each system believes of it, and why the two differ.

A *belief* is a (system, kind) pair; its *fact* is the truth of that kind. For every belief and
cell (location x item), at every moment,

    belief = fact + in_flight + errors

and this module is the only place where any of the four changes:

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
- A count (:class:`CountSheet`) is computed at the cut-off and applied on approval: it pays what its
  snapshot saw and still stands, keeps what came later, and owns the rest.

Physical stock is never negative: callers clip, and :meth:`Ledger.check` asserts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    "Cells", "CountSheet", "Kind", "Ledger", "LedgerError", "Listener", "NamedErrors", "Place",
]


#: Below so many cells, one after the other is quicker than arrays.
_FEW = 8


@dataclass(frozen=True)
class CountSheet:
    """A count at its cut-off, not yet approved. Arrays have shape (n,), one row a cell.

    Attributes:
        cells: the cells counted, each once.
        counted: what was seen, never below 0.
        book: the site's book at the cut-off.
        delta: the adjustment it asks for.
        ambient: ambient error of the snapshot, shape (causes, n).
        named: for cells that had any: cell -> ((entry, unpaid units), ...) of the on-hand beliefs.
        promotions: how many promotions each cell had seen by the cut-off.
        paid: ambient error that counts had paid by the cut-off, shape (causes, n).
        cut_off: the order of cut-offs: of two counts of a cell, the later saw all that the earlier saw.
    """

    cells: Cells
    counted: I32
    book: I32
    delta: I32
    ambient: I32
    named: dict[int, tuple[tuple[int, int], ...]]
    promotions: I32
    paid: I32
    cut_off: int

    def __len__(self) -> int:
        return len(self.cells)

    def take(self, rows: npt.NDArray[np.bool_]) -> CountSheet:
        """The chosen rows."""
        kept = self.cells[rows]
        wanted = set(kept.tolist())
        return CountSheet(
            kept,
            self.counted[rows],
            self.book[rows],
            self.delta[rows],
            self.ambient[:, rows],
            {c: n for c, n in self.named.items() if c in wanted},
            self.promotions[rows],
            self.paid[:, rows],
            self.cut_off,
        )


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
        # The promotions of a cell: (cause, first of its entries, one a belief); their number, by cell.
        self._promoted: dict[int, list[tuple[Cause, int]]] = {}
        self._promotions = np.zeros(cells, np.int32)
        # What counts have paid: of ambient error, and of promoted error by first entry; the latest cut-off applied.
        self._paid = np.zeros((len(Cause), cells), np.int32)
        self._paid_promoted: dict[int, int] = {}
        self._cut_off_of = np.zeros(cells, np.int32)
        self._cut_offs = 0
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

    def mislay(self, cell: int, units: int) -> None:
        """Goods of one cell go from the shelf to where nobody looks for them."""
        self.place[Place.SHELF, cell] -= units
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
            faults = self._listener.ambient_faults(cause, hit, units, self._promotions[hit], now)
            self.ambient[cause, hit] = 0
            self._promotions[hit] += 1
            first = len(self.entries)
            for cell in hit.tolist():
                self._promoted.setdefault(cell, []).append((cause, first))
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
                    fault = self._listener.ambient_fault(cause, cell, units, int(self._promotions[cell]), now)
                    self.ambient[cause, cell] = 0
                    self._promotions[cell] += 1
                    self._promoted.setdefault(cell, []).append((cause, len(self.entries)))
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

    # -- counts ----------------------------------------------------------------------------------

    def count(self, cells: Cells, mistake: I32, missed_cutoff: npt.NDArray[np.bool_]) -> CountSheet:
        """Count cells: what is seen, and the adjustment that follows from it. Changes nothing.

        Args:
            cells: each cell once.
            mistake: counted - fact, before clipping at 0.
            missed_cutoff: rows whose in-flight messages are forgotten.

        Raises:
            LedgerError: if a cell is named twice: both rows would ask for the same adjustment.
        """
        if len(np.unique(cells)) != len(cells):
            raise LedgerError("a count names a cell twice")
        fact = self.fact[Kind.ON_HAND, cells]
        counted = np.maximum(0, fact + mistake).astype(np.int32)
        book = self.belief[Belief.SITE_ON_HAND, cells]
        settled = book - np.where(missed_cutoff, 0, self.in_flight[Belief.SITE_ON_HAND, cells])
        # By the chain, not by the sum: a cell whose entries cancel each other still holds them.
        named = {
            cell: tuple((e, self.entries.rest[e]) for e in self.entries.of(cell)
                        if self.entries.belief[e] in ON_HAND_BELIEFS)
            for cell in self.entries.among(cells)
        }
        self._cut_offs += 1
        return CountSheet(cells, counted, book.copy(), (counted - settled).astype(np.int32),
                          self.ambient[:, cells].copy(), named, self._promotions[cells].copy(),
                          self._paid[:, cells].copy(), self._cut_offs)

    def apply_count(
        self, sheet: CountSheet, now: int, by: I64, spare_fault: int, owners: Mapping[int, int] | None = None
    ) -> None:
        """Book an approved count: at the site at once, downstream by message (in flight).

        Args:
            sheet: from :meth:`count`.
            now: when it is approved.
            by: id of each row's count document.
            spare_fault: owner of what downstream beliefs get too much or too little, where an entry
                had been paid there and not at the site.
            owners: cell -> fault, where a count's own error is no slip of the everyday kind: it is named.
        """
        cells, delta, owners = sheet.cells, sheet.delta, owners or {}
        self.belief[Belief.SITE_ON_HAND, cells] += delta
        for b in ON_HAND_BELIEFS[1:]:
            self.in_flight[b, cells] -= delta
        # A count applied since has paid part of what this one saw, or all of it if its cut-off was later.
        overtaken = self._cut_off_of[cells] > sheet.cut_off
        unpaid = np.where(overtaken, 0, sheet.ambient - (self._paid[:, cells] - sheet.paid))
        self._cut_off_of[cells] = np.maximum(self._cut_off_of[cells], sheet.cut_off)
        plain = self._promotions[cells] == sheet.promotions
        if sheet.named:
            plain &= ~np.isin(cells, np.fromiter(sheet.named, np.int64, len(sheet.named)))
        if owners:
            plain &= ~np.isin(cells, np.fromiter(owners, np.int64, len(owners)))
        clean = cells[plain]
        self.ambient[:, clean] -= unpaid[:, plain]
        self._paid[:, clean] += unpaid[:, plain]
        # Of the beliefs' common error ``unpaid`` was paid and delta was added: the rest is the count's.
        self.ambient[Cause.MISCOUNT, clean] += delta[plain] + unpaid[:, plain].sum(axis=0, dtype=np.int32)
        for row in np.flatnonzero(~plain).tolist():
            claims, ambient = self._claims(sheet, row, unpaid[:, row], bool(overtaken[row]))
            owner = owners.get(int(cells[row]))
            self._apply_named(sheet, row, claims, ambient, now, int(by[row]), spare_fault, owner)

    def _claims(self, sheet: CountSheet, row: int, unpaid: I32, overtaken: bool) -> tuple[dict[int, int], int]:
        """What a count may pay of a cell: units by entry, and the ambient error, which it pays here.

        Ambient error of the snapshot that was promoted since stands in the first promotion of its cause.
        """
        cell = int(sheet.cells[row])
        claims = dict(sheet.named.get(cell, ()))
        promoted: dict[Cause, int] = {}
        for cause, first in self._promoted.get(cell, [])[int(sheet.promotions[row]):]:
            promoted.setdefault(cause, first)
        ambient = 0
        for cause in Cause:
            units = int(unpaid[cause])
            if cause not in promoted:
                self.ambient[cause, cell] -= units
                self._paid[cause, cell] += units
                ambient += units
            elif not overtaken:
                first = promoted[cause]
                earlier = self._paid_promoted.get(first, 0)
                self._paid_promoted[first] = units
                claims.update(dict.fromkeys(range(first, first + len(ON_HAND_BELIEFS)), units - earlier))
        return claims, ambient

    def _apply_named(
        self, sheet: CountSheet, row: int, claims: dict[int, int], ambient: int, now: int, by: int, spare_fault: int,
        owner: int | None,
    ) -> None:
        """One counted cell that has, or had, named entries, or whose own error gets one."""
        cell, delta, entries = int(sheet.cells[row]), int(sheet.delta[row]), self.entries
        cleared = dict.fromkeys(ON_HAND_BELIEFS, ambient)
        faults: set[int] = set()
        # The site first: downstream the message pays the causes that the count cleared there.
        for e, units in sorted(claims.items(), key=lambda claim: entries.belief[claim[0]]):
            b, rest = Belief(entries.belief[e]), entries.rest[e]
            if rest * units <= 0 or (b is not Belief.SITE_ON_HAND and entries.fault[e] not in faults):
                continue
            amount = min(rest, units) if units > 0 else max(rest, units)
            faults.add(entries.fault[e])
            cleared[b] += amount
            self.entries.reduce(e, amount, now, by)
        own = delta + cleared[Belief.SITE_ON_HAND]
        if owner is None:
            self.ambient[Cause.MISCOUNT, cell] += own
        else:
            for b in ON_HAND_BELIEFS:
                self.entries.open(owner, b, cell, own, now)
        for b in ON_HAND_BELIEFS[1:]:
            self.entries.open(spare_fault, b, cell, delta + cleared[b] - own, now)

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
