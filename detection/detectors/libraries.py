"""Models of PyOD, of scikit-learn and of River by their names, under one pair of methods.

A model is asked for by the name of its class, in any case of letters, with what its constructor takes; a name or an
argument that is not there is refused with the valid ones. Seeds and single threads are set where a model knows of
them, so that the same run says the same. The libraries are imported when a model is made, and not before: PyOD's
compiler alone takes seconds.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Option = str | int | float | bool
#: Modules of ``pyod.models`` that hold no model for rows of numbers.
_NO_MODELS = frozenset({"base", "combination", "embedding", "thresholds"})
_NO_MODEL_PREFIXES = ("_", "base_", "gaal_", "pyg_", "ts_", "audio_", "sklearn_")
#: What a model is tried out on.
_TRIAL_ROWS, _TRIAL_FIGURES = 60, 4


class ModelError(ValueError):
    """A model is asked for that cannot be made; the message says why and what can.

    Attributes:
        key: which setting is wrong, ``model`` or ``options``.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Model(Protocol):
    """Anything that learns what is usual."""

    def fit(self, known: FloatArray) -> FloatArray:
        """Learn from rows of shape (n, figures); returns how strange each of them is, shape (n,)."""
        ...

    def score(self, features: FloatArray) -> FloatArray:
        """How strange rows are, larger for stranger; shape (n,)."""
        ...


class _Pyod:
    """A model of PyOD: ``decision_function`` is larger for stranger, and its own threshold is not used."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, known: FloatArray) -> FloatArray:
        self._model.fit(known)
        return np.asarray(self._model.decision_scores_, dtype=np.float64)

    def score(self, features: FloatArray) -> FloatArray:
        return np.asarray(self._model.decision_function(features), dtype=np.float64)


class _ScikitLearn:
    """An outlier or novelty model of scikit-learn: ``score_samples`` is larger for more usual."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, known: FloatArray) -> FloatArray:
        self._model.fit(known)
        return self.score(known)

    def score(self, features: FloatArray) -> FloatArray:
        return -np.asarray(self._model.score_samples(features), dtype=np.float64)


class _Streaming:
    """An online model of River: it scores a day's rows, and then learns from them; in the warm-up row by row."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, known: FloatArray) -> FloatArray:
        # What a row scores once the trees have learned from it is no measure of rows that they have not seen.
        return np.concatenate([self.score(known[[row]]) for row in range(len(known))])

    def score(self, features: FloatArray) -> FloatArray:
        rows = [dict(enumerate(row)) for row in features.tolist()]
        scores = np.array([self._model.score_one(row) for row in rows], dtype=np.float64)
        for row in rows:
            self._model.learn_one(row)
        return scores


def pyod_model(name: str, options: Mapping[str, Option], seed: int) -> Model:
    """An unfitted model of PyOD.

    Args:
        name: of its class, or of its module in ``pyod.models``; empty for the isolation forest.
        options: arguments of its constructor.
        seed: of its draws, where it makes any.

    Raises:
        ModelError: there is no such model or argument, or a package that the model needs is not installed.
    """
    import pyod.models

    name = name or "IForest"
    modules = [found.name for found in pkgutil.iter_modules(pyod.models.__path__)
               if found.name not in _NO_MODELS and not found.name.startswith(_NO_MODEL_PREFIXES)]
    wanted = name.lower().replace("_", "")
    module_name = next((found for found in modules if found.replace("_", "") == wanted), None)
    if module_name is None:
        raise _unknown("PyOD", name, modules)
    try:
        module = importlib.import_module(f"pyod.models.{module_name}")
    except ImportError as error:
        missing = str(error).strip().splitlines()[0]
        raise ModelError("model", f"{name}: PyOD's needs a package that is not installed: {missing}") from error
    made = next((value for key, value in vars(module).items() if key.lower().replace("_", "") == wanted), None)
    if made is None:
        raise _unknown("PyOD", name, modules)
    return _Pyod(_make(made, name, options, seed))


def scikit_learn_model(name: str, options: Mapping[str, Option], seed: int) -> Model:
    """An unfitted outlier or novelty model of scikit-learn.

    Args:
        name: of its class; empty for the local outlier factor.
        options: arguments of its constructor.
        seed: of its draws, where it makes any.

    Raises:
        ModelError: there is no such model or argument.
    """
    from sklearn.base import OutlierMixin
    from sklearn.utils import all_estimators

    name = name or "LocalOutlierFactor"
    known = {found: made for found, made in all_estimators() if issubclass(made, OutlierMixin)}
    made = next((made for found, made in known.items() if found.lower() == name.lower()), None)
    if made is None:
        raise _unknown("scikit-learn", name, sorted(known))
    # The local outlier factor scores rows that it was not fitted on only as a novelty model.
    novelty: dict[str, Option] = {"novelty": True} if "novelty" in _arguments(made) else {}
    return _ScikitLearn(_make(made, name, {**novelty, **options}, seed))


def half_space_trees(name: str, options: Mapping[str, Option], seed: int) -> Model:
    """River's half-space trees, over figures scaled to what was seen of them so far.

    Args:
        name: nothing, since there is one.
        options: arguments of the trees.
        seed: of their draws.

    Raises:
        ModelError: there is no such argument.
    """
    from river.anomaly import HalfSpaceTrees
    from river.preprocessing import MinMaxScaler

    del name
    return _Streaming(MinMaxScaler() | _make(HalfSpaceTrees, "HalfSpaceTrees", options, seed))


def try_out(model: Model, name: str) -> None:
    """Fit a model on a little noise and let it score one row, as on a day with one candidate.

    Raises:
        ModelError: it refuses its options only now, needs labels or several rows at a time, or takes one column.
    """
    known = np.random.default_rng(0).normal(size=(_TRIAL_ROWS, _TRIAL_FIGURES))
    try:
        scores = np.concatenate([model.fit(known), model.score(known[:1])])
    except Exception as error:
        raise ModelError("model", f"{name}: cannot judge cells with these options: {_first_line(error)}") from error
    if scores.shape != (_TRIAL_ROWS + 1,) or not np.isfinite(scores).all():
        raise ModelError("model", f"{name}: cannot judge cells: its scores are not one finite number a row")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _make(made: Any, name: str, options: Mapping[str, Option], seed: int) -> Any:
    valid = _arguments(made)
    for option in options:
        if option not in valid:
            raise ModelError("options", f"{option}: {name} takes no such argument; valid: {', '.join(valid)}")
    known = {"random_state": seed, "seed": seed, "n_jobs": 1}
    settled: dict[str, Option] = {key: value for key, value in known.items() if key in valid}
    try:
        return made(**{**settled, **options})
    except (TypeError, ValueError) as error:
        raise ModelError("options", f"{name} refuses them: {_first_line(error)}") from error


def _arguments(made: Any) -> list[str]:
    parameters = inspect.signature(made).parameters.values()
    return [one.name for one in parameters if one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}]


def _unknown(library: str, name: str, valid: Sequence[str]) -> ModelError:
    near = difflib.get_close_matches(name.lower(), [found.lower() for found in valid], n=1)
    hint = f" did you mean {near[0]}?" if near else ""
    return ModelError("model", f"{name}: {library} has no such model;{hint} valid: {', '.join(valid)}")
