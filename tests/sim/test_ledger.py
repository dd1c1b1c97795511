"""The ledger against its slow twin, over thousands of interleavings of whatever can befall a cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sim import counts
from sim.counts import CountSheet
from sim.ledger import Belief, Cause, Kind, Ledger, Place
from tests.sim.ledger_equality import (
    BELIEF_OF,
    BOOK_OF,
    Counts,
    Notes,
    Repairs,
    assert_cleared_lawfully,
    assert_entries_equal,
    assert_listener_heard,
    assert_totals_equal,
)
from tests.sim.slow_ledger import Message, Sheet, SlowLedger

CELLS = 3
SPARE, OWNER = 77, 78

cell_numbers = st.integers(0, CELLS - 1)
amounts = st.integers(1, 6)
signed = st.integers(-6, 6).filter(bool)
faults = st.integers(1, 4)
places = st.sampled_from((Place.SHELF, Place.BACKROOM, Place.DOCK))


def i32(*values: int) -> npt.NDArray[np.int32]:
    return np.array(values, np.int32)


class Interleavings(RuleBasedStateMachine):
    """Whatever can befall a cell, in any order; the twin says what must stand afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.notes = Notes()
        self.ledger = Ledger(CELLS, self.notes)
        self.booked = counts.Counts(self.ledger)
        self.flying: list[Message] = []
        self.arrived: list[Message] = []
        self.lost: list[Message] = []
        self.doubled: list[Message] = []
        self.sheets: list[tuple[int, CountSheet, list[Sheet]]] = []
        self.repairs: Repairs = {}
        self.counts: Counts = {}

    @initialize(stock=st.tuples(*[st.integers(0, 9)] * CELLS), drift=signed, cause=st.sampled_from(Cause))
    def open(self, stock: tuple[int, ...], drift: int, cause: Cause) -> None:
        ambient = np.zeros((len(Cause), CELLS), np.int32)
        ambient[cause, 0] = drift
        self.ledger.open_with(np.array(stock, np.int32), np.zeros(CELLS, np.int32), ambient)
        self.twin = SlowLedger(dict(enumerate(stock)), [(cause.name.lower(), 0, drift)])

    def _pick(self, messages: list[Message], which: int) -> Message:
        return messages[which % len(messages)]

    def _tell(
        self,
        kind: Kind,
        lines: list[tuple[int, int, int]],
        place: Place | None = None,
        cause: Cause | None = None,
        posted: tuple[Belief, ...] = (),
    ) -> None:
        self.now += 1
        cells, f, m = (np.array(column, np.int32) for column in zip(*lines, strict=True))
        self.ledger.tell(kind, cells, f, None if cause is None else m, place, cause, posted)
        name = None if cause is None else cause.name.lower()
        self.flying += self.twin.tell(kind.name.lower(), lines, name, [BOOK_OF[b] for b in posted])

    # -- the shop's day ----------------------------------------------------------------------------

    @rule(lines=st.lists(st.tuples(cell_numbers, amounts), min_size=1, max_size=4), place=places)
    def receive(self, lines: list[tuple[int, int]], place: Place) -> None:
        self._tell(Kind.ON_HAND, [(cell, units, units) for cell, units in lines], place)

    @rule(lines=st.lists(st.tuples(cell_numbers, amounts), min_size=1, max_size=4), at_once=st.booleans())
    def sell(self, lines: list[tuple[int, int]], at_once: bool) -> None:
        shelf = self.ledger.place[Place.SHELF].copy()
        sold = []
        for cell, units in lines:
            taken = min(units, int(shelf[cell]))
            shelf[cell] -= taken
            sold.append((cell, -taken, -taken))
        self._tell(Kind.ON_HAND, sold, Place.SHELF, posted=(Belief.SITE_ON_HAND,) if at_once else ())

    @rule(cell=cell_numbers, units=amounts, place=places)
    def steal(self, cell: int, units: int, place: Place) -> None:
        taken = min(units, int(self.ledger.place[place, cell]))
        self._tell(Kind.ON_HAND, [(cell, -taken, 0)], place, Cause.SHRINK)

    @rule(cell=cell_numbers, units=amounts, place=places, fault=faults)
    def sweep(self, cell: int, units: int, place: Place, fault: int) -> None:
        self.now += 1
        taken = min(units, int(self.ledger.place[place, cell]))
        self.ledger.take_unseen(cell, taken, place, fault, self.now)
        self.twin.take_unseen(cell, taken, fault, self.now)

    @rule(cell=cell_numbers, told=cell_numbers, units=amounts, at_once=st.booleans())
    def mis_scan(self, cell: int, told: int, units: int, at_once: bool) -> None:
        taken = min(units, int(self.ledger.place[Place.SHELF, cell]))
        posted = (Belief.SITE_ON_HAND,) if at_once else ()
        self._tell(Kind.ON_HAND, [(cell, -taken, 0), (told, 0, -taken)], Place.SHELF, Cause.SCAN_ERROR, posted)

    @rule(kind=st.sampled_from((Kind.ON_ORDER, Kind.RESERVED)), cell=cell_numbers, units=signed)
    def promise(self, kind: Kind, cell: int, units: int) -> None:
        self._tell(kind, [(cell, units, units)])

    @rule(cell=cell_numbers, units=amounts)
    def block(self, cell: int, units: int) -> None:
        taken = min(units, int(self.ledger.place[Place.SHELF, cell]))
        self._tell(Kind.ON_HAND, [(cell, -taken, -taken)], Place.SHELF)
        self._tell(Kind.BLOCKED, [(cell, taken, taken)], Place.CAGE)

    @rule(cell=cell_numbers, units=amounts)
    def refill(self, cell: int, units: int) -> None:
        moved = min(units, int(self.ledger.place[Place.BACKROOM, cell]))
        self.ledger.move(Place.BACKROOM, Place.SHELF, i32(cell), moved)
        self.ledger.load(i32(cell), units)
        self.ledger.unload(i32(cell), units)

    # -- messages ----------------------------------------------------------------------------------

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 99))
    def post(self, which: int) -> None:
        self._arrive([self._pick(self.flying, which)])

    @precondition(lambda self: self.flying)
    @rule(book=st.sampled_from(Belief))
    def post_all(self, book: Belief) -> None:
        """A batch; a cell may be in it many times."""
        self._arrive([m for m in self.flying if m.book == BOOK_OF[book]])

    def _arrive(self, messages: list[Message]) -> None:
        self.now += 1
        if messages:
            cells = np.array([m.cell for m in messages])
            says = np.array([m.says for m in messages], np.int32)
            self.ledger.post(BELIEF_OF[messages[0].book], cells, says)
        for message in messages:
            message.state = "posted"
            self.flying.remove(message)
            self.arrived.append(message)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 99), fault=faults)
    def drop(self, which: int, fault: int) -> None:
        self.now += 1
        message = self._pick(self.flying, which)
        self.ledger.drop(BELIEF_OF[message.book], message.cell, message.says, fault, self.now)
        self.twin.lose(message, fault, self.now)
        self.flying.remove(message)
        self.lost.append(message)

    @precondition(lambda self: self.arrived)
    @rule(which=st.integers(0, 99), fault=faults)
    def post_again(self, which: int, fault: int) -> None:
        self.now += 1
        message = self._pick(self.arrived, which)
        self.ledger.post_again(BELIEF_OF[message.book], message.cell, message.says, fault, self.now)
        self.twin.repeat(message, fault, self.now)
        message.fault = fault
        self.doubled.append(message)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 99), wrong=st.integers(-9, 9), fault=faults)
    def distort(self, which: int, wrong: int, fault: int) -> None:
        self.now += 1
        message = self._pick(self.flying, which)
        self.ledger.distort(BELIEF_OF[message.book], message.cell, message.says, wrong, fault, self.now)
        self.twin.garble(message, wrong, fault, self.now)

    # -- repairs -----------------------------------------------------------------------------------

    def _repair(self, book: Belief, cell: int, units: int, owner: int | None, only: int | None) -> None:
        self.now += 1
        by = self.now * 10
        self.repairs[by] = (book, cell, only)
        found = self.ledger.repair(book, cell, units, self.now, by, -1 if owner is None else owner, only)
        paid, left, message = self.twin.correct(BOOK_OF[book], cell, units, self.now, by, owner, only)
        assert found == (paid, left)
        self.flying.append(message)

    @precondition(lambda self: self.lost)
    @rule(which=st.integers(0, 99))
    def replay(self, which: int) -> None:
        """The lost message is sent once more; a second time, or after a count, it is a wrong repair."""
        message = self._pick(self.lost, which)
        self._repair(BELIEF_OF[message.book], message.cell, message.says, 900 + self.now, message.fault)

    @precondition(lambda self: self.doubled)
    @rule(which=st.integers(0, 99))
    def suppress(self, which: int) -> None:
        message = self._pick(self.doubled, which)
        self._repair(BELIEF_OF[message.book], message.cell, -message.says, 900 + self.now, message.fault)

    @rule(book=st.sampled_from(Belief), cell=cell_numbers, units=signed, owned=st.booleans())
    def adjust(self, book: Belief, cell: int, units: int, owned: bool) -> None:
        self._repair(book, cell, units, 900 + self.now if owned else None, None)

    @rule(cell=cell_numbers)
    def promote(self, cell: int) -> None:
        self.now += 1
        self.ledger.promote(np.array([cell]), self.now)
        self.twin.promote(cell, self.now)

    # -- counts ------------------------------------------------------------------------------------

    @rule(
        cells=st.lists(cell_numbers, min_size=1, max_size=CELLS, unique=True),
        mistakes=st.lists(st.integers(-2, 2), min_size=CELLS, max_size=CELLS),
        missed=st.integers(0, 4),
    )
    def count(self, cells: list[int], mistakes: list[int], missed: int) -> None:
        late = [missed == row for row in range(len(cells))]
        sheet = self.booked.take(np.array(cells), i32(*mistakes[: len(cells)]), np.array(late))
        twins = [self.twin.count(*row) for row in zip(cells, mistakes, late, strict=False)]
        assert sheet.counted.tolist() == [t.counted for t in twins]
        assert sheet.book.tolist() == [t.book for t in twins]
        assert sheet.delta.tolist() == [t.delta for t in twins]
        self.sheets.append((self.now, sheet, twins))

    @precondition(lambda self: self.sheets)
    @rule(
        which=st.integers(0, 99),
        refused=st.sampled_from((*range(CELLS), None, None, None)),
        owned=st.sampled_from((*range(CELLS), None, None, None)),
    )
    def approve(self, which: int, refused: int | None, owned: int | None = None) -> None:
        """Approve a sheet: perhaps without a cell, which then nothing happens to, or with one whose error is named."""
        cut_off, sheet, twins = self.sheets.pop(which % len(self.sheets))
        self.now += 1
        if refused is not None:
            sheet = sheet.take(sheet.cells != refused)
            twins = [t for t in twins if t.cell != refused]
        by = [self.now * 10 + t.cell for t in twins]
        owners = {} if owned is None else {owned: OWNER}
        self.booked.apply(sheet, self.now, np.array(by, np.int64), SPARE, owners)
        for number, twin in zip(by, twins, strict=True):
            self.counts[number] = (cut_off, twin.cell)
            self.flying += self.twin.approve(twin, self.now, number, SPARE, owners.get(twin.cell))

    @rule(
        cell=cell_numbers,
        steps=st.lists(st.sampled_from(("count", "approve", "steal", "find", "promote", "pay")), min_size=5),
        which=st.integers(0, 99),
    )
    def stocktake(self, cell: int, steps: list[str], which: int) -> None:
        """Counts of one cell that overlap, with losses, promotions and payments between them."""
        acts = {
            "count": lambda: self.count([cell], [0], missed=9),
            "approve": lambda: self.approve(which, refused=None) if self.sheets else None,
            "steal": lambda: self.steal(cell, 1 + which % 3, Place.SHELF),
            "find": lambda: self._tell(Kind.ON_HAND, [(cell, 2, 0)], Place.SHELF, Cause.SCAN_ERROR),
            "promote": lambda: self.promote(cell),
            "pay": lambda: self.adjust(Belief.SITE_ON_HAND, cell, 1 - 2 * (which % 2), owned=False),
        }
        for step in steps:
            acts[step]()

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def all_holds(self) -> None:
        self.ledger.check_cells(np.arange(CELLS))
        self.ledger.check()
        assert_totals_equal(self.ledger, self.twin)
        assert_entries_equal(self.ledger, self.twin)
        assert_listener_heard(self.notes, self.twin)
        assert_cleared_lawfully(self.ledger, self.repairs, self.counts)

    def teardown(self) -> None:
        """Once all has arrived, a book is wrong by its errors and by nothing else."""
        for book in Belief:
            self._arrive([m for m in self.flying if m.book == BOOK_OF[book]])
        assert not self.ledger.in_flight.any()
        assert_totals_equal(self.ledger, self.twin)


def _play(examples: int, steps: int, same_every_time: bool) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=same_every_time,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Interleavings, settings=profile)


def test_interleavings() -> None:
    _play(examples=200, steps=40, same_every_time=True)


@pytest.mark.campaign
def test_interleavings_never_played_before() -> None:
    _play(examples=6_000, steps=60, same_every_time=False)
