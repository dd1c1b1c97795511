"""Scores on a fixed grid, subject x day: how well they rank the days on which something was wrong.

A subject is a cell (location and item), a location or an item, as the scores name it. A day of a
subject is positive when an exception of exactly that scope was open on it. The grid is whole: a
detector may score a few candidates a day, and the subjects and days it did not score, positive ones
among them, come last and together. Leaving a broken cell out is no way to look better.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios import statistics
from scenarios.match import FOREVER, NULL
from scenarios.measures.card import Part, Result
from scenarios.measures.run import DAY, Run
from scenarios.statistics import Estimate

#: What a series of the grid is about; an absent word is empty.
SUBJECT_KEYS: Final = ("region", "location", "item")
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


def _whole_grid(
    run: Run, rows: pd.DataFrame, positive: npt.NDArray[np.bool_], exceptions: pd.DataFrame
) -> Estimate | None:
    """Average precision of one detector over every subject of the kind it scores, on every day."""
    mine, kinds = of_kinds(exceptions, rows)
    total = sum(run.subjects(*kind) for kind in kinds) * round(run.days)
    all_positive, subjects = _open_days(run, mine)
    # a score that is no number says nothing: the same as none
    score = np.nan_to_num(rows["score"].to_numpy(dtype=float), nan=np.finfo(float).min)
    unscored = max(0, total - len(rows)), max(0, all_positive - int(positive.sum()))
    return statistics.average_precision(positive, score, *unscored, clusters=subjects)


def _open_days(run: Run, exceptions: pd.DataFrame) -> tuple[int, int]:
    """How many (subject, day) on which one was open, and subjects, there are."""
    days = open_days(run, exceptions)
    return len(days), len(days[list(SUBJECT_KEYS)].drop_duplicates())


def open_days(run: Run, exceptions: pd.DataFrame) -> pd.DataFrame:
    """Distinct (region, location, item, number of the day) on which an exception was open."""
    begin, end = run.horizon
    first = (np.maximum(exceptions["opened_at"].to_numpy(), begin) - begin) // DAY
    closed = np.where(exceptions["closed_at"] == NULL, end - 1, np.minimum(exceptions["closed_at"], end - 1))
    length = np.maximum((closed - begin) // DAY - first + 1, 0).astype(np.int64)
    day = np.repeat(first, length) + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    rows = exceptions[list(SUBJECT_KEYS)].iloc[np.repeat(np.arange(len(exceptions)), length)]
    return rows.assign(day=day).drop_duplicates()


def of_kinds(exceptions: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[bool, bool]]]:
    """The exceptions of such subjects as the rows are about, and which kinds these are: by location, by item."""
    kinds = sorted(set(zip(rows["location"] != "", rows["item"] != "", strict=True)))
    mine = (exceptions["document_id"] == NULL) & (exceptions["interface"] == "")
    fits = np.zeros(len(exceptions), dtype=bool)
    for by_location, by_item in kinds:
        fits |= (((exceptions["location"] != "") == by_location) & ((exceptions["item"] != "") == by_item)).to_numpy()
    return exceptions[mine & fits], [(bool(by_location), bool(by_item)) for by_location, by_item in kinds]


def measure_grid(run: Run, arm: str, prefix: str) -> tuple[Result, list[Part]]:
    """Area under precision and recall: the mean over the detectors, and each of them."""
    scores = run.table("scores", arm)
    if scores.empty:
        return NO_SCORES, []
    positive = positives(scores, run.table("truth/exceptions", arm))
    parts = []
    exceptions = run.table("truth/exceptions", arm)
    for name, rows in scores.groupby("detector"):
        found = _whole_grid(run, rows, positive[rows.index.to_numpy()], exceptions)
        if found is not None:
            parts.append(Part(f"{prefix}.auc_pr", "detector", str(name), found))
    if not parts:
        return "no day of a scored subject had an exception", []
    values = [part.estimate.value for part in parts]
    return Estimate(float(np.mean(values)), None, None, len(scores)), parts
