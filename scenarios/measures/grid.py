"""Scores on a fixed grid, subject x day: how well they rank the days on which something was wrong.

A subject is a cell (location and item), a location or an item, as the scores name it. A day of a
subject is positive when an exception of exactly that scope was open on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios import statistics
from scenarios.match import FOREVER, NULL
from scenarios.measures.card import Part, Result
from scenarios.measures.run import DAY, Run
from scenarios.statistics import Estimate

NO_SCORES = "the detectors give no scores on the grid subject x day"


def positives(scores: pd.DataFrame, exceptions: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows of the grid lie on a day on which an exception of their subject was open."""
    keys = ["region", "location", "item"]
    cells = exceptions[(exceptions["document_id"] == NULL) & (exceptions["interface"] == "")]
    rows = scores.assign(row=np.arange(len(scores))).merge(cells[[*keys, "opened_at", "closed_at"]], on=keys)
    closed = np.where(rows["closed_at"] == NULL, FOREVER, rows["closed_at"])
    on = (rows["opened_at"].to_numpy() < rows["day"].to_numpy() + DAY) & (closed >= rows["day"].to_numpy())
    positive = np.zeros(len(scores), dtype=bool)
    positive[rows["row"].to_numpy()[on]] = True
    return positive


def measure_grid(run: Run, arm: str, prefix: str) -> tuple[Result, list[Part]]:
    """Area under precision and recall: the mean over the detectors, and each of them."""
    scores = run.table("scores", arm)
    if scores.empty:
        return NO_SCORES, []
    positive = positives(scores, run.table("truth/exceptions", arm))
    parts = []
    for name, rows in scores.groupby("detector"):
        found = statistics.average_precision(
            positive[rows.index.to_numpy()], np.nan_to_num(rows["score"].to_numpy(dtype=float))
        )
        if found is not None:
            parts.append(Part(f"{prefix}.auc_pr", "detector", str(name), found))
    if not parts:
        return "no day of a scored subject had an exception", []
    values = [part.estimate.value for part in parts]
    return Estimate(float(np.mean(values)), None, None, len(scores)), parts
