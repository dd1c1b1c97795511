"""Counts, case by case: what a cut-off saw, what happened before the approval, and who owns the rest."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from sim.ledger import ON_HAND_BELIEFS, Cause, Kind, LedgerError
from tests.sim.ledger_words import (
    COUNT,
    ERP,
    REPAIR,
    SITE,
    SPARE,
    Books,
    ambient,
    appear,
    approve,
    count,
    four_cells,
    lose,
    sell,
    settle,
    unpaid,
)


@pytest.fixture
def ledger() -> Books:
    return four_cells()


# -- counts ------------------------------------------------------------------------------------------


def test_a_count_in_the_middle_of_flights_sees_what_is_settled(ledger: Books) -> None:
    sell(ledger, 0, 0, 0)
    lose(ledger, 0, 1)
    sheet = count(ledger, 0)
    assert (sheet.counted[0], sheet.book[0], sheet.delta[0]) == (6, 10, -1)
    approve(ledger, sheet)
    assert ambient(ledger, 0) == (0, 0, 0)
    settle(ledger)
    assert [ledger.belief[b, 0] for b in ON_HAND_BELIEFS] == [6, 6, 6]


def test_a_count_that_misses_the_cut_off_owns_the_difference(ledger: Books) -> None:
    sell(ledger, 0, 0)
    lose(ledger, 0, 1)
    approve(ledger, count(ledger, 0, missed=True))
    assert ambient(ledger, 0) == (0, 0, -2)
    settle(ledger)
    assert ledger.belief[ERP, 0] == ledger.fact[Kind.ON_HAND, 0] - 2


def test_a_mistaken_count_owns_its_mistake_and_never_counts_below_zero(ledger: Books) -> None:
    lose(ledger, 0, 9)
    sheet = count(ledger, 0, mistake=-4)
    assert (sheet.counted[0], sheet.delta[0]) == (0, -10)
    approve(ledger, sheet)
    assert ambient(ledger, 0) == (0, 0, -1)


def test_what_comes_after_the_cut_off_stays(ledger: Books) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    lose(ledger, 0, 3)
    sell(ledger, 0)
    ledger.drop(ERP, 0, -1, 5, 3)
    approve(ledger, sheet)
    assert ambient(ledger, 0) == (3, 0, 0)
    assert unpaid(ledger, 0) == [(5, ERP, 1)]


def test_a_count_names_a_cell_once(ledger: Books) -> None:
    with pytest.raises(LedgerError, match="twice"):
        count(ledger, 1, 2, 1)


def test_a_refused_row_changes_nothing(ledger: Books) -> None:
    for cell in range(3):
        lose(ledger, cell, 2)
    ledger.post_again(SITE, 1, 3, 5, 1)
    sheet = count(ledger, 2, 1, 0).take(np.array([True, False, True]))
    assert sheet.cells.tolist() == [2, 0]
    assert not sheet.named
    approve(ledger, sheet)
    assert [ambient(ledger, c)[0] for c in range(3)] == [0, 2, 0]
    assert unpaid(ledger, 1) == [(5, SITE, 3)]


def test_entries_that_cancel_are_both_cleared(ledger: Books) -> None:
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


def test_a_replay_after_a_count_names_itself(ledger: Books) -> None:
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


def test_a_count_leaves_what_only_downstream_got_wrong(ledger: Books) -> None:
    ledger.post_again(ERP, 0, 3, 5, 1)
    lose(ledger, 0, 1)
    approve(ledger, count(ledger, 0))
    assert unpaid(ledger, 0) == [(5, ERP, 3)]
    settle(ledger)
    assert ledger.belief[:3, 0].tolist() == [9, 12, 9]


def test_downstream_entries_after_the_cut_off_stay_though_their_fault_was_cleared(ledger: Books) -> None:
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 2, 5, 1)
    sheet = count(ledger, 0)
    ledger.post_again(ERP, 0, 4, 5, 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(5, ERP, 4)]


def test_downstream_paid_less_than_the_site_is_the_counts(ledger: Books) -> None:
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 2, 5, 1)
    sheet = count(ledger, 0)
    ledger.repair(ERP, 0, -2, 2, 42, REPAIR, 5)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(SPARE, ERP, -2)]
    assert ambient(ledger, 0) == (0, 0, 0)


# -- counts and promotions ---------------------------------------------------------------------------


def test_a_count_pays_what_was_promoted_since_its_cut_off(ledger: Books) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    ledger.promote(np.array([0]), 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    assert ambient(ledger, 0) == (0, 0, 0)


def test_promoted_causes_that_partly_cancel_are_both_paid(ledger: Books) -> None:
    lose(ledger, 0, 2)
    appear(ledger, 0, 3)
    sheet = count(ledger, 0)
    assert sheet.delta[0] == 1
    ledger.promote(np.array([0]), 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    assert ambient(ledger, 0) == (0, 0, 0)


def test_only_the_causes_that_were_promoted_are_paid_there(ledger: Books) -> None:
    lose(ledger, 0, 2)
    appear(ledger, 0, 1)
    sheet = count(ledger, 0)
    lose(ledger, 0, 1, Cause.SCAN_ERROR)
    assert ledger.promote(np.array([0]), 2) == [101]
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    # The mis-scan of the snapshot is paid where it still is, and the later one stays.
    assert ambient(ledger, 0) == (0, 1, 0)


def test_an_entry_after_the_cut_off_is_not_taken_for_a_promotion(ledger: Books) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    for b in ON_HAND_BELIEFS:
        ledger.post_again(b, 0, 1, 5, 1)
    ledger.promote(np.array([0]), 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(5, b, 1) for b in ON_HAND_BELIEFS]


def test_promoted_and_paid_meanwhile_becomes_the_counts_own(ledger: Books) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    ledger.promote(np.array([0]), 2)
    for b in ON_HAND_BELIEFS:
        ledger.repair(b, 0, -2, 3, 42, REPAIR)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == []
    assert ambient(ledger, 0) == (0, 0, -2)
    assert set(ledger.entries.cleared_by) == {42}


def test_a_promotion_that_turned_is_not_paid_by_what_the_count_saw(ledger: Books) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    appear(ledger, 0, 5, Cause.SHRINK)
    ledger.promote(np.array([0]), 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(101, b, -3) for b in ON_HAND_BELIEFS]
    assert ambient(ledger, 0) == (0, 0, -2)


def test_a_promotion_that_grew_is_paid_by_what_the_count_saw(ledger: Books) -> None:
    lose(ledger, 0, 2)
    sheet = count(ledger, 0)
    lose(ledger, 0, 3)
    ledger.promote(np.array([0]), 2)
    approve(ledger, sheet)
    assert unpaid(ledger, 0) == [(101, b, 3) for b in ON_HAND_BELIEFS]
    assert ambient(ledger, 0) == (0, 0, 0)


# -- two counts of one cell --------------------------------------------------------------------------


@pytest.mark.parametrize("promoted", [False, True])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_counts_that_overlap_pay_an_error_once_and_own_its_doubling(
    ledger: Books, order: tuple[int, ...], promoted: bool
) -> None:
    sheets = []
    for units in (2, 1, 1):
        lose(ledger, 0, units)
        sheets.append(count(ledger, 0))
    assert [int(sheet.delta[0]) for sheet in sheets] == [-2, -3, -4]
    lose(ledger, 0, 4)
    if promoted:
        ledger.promote(np.array([0]), 3)
    for which in order:
        approve(ledger, sheets[which])
    # Four units were rightly taken off, five more were taken off again, and the last loss nobody saw.
    assert ambient(ledger, 0) == (0 if promoted else 4, 0, -5)
    assert unpaid(ledger, 0) == ([(101, b, 4) for b in ON_HAND_BELIEFS] if promoted else [])


def test_a_count_after_an_approved_count_sees_its_mistake(ledger: Books) -> None:
    approve(ledger, count(ledger, 0, mistake=2))
    assert ambient(ledger, 0) == (0, 0, 2)
    approve(ledger, count(ledger, 0))
    assert ambient(ledger, 0) == (0, 0, 0)
