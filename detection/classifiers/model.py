"""The fitted model as numbers: for each exception type, how probable each fault is behind a case of it.

A type with several faults behind it has a multinomial logistic regression over the evidence
(:mod:`detection.classifiers.evidence`): values are clipped to the range seen when it was fitted, so that another
world's sizes are not extrapolated, standardised, weighed and turned into probabilities by a softmax at a
temperature. Any other type has one fault and the share of its cases in which that was right. The fault that is *said*
is the one with the largest probability over its share among the cases to the power of ``caution``: rare faults are
named somewhat before they are the likeliest, and the confidence is the plain probability of what is said.

A version is one JSON file; the files in ``versions/`` come with the package, and nothing but numbers and names is
read from any. How they are fitted is no business of the operator, which never sees a label.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detection.classifiers.evidence import names_of
from detection.taxonomy import CAUSE_OF_FAULT, SCOPE_OF_TYPE

FloatArray = npt.NDArray[np.float64]
_FORMAT = 1


class ModelFileError(ValueError):
    """A file is no model that this program can read; the message says why."""


@dataclass(frozen=True)
class Said:
    """A fault, the probability that it is right, and that of every fault; empty where there is but one."""

    fault_type: str
    confidence: float
    believed: tuple[float, ...] = ()


@dataclass(frozen=True)
class TypeModel:
    """The faults behind one exception type.

    Attributes:
        faults: names, k of them.
        share: of each among the cases it was fitted on, shape (k,).
        features: names of the evidence, n of them; none where one fault is all there is.
        low, high: range seen of each, shape (n,).
        mean, scale: by which each is standardised, shape (n,).
        coefficients: shape (k, n).
        intercept: shape (k,).
        temperature: by which the scores are divided.
        caution: power of ``share`` that a probability is held against.
    """

    faults: tuple[str, ...]
    share: FloatArray
    features: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    mean: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    intercept: FloatArray
    temperature: float
    caution: float

    def probabilities(self, values: FloatArray) -> FloatArray:
        """How probable each fault is.

        Args:
            values: evidence in the order of ``features``, shape (cases, n).

        Returns:
            Shape (cases, k); rows add up to 1.
        """
        known = (np.clip(values, self.low, self.high) - self.mean) / self.scale
        scores = (known @ self.coefficients.T + self.intercept) / self.temperature
        odds: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        return odds

    def chosen(self, probabilities: FloatArray) -> npt.NDArray[np.intp]:
        """Which fault is said, by its number; shape (cases,)."""
        said: npt.NDArray[np.intp] = np.argmax(probabilities / self.share**self.caution, axis=1)
        return said

    def say(self, evidence: Mapping[str, float]) -> Said:
        """The fault behind one case."""
        if not self.features:
            return Said(self.faults[0], float(self.share[0]))
        values = np.array([[evidence[name] for name in self.features]])
        return self.name(self.probabilities(values)[0])

    def name(self, believed: FloatArray) -> Said:
        """The fault that is said where each is believed to be so probable, shape (k,), up to a factor."""
        probabilities = (believed / believed.sum())[None, :]
        number = int(self.chosen(probabilities)[0])
        return Said(self.faults[number], float(probabilities[0, number]), tuple(probabilities[0].tolist()))


@dataclass(frozen=True)
class FaultModel:
    """One version.

    Attributes:
        version: its name, in the audit trail and on every action.
        types: model by exception type; types that it was not fitted on are missing.
        fitted_on: what was simulated for it: scenarios, seeds, cases by type.
    """

    version: str
    types: Mapping[str, TypeModel]
    fitted_on: Mapping[str, Any]


_ARRAYS = ("low", "high", "mean", "scale", "coefficients", "intercept", "share")


def dumps(model: FaultModel) -> str:
    """A version as the text of its file; numbers keep six digits."""
    types = {
        name: {"faults": list(one.faults), "features": list(one.features), "temperature": _round(one.temperature),
               "caution": one.caution, **{array: _round(getattr(one, array).tolist()) for array in _ARRAYS}}
        for name, one in model.types.items()
    }  # fmt: skip
    whole = {"format": _FORMAT, "version": model.version, "fitted_on": dict(model.fitted_on), "types": types}
    return json.dumps(whole, indent=1) + "\n"


def _round(value: Any) -> Any:
    return [_round(one) for one in value] if isinstance(value, list) else float(f"{value:.6g}")


def loads(text: str) -> FaultModel:
    """A version from the text of its file.

    Raises:
        ModelFileError: it is none, or names what this program does not know.
    """
    try:
        whole = json.loads(text)
        if whole["format"] != _FORMAT:
            raise ModelFileError(f"its format is {whole['format']}, not {_FORMAT}")
        types = {name: _type_model(name, numbers) for name, numbers in whole["types"].items()}
        return FaultModel(str(whole["version"]), types, whole["fitted_on"])
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"it is no fitted model: {type(error).__name__} {error}") from error


def _type_model(name: str, numbers: Mapping[str, Any]) -> TypeModel:
    if name not in SCOPE_OF_TYPE:
        raise ModelFileError(f"unknown exception type {name!r}")
    faults, features = tuple(numbers["faults"]), tuple(numbers["features"])
    _check_known(f"fault of {name}", faults, tuple(CAUSE_OF_FAULT))
    _check_known(f"evidence of {name}", features, names_of(name))
    try:
        arrays: dict[str, FloatArray] = {key: np.array(numbers[key], dtype=np.float64) for key in _ARRAYS}
        temperature, caution = float(numbers["temperature"]), float(numbers["caution"])
    except ValueError as error:
        raise ModelFileError(f"{name}: {error}") from error
    kinds, size = len(faults), len(features)
    fitted = (kinds,) if features else (0,)
    shapes = {"share": (kinds,), "intercept": fitted, "coefficients": (kinds, size) if features else (0,)}
    for key, array in arrays.items():
        if array.shape != shapes.get(key, (size,)) or not np.isfinite(array).all():
            raise ModelFileError(f"{name}: {key} must be {shapes.get(key, (size,))} finite numbers")
    if not kinds or temperature <= 0 or (arrays["scale"] <= 0).any() or (arrays["share"] <= 0).any():
        raise ModelFileError(f"{name}: faults, temperature, scale and share must be above 0")
    return TypeModel(faults, features=features, temperature=temperature, caution=caution, **arrays)


def _check_known(what: str, names: Sequence[str], valid: Sequence[str]) -> None:
    for name in names:
        if name not in valid:
            raise ModelFileError(f"unknown {what} {name!r}; valid: {', '.join(valid)}")


def versions() -> dict[int, str]:
    """The versions that come with the package: number -> text of the file."""
    folder = files("detection.classifiers") / "versions"
    return {int(entry.name[len("fitted-") : -len(".json")]): entry.read_text(encoding="utf-8")
            for entry in folder.iterdir() if entry.name.endswith(".json")}  # fmt: skip


def read(path: str = "") -> FaultModel:
    """A version.

    Args:
        path: its file; empty for the newest that comes with the package.

    Raises:
        ModelFileError: the file is not there, or is no fitted model.
    """
    if not path:
        known = versions()
        return loads(known[max(known)])
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return loads(text)
