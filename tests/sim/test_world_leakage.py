"""Nothing tells a row that a fault touched from one that it did not, but what the row says of the goods.

A model that sees only the bits of a row's ids, its place in the stream and the resolution of its stamps
must not do better than a coin, out of the documents that it has learned from.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from sim.clock import MINUTE, SECOND
from sim.draws import WORLD_IDS
from tests.sim.small_world import play, quiet_config

#: Fault type -> the rows it touches, and the rate that makes about every fifth of them one.
TOUCHED = {
    "dropped_message": ("retail_selling", 0.1),
    "duplicate_message": ("retail_selling", 0.1),
    "posting_lag": ("receiving", 0.2),
    "receiving_variance": ("receiving", 0.2),
    "late_asn": ("advising", 0.4),
}

#: Rows a model learns from and is judged by.
_ROWS = 3000


def _clues(rows: pd.DataFrame) -> np.ndarray:
    """Ids by bit and size, order and stamp resolution; shape (rows, clues)."""
    columns = [np.arange(len(rows)) / len(rows), np.arange(len(rows)) % 7]
    for name in ("event_id", "document_id"):
        value = rows[name].to_numpy()
        columns += [(value >> bit) & 1 for bit in range(51)]
        columns += [value / WORLD_IDS, value % 3, value % 7, value % 11]
    for name in ("occurred_at", "available_at"):
        stamp = rows[name].to_numpy()
        columns += [stamp % 10, stamp % 1000 == 0, stamp % SECOND == 0, stamp % MINUTE == 0, stamp % 7]
    return np.column_stack(columns).astype(np.float64)


def _rows(fault_type: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of one type that may be touched, and which ones are."""
    event_type, rate = TOUCHED[fault_type]
    tables = []
    for seed in range(6):
        config = quiet_config(stores=4, items=40, days=12, **{fault_type: rate})
        config.world.daily_units = 2.0
        config.replenishment.dc_review_days = 1
        played = play(config, seed)
        rows = played.of(event_type)
        if fault_type == "receiving_variance":
            rows = rows[rows.location == 0]
        touched = {event for event, _ in played.lineage()}
        tables.append(rows.assign(touched=rows.event_id.isin(touched)))
    table = pd.concat(tables, ignore_index=True)
    if len(table) > _ROWS:
        documents = np.random.default_rng(0).permutation(table.document_id.unique())
        table = table[table.document_id.isin(documents[: len(documents) * _ROWS // len(table)])]
    return table, table.touched.to_numpy()


@pytest.mark.parametrize("fault_type", sorted(TOUCHED))
def test_ids_order_and_stamps_tell_nothing(fault_type: str):
    rows, touched = _rows(fault_type)
    assert 0.03 < touched.mean() < 0.7
    assert min(touched.sum(), (~touched).sum()) > 30
    model = ExtraTreesClassifier(60, max_depth=8, random_state=0)
    # A document's rows share its fate, so they stay on one side of every split.
    score = cross_val_predict(model, _clues(rows), touched, groups=rows.document_id, cv=GroupKFold(5),
                              method="predict_proba")[:, 1]
    area = roc_auc_score(touched, score)
    # Hanley and McNeil's error at 0.5, with documents for rows since they are what is independent.
    lit = rows.groupby("document_id").touched.max()
    error = ((1 / lit.sum() + 1 / (~lit).sum()) / 12) ** 0.5
    assert abs(area - 0.5) < 3.0 * error, f"area {area:.3f}, error {error:.3f}"


def test_a_leak_would_be_seen():
    """The same model finds an id that is odd where a fault acted."""
    rows, touched = _rows("dropped_message")
    rows = rows.assign(event_id=(rows.event_id & ~1) | touched.astype(np.int64))
    model = ExtraTreesClassifier(60, max_depth=8, random_state=0)
    score = cross_val_predict(model, _clues(rows), touched, groups=rows.document_id, cv=GroupKFold(5),
                              method="predict_proba")[:, 1]
    assert roc_auc_score(touched, score) > 0.95
