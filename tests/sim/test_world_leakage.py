"""Nothing tells a row that a fault touched from one that it did not, but what the row says of the goods.

A model that sees only the bits of a row's ids, its place in the stream and the resolution of its stamps
must not do better than a coin, on seeds that it has not learned from.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scenarios.audit.clues import NOT_TRIED, TOUCHED, area, errors, faults_of, table_of
from scenarios.audit.settings import settings_of
from scenarios.groups import content
from sim.faults.types import FAULTS

#: Tried each time; the others in the campaign. One of messages and one of goods.
QUICK = ("dropped_message", "receiving_variance")


@cache
def rows_of(fault_type: str) -> pd.DataFrame:
    """The rows that the audit judges."""
    return table_of(settings_of(content("suite", "audit")), fault_type)


def test_every_type_of_fault_is_tried_or_it_is_said_why_not():
    assert set(TOUCHED) | set(NOT_TRIED) == set(FAULTS)
    assert not set(TOUCHED) & set(NOT_TRIED)


def test_all_intervals_together_are_of_the_level_that_the_table_states():
    outside = 2 * stats.norm.sf(errors())
    assert (1 - outside) ** len(TOUCHED) == pytest.approx(0.95)


@pytest.mark.parametrize(
    "fault_type",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.campaign) for name in sorted(TOUCHED)],
)
def test_ids_order_and_stamps_tell_nothing(fault_type: str):
    rows = rows_of(fault_type)
    assert 0.03 < rows.touched.mean() < 0.7
    assert min(rows.touched.sum(), (~rows.touched).sum()) > 30
    assert faults_of(rows) >= 20
    found, error = area(rows)
    assert abs(found - 0.5) < errors() * error, f"area {found:.3f}, error {error:.3f}"


def test_a_leak_would_be_seen():
    """The same model finds an id that is odd where a fault acted."""
    rows = rows_of("dropped_message")
    assert area(rows.assign(event_id=(rows.event_id & ~1) | rows.touched.astype(np.int64)))[0] > 0.95


def test_what_lasts_for_a_time_of_one_seed_is_no_leak():
    """Rows of one stretch of each run are told by their order in the runs that were learned from, and in no other."""
    rows = rows_of("dropped_message")
    place = rows.groupby("seed").cumcount() / rows.groupby("seed").event_id.transform("size")
    begins = pd.Series(np.random.default_rng(3).random(rows.seed.nunique()) * 0.8)
    lit = (place >= rows.seed.map(begins)) & (place < rows.seed.map(begins) + 0.2)
    assert area(rows.assign(touched=lit, fault=rows.seed))[0] < 0.7
