"""The range measures of an operator, on the grid subject x day: for an appendix, never for a headline.

A subject is a cell, a location or an item, and of the kinds that the operator speaks of. *Said* are the days on which
it raised an alert on the subject: the threshold is its own, and was not chosen here. The *score* of a day is that of
the table of scores where a detector gives one, else the largest of its alerts; what has none comes last. The formulas
stand in :mod:`~scenarios.measures.ranges`. Intervals are jackknifed over subjects, whose days are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from scenarios import statistics
from scenarios.match import NULL
from scenarios.measures.card import Result
from scenarios.measures.grid import SUBJECT_KEYS, of_kinds, open_days
from scenarios.measures.ranges import F64, Flags, affiliation, overlap_rewards, summed, volume
from scenarios.measures.run import DAY, Run

#: Names under ``detection``, in the order in which they are shown.
RANGE_MEASURES: Final = (
    "range_precision", "range_recall", "vus_pr", "affiliation_precision", "affiliation_recall",
)  # fmt: skip
#: Largest buffer of VUS-PR, days: the period of trade is the week.
BUFFER_MAX: Final = 7
NOTHING_SAID: Final = "no alert is about a cell, a location or an item"
NOTHING_WRONG: Final = "no day of such a subject had an exception"
FAR: Final = "nothing was said of a subject that had an exception"


@dataclass(frozen=True)
class Grid:
    """Series of days, (subjects, days); subjects on which nothing was wrong, said or scored are left out.

    Attributes:
        true: whether an exception of exactly that scope was open.
        said: whether an alert was raised.
        score: minus infinity for none.
        beyond: days of the subjects that are left out.
    """

    true: Flags
    said: Flags
    score: F64
    beyond: int


def measure_ranges(run: Run, arm: str) -> dict[str, Result]:
    """The measures :data:`RANGE_MEASURES` of one arm's operator."""
    alerts = run.of_operator("alerts", arm)
    alerts = alerts[(alerts["document_id"] == NULL) & (alerts["interface"] == "")]
    alerts = alerts[(alerts["location"] != "") | (alerts["item"] != "")]
    said = _by_day(run, alerts.rename(columns={"raised_at": "time"}))
    scores = run.table("scores", arm)
    scored = _by_day(run, scores.rename(columns={"day": "time"})) if len(scores) else said
    results: dict[str, Result] = dict.fromkeys(RANGE_MEASURES, NOTHING_SAID)
    if len(said):
        results |= _claims(_grid(run, arm, said))
    if len(scored):
        results["vus_pr"] = _volume(_grid(run, arm, scored))
    return results


def _by_day(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """(region, location, item, number of the day, score): the largest of each day inside the run."""
    begin, _ = run.horizon
    numbered = rows.assign(day=(rows["time"] - begin) // DAY)
    numbered["score"] = np.nan_to_num(rows["score"].to_numpy(dtype=float), nan=np.finfo(float).min)
    inside = numbered[(numbered["day"] >= 0) & (numbered["day"] < round(run.days))]
    largest: pd.DataFrame = inside.groupby([*SUBJECT_KEYS, "day"], as_index=False)[["score"]].max()
    return largest


def _grid(run: Run, arm: str, told: pd.DataFrame) -> Grid:
    """The subjects of the kinds that were told of, by day."""
    exceptions, kinds = of_kinds(run.table("truth/exceptions", arm), told)
    wrong = open_days(run, exceptions)
    subject = pd.concat([wrong, told]).groupby(list(SUBJECT_KEYS), sort=True).ngroup().to_numpy()
    shape = int(subject.max()) + 1, round(run.days)
    true, said, score = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool), np.full(shape, -np.inf)
    true[subject[: len(wrong)], wrong["day"].to_numpy(np.int64)] = True
    at = subject[len(wrong) :], told["day"].to_numpy(np.int64)
    said[at], score[at] = True, told["score"].to_numpy(dtype=float)
    total = sum(run.subjects(*kind) for kind in kinds)
    return Grid(true, said, score, max(0, total - shape[0]) * shape[1])


def _claims(grid: Grid) -> dict[str, Result]:
    """Range precision and recall, and affiliation."""
    if not grid.true.any():
        return {**dict.fromkeys(RANGE_MEASURES, NOTHING_WRONG), "range_precision": _mean(grid.said, grid.true)}
    near, reached, subject = affiliation(grid.true, grid.said)
    heard, subjects = ~np.isnan(near), len(grid.true)
    each = np.ones(len(subject))
    return {
        "range_precision": _mean(grid.said, grid.true),
        "range_recall": _mean(grid.true, grid.said),
        "affiliation_precision": _over_subjects(
            summed(subject[heard], near[heard], subjects), summed(subject[heard], each[heard], subjects)
        ),
        "affiliation_recall": _over_subjects(summed(subject, reached, subjects), summed(subject, each, subjects)),
    }


def _mean(mine: Flags, other: Flags) -> Result:
    return _over_subjects(*overlap_rewards(mine, other))


def _over_subjects(total: F64, count: F64) -> Result:
    """Total over count, jackknifed over the subjects that have any; they are its n."""
    held = count > 0
    return statistics.ratio_of_sums(total[held], count[held], 0.0, 1.0) or FAR


def _volume(grid: Grid) -> Result:
    if not grid.true.any():
        return NOTHING_WRONG
    value = volume(grid.true, grid.score, buffer_max=BUFFER_MAX, beyond=grid.beyond)
    return statistics.area(value, int(grid.true.any(axis=1).sum()), grid.true.size + grid.beyond)
