"""The fast ledger and the slow one, side by side."""

from __future__ import annotations

import numpy as np

from sim.ledger import KIND_OF, Belief, Cause, Kind, Ledger
from tests.sim.slow_ledger import BOOKS, CAUSES, SlowLedger

BOOK_OF = dict(zip(Belief, (book for books in BOOKS.values() for book in books), strict=True))
BELIEF_OF = {book: belief for belief, book in BOOK_OF.items()}


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
    assert sorted(fast) == sorted(entry.row() for entry in twin.entries)
    for cell in range(ledger.cells):
        assert ledger.open_entries(cell) == [i for i in range(len(e)) if e.cell[i] == cell and e.rest[i]]
