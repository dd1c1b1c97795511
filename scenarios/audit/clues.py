"""Leakage in what means nothing: ids, the place of a row, the resolution of its stamps.

Rows that a fault touched and rows of the same type that none did are told apart, if they can be, by a model that
sees only the bits of their ids, their order, their stamps' last digits and how many rows came with them. Its area under
the ROC, out of the documents that it learned from, must hold one half. (A region's stream is one file, so the
size of a file is the same for all its rows; how many rows came with it stands in for it.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from scenarios.audit.line import AuditLine, line
from scenarios.audit.played import Played, play
from scenarios.audit.settings import Settings
from scenarios.compose import compose
from scenarios.statistics import Estimate
from sim.clock import MINUTE, SECOND
from sim.draws import WORLD_IDS

FloatArray = npt.NDArray[np.float64]
#: Fault type -> the rows it touches, and the rate that makes about every fifth of them one.
TOUCHED: Final = {
    "dropped_message": ("retail_selling", 0.1),
    "duplicate_message": ("retail_selling", 0.1),
    "posting_lag": ("receiving", 0.2),
    "receiving_variance": ("receiving", 0.2),
    "late_asn": ("advising", 0.4),
}
#: Rows a model learns from and is judged by, and the least of either kind.
_ROWS, _LEAST = 3000, 30
#: Standard errors within which an area holds one half: five areas, each with 1 chance in 370 of a false alarm.
ERRORS: Final = 3.0


def clues(rows: pd.DataFrame) -> FloatArray:
    """Ids by bit and size, order, company and stamp resolution; shape (rows, clues)."""
    columns = [np.arange(len(rows)) / len(rows), np.arange(len(rows)) % 7]
    columns.append(rows.groupby("available_at")["event_id"].transform("size").to_numpy())
    for name in ("event_id", "document_id"):
        number = rows[name].to_numpy()
        columns += [(number >> bit) & 1 for bit in range(51)]
        columns += [number / WORLD_IDS, number % 3, number % 7, number % 11]
    for name in ("occurred_at", "available_at"):
        stamp = rows[name].to_numpy()
        columns += [stamp % 10, stamp % 1000 == 0, stamp % SECOND == 0, stamp % MINUTE == 0, stamp % 7]
    return np.column_stack(columns).astype(np.float64)


def area(rows: pd.DataFrame, touched: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The cross-validated area under the ROC, and its standard error at one half.

    A document's rows share its fate, so they stay on one side of every split, and the error is Hanley and
    McNeil's with documents in place of rows, since they are what is independent.
    """
    model = ExtraTreesClassifier(60, max_depth=8, random_state=0)
    score = cross_val_predict(model, clues(rows), touched, groups=rows.document_id, cv=GroupKFold(5),
                              method="predict_proba")[:, 1]
    lit = pd.Series(touched).groupby(rows.document_id.to_numpy()).max()
    error = ((1 / lit.sum() + 1 / (~lit).sum()) / 12) ** 0.5
    return float(roc_auc_score(touched, score)), float(error)


def sample(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several seeds as one table; of many, those of so many documents as make :data:`_ROWS`."""
    table = pd.concat(tables, ignore_index=True)
    if len(table) <= _ROWS:
        return table
    documents = np.random.default_rng(0).permutation(table.document_id.unique())
    return table[table.document_id.isin(documents[: len(documents) * _ROWS // len(table)])]


def judged(played: Played, fault_type: str) -> pd.DataFrame:
    """The rows of a run that a type of fault may touch, and which of them it did (column ``touched``)."""
    rows = played.of(TOUCHED[fault_type][0])
    if fault_type == "receiving_variance":
        rows = rows[rows.location == 0]
    return rows.assign(touched=rows.event_id.isin({event for event, _ in played.lineage()}))


def clue_line(settings: Settings, fault_type: str) -> AuditLine:
    """The row of the audit for one type of fault, alone in a world in which nothing else goes wrong."""
    event_type, rate = TOUCHED[fault_type]
    config = compose([*settings.clue_world, f"faults.{fault_type}.rate={rate:g}"])
    table = sample([judged(play(config, seed), fault_type) for seed in settings.clue_seeds])
    lit = table.touched.to_numpy()
    row, limit = f"leakage: area under the ROC from ids, order and stamps, {fault_type}", "interval holds 0.5"
    if min(lit.sum(), (~lit).sum()) < _LEAST:
        note = f"{lit.sum()} of {len(lit)} rows touched; the model needs {_LEAST} of either kind"
        return line(row, None, limit, inside=False, note=note)
    found, error = area(table, lit)
    estimate = Estimate(found, found - ERRORS * error, found + ERRORS * error, len(lit))
    return line(row, estimate, limit, inside=abs(found - 0.5) <= ERRORS * error,
                note=f"{len(lit):,} rows of {event_type}, {lit.mean():.0%} touched; {ERRORS:g} standard errors")
