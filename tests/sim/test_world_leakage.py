"""Nothing tells a row that a fault touched from one that it did not, but what the row says of the goods.

A model that sees only the bits of a row's ids, its place in the stream and the resolution of its stamps
must not do better than a coin, out of the documents that it has learned from.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scenarios.audit.clues import ERRORS, TOUCHED, area, judged, sample
from tests.sim.small_world import play, quiet_config

#: Tried each time; the others in the campaign. One of messages and one of goods.
QUICK = ("dropped_message", "receiving_variance")


def _rows(fault_type: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of one type that may be touched, and which ones are."""
    _, rate = TOUCHED[fault_type]
    tables = []
    for seed in range(6):
        config = quiet_config(stores=4, items=40, days=12, **{fault_type: rate})
        config.world.daily_units = 2.0
        config.replenishment.dc_review_days = 1
        tables.append(judged(play(config, seed), fault_type))
    table = sample(tables)
    return table, table.touched.to_numpy()


@pytest.mark.parametrize(
    "fault_type",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.campaign) for name in sorted(TOUCHED)],
)
def test_ids_order_and_stamps_tell_nothing(fault_type: str):
    rows, touched = _rows(fault_type)
    assert 0.03 < touched.mean() < 0.7
    assert min(touched.sum(), (~touched).sum()) > 30
    found, error = area(rows, touched)
    assert abs(found - 0.5) < ERRORS * error, f"area {found:.3f}, error {error:.3f}"


def test_a_leak_would_be_seen():
    """The same model finds an id that is odd where a fault acted."""
    rows, touched = _rows("dropped_message")
    rows = rows.assign(event_id=(rows.event_id & ~1) | touched.astype(np.int64))
    assert area(rows, touched)[0] > 0.95
