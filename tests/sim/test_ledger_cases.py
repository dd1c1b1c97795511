"""The ledger, case by case: one story a test, told with the numbers a person would check by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from sim.ledger import BELIEFS_OF, KIND_OF, ON_HAND_BELIEFS, Belief, Cause, CountSheet, Kind, Ledger, LedgerError, Place

SITE, ERP, OMS = ON_HAND_BELIEFS
REPAIR, SPARE, COUNT = 900, 700, 5_000


class Notes:
    """A listener that numbers the faults it is asked to name."""

    def __init__(self) -> None:
        self.named: list[tuple[Cause, int, int]] = []
        self.cleared: list[tuple[int, int, int, int]] = []

    def ambient_fault(self, cause: Cause, cell: int, units: int, now: int) -> int:
        assert now >= 0
        self.named.append((cause, cell, units))
        return 100 + len(self.named)

    def entry_opened(self, fault: int, cell: int) -> None:
        assert fault > 0
        assert cell >= 0

    def entry_cleared(self, fault: int, cell: int, now: int, by: int) -> None:
        self.cleared.append((fault, cell, now, by))


def i32(*values: int) -> npt.NDArray[np.int32]:
    return np.array(values, np.int32)


@pytest.fixture
def ledger() -> Ledger:
    """Four cells of ten units on the shelf, no error."""
    opened = Ledger(4, Notes())
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


def count(ledger: Ledger, *cells: int, mistake: int = 0, missed: bool = False) -> CountSheet:
    n = len(cells)
    return ledger.count(i32(*cells), np.full(n, mistake, np.int32), np.full(n, missed))


def approve(ledger: Ledger, sheet: CountSheet, now: int = 50) -> None:
    ledger.apply_count(sheet, now, np.full(len(sheet), COUNT, np.int64), SPARE)
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


# -- facts and messages ----------------------------------------------------------------------------


def test_every_belief_has_one_kind() -> None:
    assert [b for kind in Kind for b in BELIEFS_OF[kind]] == list(Belief)
    assert all(b in BELIEFS_OF[KIND_OF[b]] for b in Belief)


def test_a_sale_is_in_flight_until_it_posts(ledger: Ledger) -> None:
    sell(ledger, 1, 1, 2)
    assert ledger.fact[Kind.ON_HAND].tolist() == [10, 8, 9, 10]
    assert ledger.belief[ERP].tolist() == [10, 10, 10, 10]
    assert ledger.in_flight[ERP].tolist() == [0, 2, 1, 0]
    ledger.check()
    ledger.post(ERP, i32(1, 1, 2), -1)
    assert ledger.belief[ERP].tolist() == [10, 8, 9, 10]
    assert not ledger.in_flight[ERP].any()
    ledger.check()


def test_a_system_may_learn_at_once(ledger: Ledger) -> None:
    ledger.tell(Kind.ON_HAND, i32(0), -3, place=Place.SHELF, posted=(SITE,))
    assert [ledger.belief[b, 0] for b in ON_HAND_BELIEFS] == [7, 10, 10]
    assert [ledger.in_flight[b, 0] for b in ON_HAND_BELIEFS] == [0, 3, 3]
    ledger.check()


def test_a_theft_adds_to_the_error_of_every_on_hand_book(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    assert [ledger.error(b, i32(0))[0] for b in ON_HAND_BELIEFS] == [2, 2, 2]
    assert not ledger.in_flight.any()
    ledger.check()


def test_a_mis_scan_tells_of_the_wrong_item(ledger: Ledger) -> None:
    ledger.tell(Kind.ON_HAND, i32(0, 1), i32(-1, 0), i32(0, -1), Place.SHELF, Cause.SCAN_ERROR)
    settle(ledger)
    assert ledger.belief[ERP].tolist() == [10, 9, 10, 10]
    assert ledger.ambient[Cause.SCAN_ERROR].tolist() == [1, -1, 0, 0]


@pytest.mark.parametrize(("kind", "cause"), [(Kind.ON_HAND, None), (Kind.RESERVED, Cause.SHRINK)])
def test_a_message_that_differs_needs_an_owner_and_is_refused_whole(
    ledger: Ledger, kind: Kind, cause: Cause | None
) -> None:
    with pytest.raises(LedgerError, match="ambient cause"):
        ledger.tell(kind, i32(0), -1, 0, cause=cause)
    ledger.check()


def test_moving_tells_nobody(ledger: Ledger) -> None:
    ledger.move(Place.SHELF, Place.BACKROOM, i32(0), 4)
    ledger.load(i32(0), 3)
    ledger.check()
    with pytest.raises(LedgerError, match="SHELF to CAGE"):
        ledger.move(Place.SHELF, Place.CAGE, i32(0), 1)
    with pytest.raises(LedgerError, match="SHELF to TRUCK"):
        ledger.move(Place.SHELF, Place.TRUCK, i32(0), 1)


def spoil_belief(ledger: Ledger) -> None:
    ledger.belief[ERP, 2] += 1


def spoil_place(ledger: Ledger) -> None:
    ledger.move(Place.BACKROOM, Place.SHELF, i32(2), 1)


def spoil_sum(ledger: Ledger) -> None:
    ledger.place[Place.SHELF, 2] += 1


def spoil_cage(ledger: Ledger) -> None:
    ledger.place[Place.CAGE, 2] += 1


def spoil_entries(ledger: Ledger) -> None:
    ledger.post_again(ERP, 2, 1, 5, 0)
    ledger.entries.rest[0] = 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_belief, "ERP_ON_HAND of cell 2: belief 11 != fact 10"),
        (spoil_place, "-1 units at BACKROOM, cell 2"),
        (spoil_sum, "do not add up to the stock"),
        (spoil_cage, "cage does not hold"),
        (spoil_entries, "named entries do not add up"),
    ],
)
def test_the_check_names_what_broke(ledger: Ledger, spoil: Callable[[Ledger], None], words: str) -> None:
    spoil(ledger)
    with pytest.raises(LedgerError, match=words):
        ledger.check()


def test_touched_cells_are_checked_alone(ledger: Ledger) -> None:
    spoil_belief(ledger)
    ledger.check_cells(np.array([0, 1, 3]))
    with pytest.raises(LedgerError, match="cell 2"):
        ledger.check_cells(np.array([1, 2]))


# -- what goes wrong, and what puts it right ---------------------------------------------------------


def test_a_replay_pays_the_lost_message_and_the_second_one_names_itself(ledger: Ledger) -> None:
    sell(ledger, 0)
    ledger.drop(ERP, 0, -1, 5, 1)
    assert unpaid(ledger, 0) == [(5, ERP, 1)]
    assert ledger.repair(ERP, 0, -1, 2, 42, REPAIR, 5) == ([5], 0)
    assert ledger.entries.cleared_by == [42]
    assert ledger.repair(ERP, 0, -1, 3, 43, REPAIR, 5) == ([], -1)
    assert unpaid(ledger, 0) == [(REPAIR, ERP, -1)]
    settle(ledger)
    assert ledger.belief[ERP, 0] == 8


def test_a_replay_pays_no_other_fault_and_promotes_nothing(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    ledger.post_again(ERP, 0, 3, 6, 1)
    assert ledger.repair(ERP, 0, -1, 2, 42, REPAIR, 5) == ([], -1)
    assert ambient(ledger, 0) == (2, 0, 0)
    assert unpaid(ledger, 0) == [(6, ERP, 3), (REPAIR, ERP, -1)]


def test_a_repair_that_is_lost_leaves_the_error_to_the_loss(ledger: Ledger) -> None:
    sell(ledger, 0)
    ledger.drop(ERP, 0, -1, 5, 1)
    ledger.repair(ERP, 0, -1, 2, 42, REPAIR, 5)
    ledger.drop(ERP, 0, -1, 6, 3)
    assert unpaid(ledger, 0) == [(6, ERP, 1)]
    ledger.check()


def test_a_second_posting_never_pays(ledger: Ledger) -> None:
    sell(ledger, 0)
    ledger.drop(ERP, 0, -1, 5, 1)
    ledger.post_again(ERP, 0, -1, 6, 2)
    assert unpaid(ledger, 0) == [(5, ERP, 1), (6, ERP, -1)]
    assert ledger.named[ERP, 0] == 0
    ledger.check()


def test_a_distorted_message_errs_from_when_it_is_sent(ledger: Ledger) -> None:
    ledger.tell(Kind.ON_HAND, i32(0), 12, place=Place.DOCK)
    ledger.distort(ERP, 0, 12, 1, 5, 1)
    assert unpaid(ledger, 0) == [(5, ERP, -11)]
    ledger.check()
    ledger.post(ERP, i32(0), 1)
    assert ledger.belief[ERP, 0] == 11
    assert ledger.in_flight[ERP, 0] == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_an_adjustment_pays_the_oldest_of_the_opposite_sign(ledger: Ledger, sign: int) -> None:
    ledger.post_again(ERP, 0, 2 * sign, 5, 1)
    ledger.post_again(ERP, 0, -4 * sign, 6, 2)
    ledger.post_again(ERP, 0, 3 * sign, 7, 3)
    ledger.post_again(OMS, 0, 3 * sign, 8, 4)
    assert ledger.repair(ERP, 0, -4 * sign, 5, 42, REPAIR) == ([5, 7], 0)
    assert unpaid(ledger, 0) == [(6, ERP, -4 * sign), (7, ERP, sign), (8, OMS, 3 * sign)]
    settle(ledger)


def test_an_adjustment_promotes_first(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    appear(ledger, 0, 3)
    assert ledger.repair(ERP, 0, -2, 1, 42, REPAIR) == ([101], 0)
    assert ambient(ledger, 0) == (0, 0, 0)
    left = [(101, SITE, 2), (101, OMS, 2), (102, SITE, -3), (102, ERP, -3), (102, OMS, -3)]
    assert unpaid(ledger, 0) == left
    assert ledger.promote(0, 2) == []


def test_without_an_owner_only_what_can_be_paid_is_sent(ledger: Ledger) -> None:
    ledger.post_again(ERP, 0, 2, 5, 1)
    paid, left = ledger.repair(ERP, 0, -5, 2, 42, -1)
    assert (paid, left) == ([5], -3)
    assert ledger.in_flight[ERP, 0] == -5 - left + 4
    assert unpaid(ledger, 0) == []
    settle(ledger)
    assert ledger.belief[ERP, 0] == 10


# -- counts ------------------------------------------------------------------------------------------


def test_a_count_in_the_middle_of_flights_sees_what_is_settled(ledger: Ledger) -> None:
    sell(ledger, 0, 0, 0)
    lose(ledger, 0, 1)
    sheet = count(ledger, 0)
    assert (sheet.counted[0], sheet.book[0], sheet.delta[0]) == (6, 10, -1)
    approve(ledger, sheet)
    assert ambient(ledger, 0) == (0, 0, 0)
    settle(ledger)
    assert [ledger.belief[b, 0] for b in ON_HAND_BELIEFS] == [6, 6, 6]


def test_a_count_that_misses_the_cut_off_owns_the_difference(ledger: Ledger) -> None:
    sell(ledger, 0, 0)
    lose(ledger, 0, 1)
    approve(ledger, count(ledger, 0, missed=True))
    assert ambient(ledger, 0) == (0, 0, -2)
    settle(ledger)
    assert ledger.belief[ERP, 0] == ledger.fact[Kind.ON_HAND, 0] - 2


def test_a_mistaken_count_owns_its_mistake_and_never_counts_below_zero(ledger: Ledger) -> None:
    lose(ledger, 0, 9)
    sheet = count(ledger, 0, mistake=-4)
    assert (sheet.counted[0], sheet.delta[0]) == (0, -10)
    approve(ledger, sheet)
    assert ambient(ledger, 0) == (0, 0, -1)


def test_what_comes_after_the_cut_off_stays(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    lose(ledger, 0, 3)
    sell(ledger, 0)
    ledger.drop(ERP, 0, -1, 5, 3)
    approve(ledger, sheet)
    assert ambient(ledger, 0) == (3, 0, 0)
    assert unpaid(ledger, 0) == [(5, ERP, 1)]


def test_a_count_names_a_cell_once(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="twice"):
        count(ledger, 1, 2, 1)


def test_a_refused_row_changes_nothing(ledger: Ledger) -> None:
    for cell in range(3):
        lose(ledger, cell, 2)
    ledger.post_again(SITE, 1, 3, 5, 1)
    sheet = count(ledger, 2, 1, 0).take(np.array([True, False, True]))
    assert sheet.cells.tolist() == [2, 0]
    assert not sheet.named
    approve(ledger, sheet)
    assert [ambient(ledger, c)[0] for c in range(3)] == [0, 2, 0]
    assert unpaid(ledger, 1) == [(5, SITE, 3)]


def test_entries_that_cancel_are_both_cleared(ledger: Ledger) -> None:
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 3, 5, 1)
        ledger.post_again(b, 0, -3, 6, 2)
    assert not ledger.named.any()
    assert len(ledger.open_entries(0)) == 6
    sheet = count(ledger, 0)
    assert sheet.delta[0] == 0
    approve(ledger, sheet)
    assert ledger.open_entries(0) == []
    assert ambient(ledger, 0) == (0, 0, 0)
    assert set(ledger.entries.cleared_by) == {COUNT}


def test_a_replay_after_a_count_names_itself(ledger: Ledger) -> None:
    sell(ledger, 0)
    for b in ON_HAND_BELIEFS:
        ledger.drop(b, 0, -1, 5, 1)
    approve(ledger, count(ledger, 0))
    assert unpaid(ledger, 0) == []
    for b in ON_HAND_BELIEFS:
        assert ledger.repair(b, 0, -1, 60, 42, REPAIR, 5) == ([], -1)
    assert unpaid(ledger, 0) == [(REPAIR, b, -1) for b in ON_HAND_BELIEFS]
    settle(ledger)
    assert ledger.belief[:3, 0].tolist() == [8, 8, 8]


def test_a_count_leaves_what_only_downstream_got_wrong(ledger: Ledger) -> None:
    ledger.post_again(ERP, 0, 3, 5, 1)
    lose(ledger, 0, 1)
    approve(ledger, count(ledger, 0))
    assert unpaid(ledger, 0) == [(5, ERP, 3)]
    settle(ledger)
    assert ledger.belief[:3, 0].tolist() == [9, 12, 9]


def test_downstream_entries_after_the_cut_off_stay_though_their_fault_was_cleared(ledger: Ledger) -> None:
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 2, 5, 1)
    sheet = count(ledger, 0)
    ledger.post_again(ERP, 0, 4, 5, 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(5, ERP, 4)]


def test_downstream_paid_less_than_the_site_is_the_counts(ledger: Ledger) -> None:
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 2, 5, 1)
    sheet = count(ledger, 0)
    ledger.repair(ERP, 0, -2, 2, 42, REPAIR, 5)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(SPARE, ERP, -2)]
    assert ambient(ledger, 0) == (0, 0, 0)


# -- counts and promotions ---------------------------------------------------------------------------


def test_a_count_pays_what_was_promoted_since_its_cut_off(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    ledger.promote(0, 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    assert ambient(ledger, 0) == (0, 0, 0)


def test_promoted_causes_that_partly_cancel_are_both_paid(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    appear(ledger, 0, 3)
    sheet = count(ledger, 0)
    assert sheet.delta[0] == 1
    ledger.promote(0, 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    assert ambient(ledger, 0) == (0, 0, 0)


def test_only_the_causes_that_were_promoted_are_paid_there(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    appear(ledger, 0, 1)
    sheet = count(ledger, 0)
    lose(ledger, 0, 1, Cause.SCAN_ERROR)
    assert ledger.promote(0, 2) == [101]
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    # The mis-scan of the snapshot is paid where it still is, and the later one stays.
    assert ambient(ledger, 0) == (0, 1, 0)


def test_an_entry_after_the_cut_off_is_not_taken_for_a_promotion(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 1, 5, 1)
    ledger.promote(0, 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(5, b, 1) for b in ON_HAND_BELIEFS]


def test_promoted_and_paid_meanwhile_becomes_the_counts_own(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    ledger.promote(0, 2)
    for b in ON_HAND_BELIEFS:
        ledger.repair(b, 0, -2, 3, 42, REPAIR)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    assert ambient(ledger, 0) == (0, 0, -2)
    assert set(ledger.entries.cleared_by) == {42}


def test_a_promotion_that_grew_is_paid_by_what_the_count_saw(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    lose(ledger, 0, 3)
    ledger.promote(0, 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(101, b, 3) for b in ON_HAND_BELIEFS]
    assert ambient(ledger, 0) == (0, 0, 0)


# -- two counts of one cell --------------------------------------------------------------------------


@pytest.mark.parametrize("promoted", [False, True])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_counts_pay_an_error_once_and_the_second_owns_its_doubling(
    ledger: Ledger, order: tuple[int, int], promoted: bool
) -> None:
    lose(ledger, 0, 2)
    first = count(ledger, 0)
    lose(ledger, 0, 1)
    second = count(ledger, 0)
    lose(ledger, 0, 4)
    if promoted:
        ledger.promote(0, 3)
    for sheet in (first, second)[:: 1 if order == (0, 1) else -1]:
        approve(ledger, sheet)
    assert ambient(ledger, 0) == (0 if promoted else 4, 0, -2)
    assert unpaid(ledger, 0) == ([(101, b, 4) for b in ON_HAND_BELIEFS] if promoted else [])
    settle(ledger)
    assert ledger.belief[:3, 0].tolist() == [5, 5, 5]


def test_a_count_after_an_approved_count_sees_its_mistake(ledger: Ledger) -> None:
    approve(ledger, count(ledger, 0, mistake=2))
    assert ambient(ledger, 0) == (0, 0, 2)
    approve(ledger, count(ledger, 0))
    assert ambient(ledger, 0) == (0, 0, 0)
