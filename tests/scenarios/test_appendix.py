"""The range measures of an operator: by hand on a small run, and what must not change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios.measures.appendix import NOTHING_SAID, NOTHING_WRONG, RANGE_MEASURES
from scenarios.measures.ranges import affiliation, overlap_rewards, volume
from tests.scenarios.test_measures import DAYS, exception, rows, write

CELL = {"location": "S0001", "item": "I00001"}


def alert(number: int, day: float, **more: Any) -> dict[str, Any]:
    return {"alert_id": number, "raised_at": 24 * day, "detector": "d", "type": "phantom_stock", "score": 1.0,
            **CELL, **more}  # fmt: skip


def told(folder: Path, exceptions: list[dict[str, Any]], alerts: list[dict[str, Any]]) -> dict[str, Any]:
    content = {name: [rows(name, *found)] for name, found in
               (("truth/exceptions", exceptions), ("alerts", alerts)) if found}  # fmt: skip
    card = write(folder, ("clean", "unmanaged"), content, world={"stores": 2, "items": 10, "regions": 1, "days": DAYS})
    return {name: card.measures[f"detection.{name}"] for name in RANGE_MEASURES}


def test_by_hand(tmp_path: Path) -> None:
    """Wrong on days 4 to 7 of one cell; said on days 6, 7 and 8 of it, and on day 2 of a cell that is well."""
    broken = exception(0, "phantom_stock", 4 * 24 + 1, 4 * 24 + 2, closed_at=7 * 24 + 5, **CELL)
    alerts = [alert(number, day + 0.3) for number, day in enumerate((6, 7, 8))]
    alerts.append(alert(9, 2, item="I00002", score=0.5))
    found = told(tmp_path / "run", [broken], alerts)
    assert found["range_precision"].value == pytest.approx((2 / 3 + 0) / 2)
    assert found["range_recall"].value == pytest.approx(2 / 4)
    # of the zone of 28 days, days at least as far from the range as those of the day after it
    assert found["affiliation_precision"].value == pytest.approx((1 + 1 + 1 - (4 + 2 * 0.5) / 28) / 3)
    # two days are hit; from the two before them as much is missed as the mean of 1 - 2 x distance / 28
    assert found["affiliation_recall"].value == pytest.approx((1 + 1 + (1 - 1 / 28) + (1 - 3 / 28)) / 4)
    assert 0 < found["vus_pr"].value < 1
    assert (found["range_precision"].n, found["range_recall"].n) == (2, 1)


def test_what_has_no_value_says_why(tmp_path: Path) -> None:
    found = told(tmp_path / "silent", [exception(0, "phantom_stock", 50, 51, **CELL)], [])
    assert {measure.reason for measure in found.values()} == {NOTHING_SAID}
    found = told(tmp_path / "well", [], [alert(0, 3)])
    assert found["range_precision"].value == 0.0
    assert {found[name].reason for name in RANGE_MEASURES[1:]} == {NOTHING_WRONG}
    document = {"document_id": 5, "location": None, "item": None}
    found = told(tmp_path / "documents", [], [alert(0, 3, **document)])
    assert {measure.reason for measure in found.values()} == {NOTHING_SAID}


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    true = np.repeat(draw.random((9, 7)) < 0.2, 4, axis=1)
    score = np.where(draw.random(true.shape) < 0.3, draw.integers(0, 9, true.shape), -np.inf)
    return true, np.isfinite(score), score


def all_of(true: np.ndarray, said: np.ndarray, score: np.ndarray, beyond: int = 0) -> np.ndarray:
    near, reached, _ = affiliation(true, said)
    sums = [part.sum() for pair in (overlap_rewards(said, true), overlap_rewards(true, said)) for part in pair]
    return np.array([*sums, np.nansum(near), reached.sum(), volume(true, score, buffer_max=7, beyond=beyond)])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_subjects_and_those_that_are_well_and_unsaid_change_nothing(seed: int) -> None:
    true, said, score = drawn(seed)
    found = all_of(true, said, score)
    order = np.random.default_rng(seed).permutation(len(true))
    assert all_of(true[order], said[order], score[order]) == pytest.approx(found)
    well = np.zeros((3, true.shape[1]), dtype=bool)
    padded = [np.concatenate([part, well]) for part in (true, said)]
    dense = all_of(*padded, np.concatenate([score, np.where(well, 0.0, -np.inf)]))
    assert dense == pytest.approx(all_of(true, said, score, beyond=well.size))


@pytest.mark.parametrize("seed", range(5))
def test_time_told_backwards_and_days_of_nothing_change_no_range_and_affiliation(seed: int) -> None:
    true, said, score = drawn(seed)
    found = all_of(true, said, score)[:-1]
    assert all_of(true[:, ::-1], said[:, ::-1], score[:, ::-1])[:-1] == pytest.approx(found)
    # between two days of nothing zones grow, ranges do not
    quiet = [np.pad(part, ((0, 0), (2, 2))) for part in (true, said)]
    assert all_of(*quiet, np.pad(score, ((0, 0), (2, 2)), constant_values=-np.inf))[:4] == pytest.approx(found[:4])


def test_an_alert_said_again_the_same_day_and_another_date_change_nothing(tmp_path: Path) -> None:
    broken = exception(0, "phantom_stock", 100, 101, closed_at=150, **CELL)
    once = told(tmp_path / "once", [broken], [alert(0, 4.2), alert(1, 9)])
    again = told(tmp_path / "again", [broken], [alert(0, 4.2), alert(1, 9), alert(2, 4.4), alert(3, 9.5, score=0.1)])
    assert again == once
    later = told(tmp_path / "later", [{**broken, "opened_at": 124, "first_evidence_at": 125, "closed_at": 174}],
                 [alert(0, 5.2), alert(1, 10)])  # fmt: skip
    for name in ("range_precision", "range_recall", "vus_pr"):
        assert later[name].value == pytest.approx(once[name].value), name
