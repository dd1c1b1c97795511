"""Outlier models of libraries on daily descriptions of cells.

Through the warm-up descriptions are only collected. Then the model is fitted once, its threshold frozen at a high
quantile of its own scores, and each later day's candidates are scored against it. PyOD's default ``contamination`` is
not used: it would flag a fixed share of healthy cells. Half-space trees learn on, a day at a time, and score a day
before they learn from it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from detection.detectors.base import DetectorContext
from detection.detectors.daily import DailyCells, FloatArray
from detection.detectors.libraries import Model, Option, half_space_trees, pyod_model, scikit_learn_model

WARM_UP_DAYS = 7
#: Rows without which nothing is fitted.
KNOWN_MIN = 50
_SEED_MAX = 2**31


class _Outliers(DailyCells):
    """Everything but the model."""

    def __init__(self, context: DetectorContext) -> None:
        super().__init__(context)
        spec = context.spec
        self._quantile = spec.parameter("outlier_quantile", 0.999)
        self._warm_up_days = int(spec.parameter("outlier_warm_up_days", WARM_UP_DAYS))
        self._collected: list[FloatArray] = []
        self._model: Model | None = None
        self._threshold = np.inf
        self._context = context

    @abstractmethod
    def make_model(self, name: str, options: Mapping[str, Option], seed: int) -> Model:
        """An unfitted model.

        Args:
            name: ``detector.model``; empty for the usual one.
            options: ``detector.options``.
            seed: of its draws.
        """

    def judge(self, features: FloatArray) -> tuple[FloatArray, float]:
        """See :class:`~detection.detectors.daily.DailyCells`; while warming up nothing is strange."""
        if self._model is None:
            self._collect(features)
            return np.zeros(len(features)), np.inf
        return self._model.score(features) if len(features) else np.empty(0), self._threshold

    def _collect(self, features: FloatArray) -> None:
        """Gather the warm-up; at its end fit, and freeze the threshold."""
        self._collected.append(features)
        known = np.concatenate(self._collected)
        if len(self._collected) < self._warm_up_days or len(known) < KNOWN_MIN:
            return
        spec = self._context.spec
        self._model = self.make_model(spec.model, spec.options, self._context.seed % _SEED_MAX)
        self._threshold = float(np.quantile(self._model.fit(known), self._quantile))
        self._collected = []


class Pyod(_Outliers):
    """Any model of PyOD by name."""

    def make_model(self, name: str, options: Mapping[str, Option], seed: int) -> Model:
        """See :class:`_Outliers`."""
        return pyod_model(name, options, seed)


class ScikitLearn(_Outliers):
    """Any outlier or novelty model of scikit-learn by name."""

    def make_model(self, name: str, options: Mapping[str, Option], seed: int) -> Model:
        """See :class:`_Outliers`."""
        return scikit_learn_model(name, options, seed)


class IsolationForest(_Outliers):
    """PyOD's isolation forest (Liu, Ting and Zhou 2008)."""

    def make_model(self, name: str, options: Mapping[str, Option], seed: int) -> Model:
        """A forest of a hundred trees."""
        del name, options
        return pyod_model("IForest", {"n_estimators": 100}, seed)


class NearestNeighbours(_Outliers):
    """PyOD's distance to the fifth neighbour (Ramaswamy, Rastogi and Shim 2000)."""

    def make_model(self, name: str, options: Mapping[str, Option], seed: int) -> Model:
        """Distance to the fifth nearest of the warm-up."""
        del name, options
        return pyod_model("KNN", {"n_neighbors": 5}, seed)


class HalfSpaceTrees(_Outliers):
    """River's half-space trees (Tan, Ting and Liu 2011), which learn on as the days come."""

    def make_model(self, name: str, options: Mapping[str, Option], seed: int) -> Model:
        """Trees over figures scaled to what was seen of them so far."""
        return half_space_trees(name, options, seed)
