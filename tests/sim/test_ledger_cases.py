"""The ledger, case by case: one story a test, told with the numbers a person would check by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim.ledger import BELIEFS_OF, KIND_OF, ON_HAND_BELIEFS, Belief, Cause, Kind, Ledger, LedgerError, Place
from tests.sim.ledger_words import ERP, OMS, REPAIR, SITE, ambient, appear, four_cells, i32, lose, sell, settle, unpaid


@pytest.fixture
def ledger() -> Ledger:
    return four_cells()


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


def spoil_chains(ledger: Ledger) -> None:
    ledger.post_again(ERP, 2, 1, 5, 0)
    ledger.entries._of_cell.clear()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_belief, "ERP_ON_HAND of cell 2: belief 11 != fact 10"),
        (spoil_place, "-1 units at BACKROOM, cell 2"),
        (spoil_sum, "do not add up to the stock"),
        (spoil_cage, "cage does not hold"),
        (spoil_entries, "named entries do not add up"),
        (spoil_chains, "chains of the cells"),
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
    assert list(ledger.entries.cleared_by) == [42]
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


def test_an_entry_paid_in_part_keeps_the_paid_part_as_a_row(ledger: Ledger) -> None:
    ledger.post_again(ERP, 0, 5, 5, 1)
    ledger.repair(ERP, 0, -2, 2, 42, REPAIR)
    ledger.repair(ERP, 0, -1, 3, 43, REPAIR)
    assert unpaid(ledger, 0) == [(5, ERP, 2)]
    e = ledger.entries
    assert list(zip(e.units, e.rest, e.opened_at, e.cleared_at, e.cleared_by, strict=True)) == [
        (2, 2, 1, -1, -1),
        (2, 0, 1, 2, 42),
        (1, 0, 1, 3, 43),
    ]
    ledger.check()


def test_an_adjustment_promotes_first(ledger: Ledger) -> None:
    lose(ledger, 0, 2)
    appear(ledger, 0, 3)
    assert ledger.repair(ERP, 0, -2, 1, 42, REPAIR) == ([101], 0)
    assert ambient(ledger, 0) == (0, 0, 0)
    left = [(101, SITE, 2), (101, OMS, 2), (102, SITE, -3), (102, ERP, -3), (102, OMS, -3)]
    assert unpaid(ledger, 0) == left
    assert ledger.promote(np.array([0]), 2) == []


def test_without_an_owner_only_what_can_be_paid_is_sent(ledger: Ledger) -> None:
    ledger.post_again(ERP, 0, 2, 5, 1)
    paid, left = ledger.repair(ERP, 0, -5, 2, 42, -1)
    assert (paid, left) == ([5], -3)
    assert ledger.in_flight[ERP, 0] == -5 - left + 4
    assert unpaid(ledger, 0) == []
    settle(ledger)
    assert ledger.belief[ERP, 0] == 10
