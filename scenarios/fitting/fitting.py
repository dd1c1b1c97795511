"""From labelled cases to a version of the fitted classifier.

Types with several faults get a multinomial logistic regression (scikit-learn, ridge penalty) over standardised
evidence. Whole seeds are held out in turn, since the cases of one seed share a catalogue and its shops: on what is
held out the temperature is chosen that makes the probabilities as likely as can be (Guo et al. 2017, *On Calibration
of Modern Neural Networks*). The coefficients that are kept are those of all seeds. A type with one fault gets the share
of its cases in which it is right, with a case more on either side (Laplace).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from detection.classifiers.evidence import names_of
from detection.classifiers.model import FaultModel, TypeModel
from detection.taxonomy import CAUSE_OF_FAULT
from scenarios.statistics import calibration_error

FloatArray = npt.NDArray[np.float64]
#: Cases of a fault behind a type from which on it is told apart; rarer ones are left out.
CASES_MIN = 15
#: Inverse strength of the penalty, and power of a fault's share that its probability is held against.
PENALTY, CAUTION = 0.1, 0.3
#: Between which the temperature is looked for.
_TEMPERATURES = (0.3, 5.0)


@dataclass(frozen=True)
class HeldOut:
    """Cases of one type as the other seeds' regression sees them.

    Attributes:
        right: number of the fault behind each case, shape (n,).
        scores: logarithms of the probabilities of the faults, shape (n, k); minus infinity for one that the other
            seeds have no case of.
    """

    right: npt.NDArray[np.intp]
    scores: FloatArray

    def loss(self, temperature: float) -> float:
        """Minus the mean log likelihood at a temperature."""
        scaled = self.scores / temperature
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(self.right)), self.right]).mean())


def fit(cases: pd.DataFrame, version: str, fitted_on: Mapping[str, Any]) -> tuple[FaultModel, pd.DataFrame]:
    """A version of the classifier.

    Args:
        cases: as :func:`scenarios.fitting.labelled.labelled_cases` makes them, of several seeds.
        version: its name.
        fitted_on: what is told of the runs in its file.

    Returns:
        The version; and by type the number of cases, faults, and of held-out cases the accuracy, the mean confidence
        and the expected calibration error (NaN where one fault is all there is).
    """
    types, told = {}, []
    for name, rows in cases.groupby("type", sort=True):
        known = rows[rows["fault"].isin(list(CAUSE_OF_FAULT))]
        if len(known):
            types[str(name)], figures = fit_type(str(name), known)
            told.append({"type": name, "cases": len(rows), "faults": len(types[str(name)].faults), **figures})
    return FaultModel(version, types, fitted_on), pd.DataFrame(told)


def fit_type(name: str, rows: pd.DataFrame) -> tuple[TypeModel, dict[str, float]]:
    """The model of one exception type, and how it does on held-out cases."""
    counted = rows["fault"].value_counts()
    faults = sorted(str(fault) for fault in counted.index[counted >= CASES_MIN])
    if len(faults) < 2:
        return single(str(counted.index[0]), (int(counted.iloc[0]) + 1) / (len(rows) + 2)), {}
    rows = rows[rows["fault"].isin(faults)]
    values, labels = rows[list(names_of(name))].to_numpy(dtype=float), rows["fault"].to_numpy(dtype=str)
    model = regression(names_of(name), values, labels)
    held_out = _held_out(model, values, labels, rows["seed"].to_numpy())
    if not len(held_out.right):
        return model, {}
    temperature = float(minimize_scalar(held_out.loss, bounds=_TEMPERATURES, method="bounded").x)
    model = replace(model, temperature=temperature)
    return model, _figures(model, held_out)


def single(fault: str, confidence: float) -> TypeModel:
    """The model of a type with one fault behind it."""
    none = np.empty(0)
    return TypeModel((fault,), np.array([confidence]), (), none, none, none, none, none, none, 1.0, 0.0)


def regression(names: Sequence[str], values: FloatArray, labels: npt.NDArray[np.str_]) -> TypeModel:
    """A regression at temperature 1.

    Args:
        names: of the evidence, n of them.
        values: shape (cases, n).
        labels: the fault of each case; at least two differ.
    """
    scaler = StandardScaler().fit(values)
    fitted = LogisticRegression(C=PENALTY, max_iter=1000).fit(scaler.transform(values), labels)
    coefficients, intercept = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        # Of two faults scikit-learn keeps one row: the score of the other is 0.
        coefficients, intercept = (np.concatenate([np.zeros_like(part), part]) for part in (coefficients, intercept))
    faults = tuple(str(fault) for fault in fitted.classes_)
    share = np.array([float((labels == fault).mean()) for fault in faults])
    return TypeModel(
        faults, share, tuple(names), values.min(axis=0), values.max(axis=0), scaler.mean_, scaler.scale_,
        coefficients, intercept, temperature=1.0, caution=CAUTION,
    )  # fmt: skip


def _held_out(
    model: TypeModel, values: FloatArray, labels: npt.NDArray[np.str_], seeds: npt.NDArray[np.int64]
) -> HeldOut:
    """Each seed as the others see it; cases of a fault that the others never saw are left out."""
    right, scores = [np.empty(0, np.intp)], [np.empty((0, len(model.faults)))]
    for seed in np.unique(seeds):
        out = seeds == seed
        if len(np.unique(labels[~out])) < 2:
            continue
        others = regression(model.features, values[~out], labels[~out])
        out &= np.isin(labels, others.faults)
        some = np.full((int(out.sum()), len(model.faults)), -np.inf)
        columns = [model.faults.index(fault) for fault in others.faults]
        with np.errstate(divide="ignore"):
            some[:, columns] = np.log(others.probabilities(values[out]))
        right.append(np.array([model.faults.index(fault) for fault in labels[out]], dtype=np.intp))
        scores.append(some)
    return HeldOut(np.concatenate(right), np.concatenate(scores))


def _figures(model: TypeModel, held_out: HeldOut) -> dict[str, float]:
    scaled = held_out.scores / model.temperature
    probabilities = np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))
    said = model.chosen(probabilities)
    confidence, right = probabilities[np.arange(len(said)), said], said == held_out.right
    error = calibration_error(confidence, right)
    return {"accuracy": float(right.mean()), "confidence": float(confidence.mean()),
            "calibration_error": error.value if error is not None else float("nan")}  # fmt: skip
