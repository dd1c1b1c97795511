"""The fast ledger and the slow one, side by side."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sim.ledger import I32, KIND_OF, ON_HAND_BELIEFS, Belief, Cause, Cells, Kind, Ledger
from tests.sim.slow_ledger import BOOKS, CAUSES, SlowLedger, fault_name

BOOK_OF = dict(zip(Belief, (book for books in BOOKS.values() for book in books), strict=True))
BELIEF_OF = {book: belief for belief, book in BOOK_OF.items()}
#: What an id may clear: a repair one book of a cell, one fault or any; a count a cell, as of its cut-off.
Repairs = dict[int, tuple[Belief, int, int | None]]
Counts = dict[int, tuple[int, int]]


class Notes:
    """A listener that names promoted faults as the twin does and writes the rest down."""

    def __init__(self) -> None:
        self.names: Counter[tuple[str, int]] = Counter()
        self.opened: list[tuple[int, int]] = []
        self.cleared: list[tuple[int, int, int, int]] = []

    def ambient_faults(self, cause: Cause, cells: Cells, units: I32, ordinals: I32, now: int) -> list[int]:
        assert units.all()
        assert (ordinals >= 0).all()
        assert now >= 0
        name = cause.name.lower()
        self.names.update((name, cell) for cell in cells.tolist())
        return [fault_name(name, cell, self.names[name, cell]) for cell in cells.tolist()]

    def ambient_fault(self, cause: Cause, cell: int, units: int, ordinal: int, now: int) -> int:
        return self.ambient_faults(cause, np.array([cell]), np.array([units], np.int32), np.array([ordinal]), now)[0]

    def entry_opened(self, fault: int, cell: int) -> None:
        self.opened.append((fault, cell))

    def entries_opened(self, faults: list[int], cells: list[int], each: int) -> None:
        self.opened += [pair for pair in zip(faults, cells, strict=True) for _ in range(each)]

    def entry_cleared(self, fault: int, cell: int, now: int, by: int) -> None:
        self.cleared.append((fault, cell, now, by))


def assert_totals_equal(ledger: Ledger, twin: SlowLedger) -> None:
    """Every sum of every cell, and the identity among the twin's own."""
    total = twin.totals()
    for cell in range(ledger.cells):
        for book, belief in BELIEF_OF.items():
            fast = (ledger.belief[belief, cell], ledger.in_flight[belief, cell], ledger.named[belief, cell])
            slow = (total.belief[book, cell], total.in_flight[book, cell], total.named[book, cell])
            assert fast == slow, (book, cell)
            fact = total.fact[KIND_OF[belief].name.lower(), cell]
            assert slow[0] == fact + slow[1] + total.error(book, cell), (book, cell)
            assert ledger.error(belief, np.array([cell]))[0] == total.error(book, cell), (book, cell)
        for kind in Kind:
            assert ledger.fact[kind, cell] == total.fact[kind.name.lower(), cell]
        for cause in Cause:
            assert ledger.ambient[cause, cell] == total.ambient[CAUSES[cause], cell], (cause, cell)


def assert_entries_equal(ledger: Ledger, twin: SlowLedger) -> None:
    """Every named error: whose, how much, since when, and who cleared it."""
    e = ledger.entries
    columns = zip(e.fault, e.belief, e.cell, e.units, e.rest, e.opened_at, e.cleared_at, e.cleared_by, strict=True)
    fast = [(fault, BOOK_OF[Belief(b)], *others) for fault, b, *others in columns]
    assert sorted(fast) == sorted(row for entry in twin.entries for row in entry.rows())
    for cell in range(ledger.cells):
        assert ledger.open_entries(cell) == [i for i in range(len(e)) if e.cell[i] == cell and e.rest[i]]


def assert_cleared_lawfully(ledger: Ledger, repairs: Repairs, counts: Counts) -> None:
    """A repair clears its own book and cell, and a replay its own fault; a count what its cut-off saw."""
    e = ledger.entries
    for i in range(len(e)):
        if e.rest[i]:
            assert (e.rest[i] > 0) == (e.units[i] > 0)
            assert abs(e.rest[i]) <= abs(e.units[i])
            assert e.cleared_by[i] == -1
        elif e.cleared_by[i] in repairs:
            book, cell, only = repairs[e.cleared_by[i]]
            assert (e.belief[i], e.cell[i]) == (book, cell)
            assert only in {None, e.fault[i]}
        else:
            cut_off, cell = counts[e.cleared_by[i]]
            assert e.cell[i] == cell
            assert e.belief[i] in ON_HAND_BELIEFS
            assert e.opened_at[i] <= cut_off or e.fault[i] >= fault_name(CAUSES[0], 0, 1)


def assert_listener_heard(notes: Notes, twin: SlowLedger) -> None:
    """Of each entry once when it opens, and once when the last of it is paid."""
    assert sorted(notes.opened) == sorted((e.fault, e.cell) for e in twin.entries)
    assert sorted(notes.cleared) == sorted((e.fault, e.cell, *e.cleared) for e in twin.entries if e.rest == 0)
