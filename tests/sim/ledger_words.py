"""What the ledger's cases are told with: a small ledger, and a word for each thing that befalls it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.counts import Counts, CountSheet
from sim.ledger import I32, ON_HAND_BELIEFS, Belief, Cause, Cells, Kind, Ledger, Place

SITE, ERP, OMS = ON_HAND_BELIEFS
REPAIR, SPARE, COUNT = 900, 700, 5_000


class Notes:
    """A listener that numbers the faults it is asked to name."""

    def __init__(self) -> None:
        self.named: list[tuple[Cause, int, int]] = []
        self.cleared: list[tuple[int, int, int, int]] = []

    def ambient_faults(self, cause: Cause, cells: Cells, units: I32, ordinals: I32, now: int) -> list[int]:
        assert (ordinals >= 0).all()
        assert now >= 0
        first = len(self.named) + 101
        self.named += [(cause, *pair) for pair in zip(cells.tolist(), units.tolist(), strict=True)]
        return list(range(first, first + len(cells)))

    def ambient_fault(self, cause: Cause, cell: int, units: int, ordinal: int, now: int) -> int:
        return self.ambient_faults(cause, np.array([cell]), np.array([units], np.int32), np.array([ordinal]), now)[0]

    def entry_opened(self, fault: int, cell: int) -> None:
        assert fault > 0
        assert cell >= 0

    def entries_opened(self, faults: list[int], cells: list[int], each: int) -> None:
        assert each > 0
        for fault, cell in zip(faults, cells, strict=True):
            self.entry_opened(fault, cell)

    def entry_cleared(self, fault: int, cell: int, now: int, by: int) -> None:
        self.cleared.append((fault, cell, now, by))


def i32(*values: int) -> npt.NDArray[np.int32]:
    return np.array(values, np.int32)


class Books(Ledger):
    """A ledger and its counts."""

    def __init__(self, cells: int) -> None:
        super().__init__(cells, Notes())
        self.counts = Counts(self)


def four_cells() -> Books:
    """Four cells of ten units on the shelf, no error."""
    opened = Books(4)
    opened.open_with(i32(10, 10, 10, 10), i32(0, 0, 0, 0), np.zeros((len(Cause), 4), np.int32))
    return opened


def sell(ledger: Ledger, *cells: int) -> None:
    ledger.tell(Kind.ON_HAND, i32(*cells), -1, place=Place.SHELF)


def lose(ledger: Ledger, cell: int, units: int, cause: Cause = Cause.SHRINK) -> None:
    """An ambient error of ``+units``: goods that left and nobody told of."""
    ledger.tell(Kind.ON_HAND, i32(cell), -units, 0, Place.SHELF, cause)


def appear(ledger: Ledger, cell: int, units: int, cause: Cause = Cause.SCAN_ERROR) -> None:
    """An ambient error of ``-units``."""
    lose(ledger, cell, -units, cause)


def count(ledger: Books, *cells: int, mistake: int = 0, missed: bool = False) -> CountSheet:
    n = len(cells)
    return ledger.counts.take(i32(*cells), np.full(n, mistake, np.int32), np.full(n, missed))


def approve(ledger: Books, sheet: CountSheet, now: int = 50) -> None:
    ledger.counts.apply(sheet, now, np.full(len(sheet), COUNT, np.int64), SPARE)
    ledger.check()


def settle(ledger: Ledger) -> None:
    """Everything in flight arrives."""
    for b in Belief:
        ledger.post(b, np.arange(ledger.cells), -ledger.in_flight[b])
    ledger.check()


def ambient(ledger: Ledger, cell: int) -> tuple[int, ...]:
    return tuple(ledger.ambient[:, cell].tolist())


def unpaid(ledger: Ledger, cell: int) -> list[tuple[int, Belief, int]]:
    e = ledger.entries
    return [(e.fault[i], Belief(e.belief[i]), e.rest[i]) for i in ledger.open_entries(cell)]
