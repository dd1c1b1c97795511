"""Counts: what is seen of some cells at a cut-off, and what its approval makes of the books.

A count is computed at the cut-off and applied on approval, hours or days later. It pays the errors that its
snapshot saw and that still stand, keeps what came later, and owns the rest: what the counter got wrong is an
error like any other. Of two counts of a cell the one with the later cut-off saw all that the earlier saw, so
what either has paid is not paid again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.ledger import I32, I64, ON_HAND_BELIEFS, Belief, Cause, Cells, Kind, Ledger, LedgerError


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


class Counts:
    """The counts of one region.

    Args:
        ledger: the books that they put right.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # What counts have paid: of ambient error, and of promoted error by first entry; the latest cut-off applied.
        self._paid = np.zeros((len(Cause), ledger.cells), np.int32)
        self._paid_promoted: dict[int, int] = {}
        self._cut_off_of = np.zeros(ledger.cells, np.int32)
        self._cut_offs = 0

    def take(self, cells: Cells, mistake: I32, missed_cutoff: npt.NDArray[np.bool_]) -> CountSheet:
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
        fact = self._ledger.fact[Kind.ON_HAND, cells]
        counted = np.maximum(0, fact + mistake).astype(np.int32)
        book = self._ledger.belief[Belief.SITE_ON_HAND, cells]
        settled = book - np.where(missed_cutoff, 0, self._ledger.in_flight[Belief.SITE_ON_HAND, cells])
        # By the chain, not by the sum: a cell whose entries cancel each other still holds them.
        named = {
            cell: tuple((e, self._ledger.entries.rest[e]) for e in self._ledger.entries.of(cell)
                        if self._ledger.entries.belief[e] in ON_HAND_BELIEFS)
            for cell in self._ledger.entries.among(cells)
        }
        self._cut_offs += 1
        return CountSheet(cells, counted, book.copy(), (counted - settled).astype(np.int32),
                          self._ledger.ambient[:, cells].copy(), named, self._ledger.promotions[cells].copy(),
                          self._paid[:, cells].copy(), self._cut_offs)

    def apply(
        self, sheet: CountSheet, now: int, by: I64, spare_fault: int, owners: Mapping[int, int] | None = None
    ) -> None:
        """Book an approved count: at the site at once, downstream by message (in flight).

        Args:
            sheet: from :meth:`take`.
            now: when it is approved.
            by: id of each row's count document.
            spare_fault: owner of what downstream beliefs get too much or too little, where an entry
                had been paid there and not at the site.
            owners: cell -> fault, where a count's own error is no slip of the everyday kind: it is named.
        """
        cells, delta, owners = sheet.cells, sheet.delta, owners or {}
        self._ledger.belief[Belief.SITE_ON_HAND, cells] += delta
        for b in ON_HAND_BELIEFS[1:]:
            self._ledger.in_flight[b, cells] -= delta
        # A count applied since has paid part of what this one saw, or all of it if its cut-off was later.
        overtaken = self._cut_off_of[cells] > sheet.cut_off
        unpaid = np.where(overtaken, 0, sheet.ambient - (self._paid[:, cells] - sheet.paid))
        self._cut_off_of[cells] = np.maximum(self._cut_off_of[cells], sheet.cut_off)
        plain = self._ledger.promotions[cells] == sheet.promotions
        if sheet.named:
            plain &= ~np.isin(cells, np.fromiter(sheet.named, np.int64, len(sheet.named)))
        if owners:
            plain &= ~np.isin(cells, np.fromiter(owners, np.int64, len(owners)))
        clean = cells[plain]
        self._ledger.ambient[:, clean] -= unpaid[:, plain]
        self._paid[:, clean] += unpaid[:, plain]
        # Of the beliefs' common error ``unpaid`` was paid and delta was added: the rest is the count's.
        self._ledger.ambient[Cause.MISCOUNT, clean] += delta[plain] + unpaid[:, plain].sum(axis=0, dtype=np.int32)
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
        for cause, first in self._ledger.promoted.get(cell, [])[int(sheet.promotions[row]):]:
            promoted.setdefault(cause, first)
        ambient = 0
        for cause in Cause:
            units = int(unpaid[cause])
            if cause not in promoted:
                self._ledger.ambient[cause, cell] -= units
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
        cell, delta, entries = int(sheet.cells[row]), int(sheet.delta[row]), self._ledger.entries
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
            self._ledger.entries.reduce(e, amount, now, by)
        own = delta + cleared[Belief.SITE_ON_HAND]
        if owner is None:
            self._ledger.ambient[Cause.MISCOUNT, cell] += own
        else:
            for b in ON_HAND_BELIEFS:
                self._ledger.entries.open(owner, b, cell, own, now)
        for b in ON_HAND_BELIEFS[1:]:
            self._ledger.entries.open(spare_fault, b, cell, delta + cleared[b] - own, now)
