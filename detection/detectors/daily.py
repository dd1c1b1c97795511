"""Models that look at cells once a day: what they are shown, and how they are asked.

Once a day the cells that should have sold most since their last sign of life, a bounded number of them, are described
by a handful of figures (:func:`describe`). Whatever judges them says how strange each is, and from where on that is an
alert; the strangest are reported, as many as the store teams can look at, and none again within a week.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

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
#: Days before a cell that was reported may be reported again.
REPEAT_DAYS = 7
#: What each column of a description is.
FIGURES = ("log_expected", "log_record", "log_cover", "log_rate")


class DailyCells:
    """Everything but the judgement."""

    def __init__(self, context: DetectorContext) -> None:
        self._daily_max = max(1, round(context.spec.counts_per_store_day * max(1, context.layout.locations - 1)))
        self._reported: dict[int, int] = {}

    @abstractmethod
    def judge(self, features: FloatArray) -> tuple[FloatArray, float]:
        """How strange the day's cells are; called once a day, whether there are any or not.

        Args:
            features: shape (n, 4), columns :data:`FIGURES`.

        Returns:
            Scores of shape (n,), larger for stranger, and the score above which a cell is reported.
        """

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The day's outliers among the silent cells, strangest first."""
        del rows
        if not views.is_new_day or views.cells.trading_days < 2:
            return
        features, cell = describe(views)
        scores, threshold = self.judge(features)
        # Only silence is suspicious: a cell that sells more than expected is no exception.
        odd = np.flatnonzero((scores > threshold) & (features[:, 0] > 0.0))
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
