"""Outlier models of PyOD on daily aggregates of cells.

Once a day the cells that should have sold most since their last sign of life, a bounded number of
them, are described by a handful of figures; through the warm-up these are only collected. Then the
model is fitted once, its threshold frozen at a high quantile of its own scores, and each later day's
candidates are scored against it. PyOD's default ``contamination`` is not used: it would flag a fixed
share of healthy cells. The library is imported only when the first fit is due.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.clock import DAY
from sim.events import Rows

FloatArray = npt.NDArray[np.float64]
#: Cells described each day, at most.
CANDIDATES_MAX = 1500
WARM_UP_DAYS = 7
#: Days before a cell that was reported may be reported again.
REPEAT_DAYS = 7


class _Outliers:
    """Everything but the model."""

    def __init__(self, context: DetectorContext) -> None:
        spec = context.spec
        self._seed = context.seed % (2**31)
        self._quantile = spec.parameter("outlier_quantile", 0.999)
        self._warm_up_days = int(spec.parameter("outlier_warm_up_days", WARM_UP_DAYS))
        self._daily_max = max(1, round(spec.counts_per_store_day * max(1, context.layout.locations - 1)))
        self._collected: list[FloatArray] = []
        self._model: Any = None
        self._threshold = np.inf
        self._reported: dict[int, int] = {}

    @abstractmethod
    def make_model(self) -> Any:
        """An unfitted PyOD model."""

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The day's outliers among the silent cells, strangest first."""
        del rows
        if not views.is_new_day or views.cells.trading_days < 2:
            return
        features, cell = describe(views)
        if self._model is None:
            self._collect(features)
            return
        if not len(cell):
            return
        scores: FloatArray = np.asarray(self._model.decision_function(features), dtype=np.float64)
        # Only silence is suspicious: a cell that sells more than expected is no exception.
        odd = np.flatnonzero((scores > self._threshold) & (features[:, 0] > 0.0))
        odd = odd[np.lexsort((cell[odd], -scores[odd]))]
        self._reported = {key: at for key, at in self._reported.items() if views.now - at < REPEAT_DAYS * DAY}
        fresh = [row for row in odd.tolist() if int(cell[row]) not in self._reported]
        for row in fresh[: self._daily_max]:
            number = int(cell[row])
            self._reported[number] = views.now
            location, item = divmod(number, views.cells.items)
            yield Finding(
                "phantom_stock", location=location, item=item, score=float(scores[row]),
                units=int(views.cells.erp[number]),
            )  # fmt: skip

    def _collect(self, features: FloatArray) -> None:
        """Gather the warm-up; at its end fit, and freeze the threshold."""
        self._collected.append(features)
        known = np.concatenate(self._collected)
        if len(self._collected) < self._warm_up_days or len(known) < 50:
            return
        self._model = self.make_model()
        self._model.fit(known)
        self._threshold = float(np.quantile(self._model.decision_scores_, self._quantile))
        self._collected = []


class IsolationForest(_Outliers):
    """PyOD's isolation forest (Liu, Ting and Zhou 2008)."""

    def make_model(self) -> Any:
        """A forest of a hundred trees, its draws seeded."""
        from pyod.models.iforest import IForest

        return IForest(n_estimators=100, random_state=self._seed, n_jobs=1)


class NearestNeighbours(_Outliers):
    """PyOD's distance to the fifth neighbour (Ramaswamy, Rastogi and Shim 2000)."""

    def make_model(self) -> Any:
        """Distance to the fifth nearest of the warm-up."""
        from pyod.models.knn import KNN

        return KNN(n_neighbors=5, n_jobs=1)


def describe(views: Views) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Figures of the day's candidates.

    Returns:
        (features, cell): log of expected lines since the last sign of life, log of the lines behind
        the rate, log of days of cover, and log of the lines a day, shape (n, 4); and the cells, sorted.
    """
    found = views.cells.suspects(views.now)
    kept = np.arange(len(found.cell))
    if len(kept) > CANDIDATES_MAX:
        kept = np.sort(np.argsort(-found.expected, kind="stable")[:CANDIDATES_MAX])
    cell, rate = found.cell[kept], found.lines_a_day[kept]
    cover = views.cells.erp[cell] / np.maximum(rate, 1e-3)
    figures = (np.log(found.expected[kept]), np.log(found.weight[kept]), np.log1p(cover), np.log(rate + 1e-3))
    features: FloatArray = np.column_stack(figures)
    return features, cell
