"""From labelled cases to a version of the fitted classifier.

Types with several faults get a multinomial logistic regression (scikit-learn, ridge penalty) over standardised
evidence. Whole seeds are held out in turn, since the cases of one seed share a catalogue and its shops: on what is
held out the temperature is chosen that makes the probabilities as likely as can be (Guo et al. 2017, *On Calibration
of Modern Neural Networks*). The coefficients that are kept are those of all seeds. A type with one fault gets the share
of its cases in which it is right, with a case more on either side (Laplace).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from detection.classifiers.evidence import names_of
from detection.classifiers.model import FaultModel, TypeModel
from detection.taxonomy import CAUSE_OF_FAULT

FloatArray = npt.NDArray[np.float64]
#: Cases of a fault behind a type from which on it is told apart; rarer ones are left out.
CASES_MIN = 15
#: Inverse strength of the penalty, and power of a fault's share that its probability is held against.
PENALTY, CAUTION = 0.1, 0.5
#: Least number of seeds: one must be held out.
SEEDS_MIN = 2
_TEMPERATURES = (0.3, 5.0)


def fit(cases: pd.DataFrame, version: str, fitted_on: Mapping[str, Any]) -> FaultModel:
    """A version of the classifier.

    Args:
        cases: as :func:`scenarios.fitting.labelled.labelled_cases` makes them, of several seeds.
        version: its name.
        fitted_on: what is told of the runs in its file.
    """
    types = {}
    for name, rows in cases.groupby("type", sort=True):
        known = rows[rows["fault"].isin(list(CAUSE_OF_FAULT))]
        if len(known):
            types[str(name)] = fit_type(str(name), known)
    counts = {str(name): int(count) for name, count in cases["type"].value_counts().sort_index().items()}
    return FaultModel(version, types, {**fitted_on, "cases": counts})


def fit_type(name: str, rows: pd.DataFrame) -> TypeModel:
    """The model of one exception type."""
    counted = rows["fault"].value_counts()
    faults = sorted(str(fault) for fault in counted.index[counted >= CASES_MIN])
    if len(faults) < 2:
        best = str(counted.index[0])
        return single(best, (int(counted.iloc[0]) + 1) / (len(rows) + 2))
    rows = rows[rows["fault"].isin(faults)]
    values, labels = rows[list(names_of(name))].to_numpy(dtype=float), rows["fault"].to_numpy(dtype=str)
    model = _regression(names_of(name), values, labels)
    return replace(model, temperature=_temperature(name, values, labels, rows["seed"].to_numpy()))


def single(fault: str, confidence: float) -> TypeModel:
    """The model of a type with one fault behind it."""
    none = np.empty(0)
    return TypeModel((fault,), np.array([confidence]), (), none, none, none, none, none, none, 1.0, 0.0)


def _regression(names: Sequence[str], values: FloatArray, labels: npt.NDArray[np.str_]) -> TypeModel:
    """A regression at temperature 1."""
    scaler = StandardScaler().fit(values)
    regression = LogisticRegression(C=PENALTY, max_iter=1000).fit(scaler.transform(values), labels)
    coefficients, intercept = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:
        # Of two faults the score of the first is 0.
        coefficients, intercept = (np.concatenate([np.zeros_like(part), part])
                                   for part in (coefficients, intercept))
    faults = tuple(str(fault) for fault in regression.classes_)
    share = np.array([float((labels == fault).mean()) for fault in faults])
    return TypeModel(faults, share, tuple(names), values.min(axis=0), values.max(axis=0), scaler.mean_, scaler.scale_,
                     coefficients, intercept, 1.0, CAUTION)  # fmt: skip


def _temperature(name: str, values: FloatArray, labels: npt.NDArray[np.str_], seeds: npt.NDArray[np.int64]) -> float:
    """The temperature at which what is held out, a seed at a time, is likeliest; 1 where too little can be."""
    logs, right = [], []
    for seed in np.unique(seeds):
        out = seeds == seed
        if len(np.unique(labels[~out])) < 2:
            continue
        model = _regression(names_of(name), values[~out], labels[~out])
        known = np.isin(labels[out], model.faults)
        logs.append([np.log(model.probabilities(values[out][known])), labels[out][known], model.faults])
    del right
    if not logs:
        return 1.0

    def loss(temperature: float) -> float:
        total = 0.0
        for scores, said, faults in logs:
            scaled = scores / temperature
            norm = np.log(np.exp(scaled - scaled.max(axis=1, keepdims=True)).sum(axis=1)) + scaled.max(axis=1)
            total += float((norm - scaled[np.arange(len(said)), np.searchsorted(faults, said)]).sum())
        return total

    return float(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x)
