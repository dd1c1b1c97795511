"""A supervised model of silent cells: gradient-boosted trees, fitted on development seeds whose truth was known.

What it learned from is a table of a few thousand cells as :mod:`detection.detectors.daily` describes them, each with
whether its goods were missing on that morning; ``stocktwin fit model=boosted`` makes such tables, and one comes with
the package. The trees (scikit-learn; Friedman 2001) are fitted when they are first asked, in a second or two, and once
a process. A cell is reported when it is likelier than ``boosted_probability`` that its goods are not there.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detection.detectors.base import DetectorContext
from detection.detectors.daily import FIGURES, DailyCells, FloatArray

#: Columns of a table besides :data:`~detection.detectors.daily.FIGURES`: 1 where the goods were missing, and how many
#: cells a row stands for, since most of the healthy ones are left out.
LABEL, WEIGHT = "is_phantom", "weight"
_PACKAGED = ("training", "boosted-1.csv")
#: Least rows of each label that anything can be learned from.
ROWS_MIN = 20


class TableError(ValueError):
    """A table that no trees can be fitted on; the message says why."""


class Boosted(DailyCells):
    """Reports cells whose goods are probably missing."""

    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        self._least = context.spec.parameter("boosted_probability", 0.5)
        self._file = context.spec.outside.file

    def judge(self, features: FloatArray) -> tuple[FloatArray, float]:
        """See :class:`~detection.detectors.daily.DailyCells`; scores are probabilities."""
        if not len(features):
            return np.empty(0), self._least
        probability: FloatArray = _trees(self._file).predict_proba(features)[:, 1]
        return probability, self._least


def read_table(path: str) -> pd.DataFrame:
    """A table to learn from.

    Args:
        path: CSV with a header; empty for the one of the package.

    Returns:
        Columns :data:`FIGURES`, :data:`LABEL` and :data:`WEIGHT`, floats.

    Raises:
        TableError: the file is not there, is no such table, or has too few cells of a kind.
    """
    try:
        if path:
            table = pd.read_csv(path)
        else:
            with (files("detection.detectors") / "/".join(_PACKAGED)).open(encoding="utf-8") as packaged:
                table = pd.read_csv(packaged)
        table = table[[*FIGURES, LABEL, WEIGHT]].astype(np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{Path(path).name}: {str(error).splitlines()[0]}") from error
    if not np.isfinite(table.to_numpy()).all() or not table[LABEL].isin([0.0, 1.0]).all() or (table[WEIGHT] <= 0).any():
        raise TableError(f"{Path(path).name}: needs finite numbers, {LABEL} of 0 or 1, and {WEIGHT} above 0")
    fewest = min(int((table[LABEL] == label).sum()) for label in (0.0, 1.0))
    if fewest < ROWS_MIN:
        raise TableError(f"{Path(path).name}: has {fewest} rows of one label; needs {ROWS_MIN} of each")
    return table


@cache
def _trees(path: str) -> Any:
    """The fitted trees; the same for every region of a run."""
    from sklearn.ensemble import GradientBoostingClassifier

    table = read_table(path)
    trees = GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=0)
    return trees.fit(table[list(FIGURES)].to_numpy(), table[LABEL].to_numpy(), sample_weight=table[WEIGHT].to_numpy())
