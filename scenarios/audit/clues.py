"""Leakage in what means nothing: ids, the place of a row, the resolution of its stamps.

Rows that a fault touched and rows of the same kind that none did are told apart, if they can be, by a model that
sees only the bits of their ids, their order, their stamps' last digits and how many rows came with them. Its area under
the ROC, on seeds that it did not learn from, must hold one half. (A region's stream is one file, so the size of a
file is the same for all its rows; how many rows came with it stands in for it.)

Every type of fault is tried that leaves rows of both kinds; :data:`NOT_TRIED` says why the others are not. The areas of
all of them are judged together: their intervals hold their true values, all at once, with a probability of 95%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from scenarios.audit.line import AuditLine, line
from scenarios.audit.played import Played, play
from scenarios.audit.settings import Settings
from scenarios.compose import compose
from scenarios.statistics import LEVEL, Estimate
from sim.clock import MINUTE, SECOND
from sim.draws import WORLD_IDS

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """Rows in which a type of fault could leave a clue.

    Attributes:
        event_type: of the rows.
        rate: of the fault, so that there are many of either kind.
        words: further ones of the world, without which there would be few.
    """

    event_type: str
    rate: float
    words: tuple[str, ...] = ()


#: Fault type -> the rows it touches, one kind of them.
TOUCHED: Final[dict[str, Trace]] = {
    "dropped_message": Trace("retail_selling", 0.1),
    "duplicate_message": Trace("retail_selling", 0.1),
    "posting_lag": Trace("receiving", 0.2),
    "receiving_variance": Trace("receiving", 0.2),
    "late_asn": Trace("advising", 0.4),
    "transfer_delay": Trace("receiving", 1.0),
    "missing_disposition": Trace("returning", 0.4),
    "reservation_leak": Trace("cancelling", 0.2, ("online.cancel_rate=0.4",)),
    "out_of_order": Trace("confirming", 1.0),
    "unit_of_measure": Trace("receiving", 1.0),
    "price_mismatch": Trace("retail_selling", 0.3),
    "short_pick": Trace("picking", 0.2),
    "count_variance": Trace("cycle_counting", 0.3, ("counting.per_year=[60,60,60]",)),
}
#: Fault types that are not tried, and why.
NOT_TRIED: Final[dict[str, str]] = {
    "shrink": "touches no row", "scan_error": "touches no row", "batch_failure": "touches no row",
    "misplacement": "all rows of the kind are its own", "api_outage": "all rows of the kind are its own",
    "carton_mismatch": "all rows of the kind are its own",
    "clock_skew": "too few, each a shop's whole stream", "schema_drift": "too few, each a feed's whole stream",
    "rtv_gap": "too few documents", "duplicate_item": "too few in a catalogue of this size",
}
#: Rows a model learns from and is judged by, and the least of either kind and of faults behind them.
_ROWS, _LEAST, _LEAST_FAULTS = 3000, 30, 20
#: Columns that say of what kind a row is; a touched row is held against its kind alone.
_KIND: Final = ("source", "interface", "document_type")


def errors() -> float:
    """Standard errors to either side of an area, so that all intervals together are of the level of the statistics."""
    return float(special.ndtri((1 + LEVEL ** (1 / len(TOUCHED))) / 2))


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


def area(rows: pd.DataFrame) -> tuple[float, float]:
    """The area under the ROC on seeds that were left out, and its standard error at one half.

    A fault's rows share its fate and a document's rows theirs, so the error is Hanley and McNeil's with faults and
    untouched documents in place of rows, since they are what is independent. What happens at a time of one seed's own
    (a drift, a price) could be told by the order of its rows; in another seed that tells nothing.
    """
    touched = rows["touched"].to_numpy()
    model = ExtraTreesClassifier(60, max_depth=8, random_state=0)
    folds = GroupKFold(rows["seed"].nunique())
    score = cross_val_predict(model, clues(rows), touched, groups=rows["seed"], cv=folds, method="predict_proba")[:, 1]
    others = len(rows.loc[~touched, ["seed", "document_id"]].drop_duplicates())
    error = ((1 / faults_of(rows) + 1 / others) / 12) ** 0.5
    return float(roc_auc_score(touched, score)), float(error)


def faults_of(rows: pd.DataFrame) -> int:
    """How many faults are behind the touched rows."""
    return len(rows.loc[rows["touched"], ["seed", "fault"]].drop_duplicates())


def sample(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several seeds as one table; of many, those of so many documents as make :data:`_ROWS`."""
    table = pd.concat([one.assign(seed=number) for number, one in enumerate(tables)], ignore_index=True)
    if len(table) <= _ROWS:
        return table
    documents = np.random.default_rng(0).permutation(table.document_id.unique())
    return table[table.document_id.isin(documents[: len(documents) * _ROWS // len(table)])].reset_index(drop=True)


def judged(played: Played, fault_type: str) -> pd.DataFrame:
    """The rows of a run that a type of fault may touch, whether it did (``touched``) and which one (``fault``)."""
    rows = played.of(TOUCHED[fault_type].event_type)
    faults = dict(sorted(played.lineage()))
    rows = rows.assign(fault=rows.event_id.map(faults).fillna(-1).astype(np.int64))
    rows = rows.assign(touched=rows["fault"] >= 0)
    # Rows of the DC and of shops, of goods from suppliers and of transfers, differ for reasons of their own.
    kind = pd.Series(list(zip(rows.location == 0, *(rows[name] for name in _KIND), strict=True)), index=rows.index)
    return rows[kind.isin(set(kind[rows["touched"]]))]


def table_of(settings: Settings, fault_type: str) -> pd.DataFrame:
    """The rows of all seeds of one type of fault, alone in a world in which nothing else goes wrong."""
    trace = TOUCHED[fault_type]
    config = compose([*settings.clue_world, *trace.words, f"faults.{fault_type}.rate={trace.rate:g}"])
    return sample([judged(play(config, seed), fault_type) for seed in settings.clue_seeds])


def clue_line(settings: Settings, fault_type: str) -> AuditLine:
    """The row of the audit for one type of fault."""
    table = table_of(settings, fault_type)
    lit = table["touched"].to_numpy()
    row = f"leakage: area under the ROC from ids, order and stamps, {fault_type}"
    limit = f"{LEVEL:.0%} interval, all {len(TOUCHED)} types at once, holds 0.5"
    if min(lit.sum(), (~lit).sum()) < _LEAST or faults_of(table) < _LEAST_FAULTS:
        note = (f"{lit.sum()} of {len(lit)} rows touched by {faults_of(table)} faults; the model needs {_LEAST} of "
                f"either kind and {_LEAST_FAULTS} faults")
        return line(row, None, limit, inside=False, note=note)
    found, error = area(table)
    half = errors() * error
    estimate = Estimate(found, max(0.0, found - half), min(1.0, found + half), len(lit))
    return line(row, estimate, limit, inside=abs(found - 0.5) <= half,
                note=f"{len(lit):,} rows of {TOUCHED[fault_type].event_type}, {lit.mean():.0%} touched by "
                     f"{faults_of(table):,} faults; not tried: {_untried()}")


def _untried() -> str:
    reasons: dict[str, list[str]] = {}
    for name, reason in NOT_TRIED.items():
        reasons.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
