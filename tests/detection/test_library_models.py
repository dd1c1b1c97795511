"""Models of libraries by name: the scores are the library's own, and what cannot be made is refused with what can."""

import numpy as np
import pytest
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS
from river.anomaly import HalfSpaceTrees
from river.preprocessing import MinMaxScaler
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from detection.detectors.libraries import ModelError, half_space_trees, pyod_model, scikit_learn_model

DRAW = np.random.default_rng(7)
KNOWN, FRESH = DRAW.normal(size=(200, 4)), np.vstack([DRAW.normal(size=(20, 4)), [[9.0, -9.0, 9.0, -9.0]]])


@pytest.mark.parametrize(("name", "options", "reference"), [
    ("ECOD", {}, ECOD()),
    ("hbos", {"n_bins": 12}, HBOS(n_bins=12)),
])  # fmt: skip
def test_a_model_of_pyod_scores_as_pyod_does(name, options, reference):
    model = pyod_model(name, options, seed=3)
    np.testing.assert_array_equal(model.fit(KNOWN), reference.fit(KNOWN).decision_scores_)
    np.testing.assert_array_equal(model.score(FRESH), reference.decision_function(FRESH))


@pytest.mark.parametrize(("name", "options", "reference"), [
    ("LocalOutlierFactor", {"n_neighbors": 9}, LocalOutlierFactor(n_neighbors=9, novelty=True)),
    ("oneclasssvm", {}, OneClassSVM()),
])  # fmt: skip
def test_a_model_of_scikit_learn_scores_as_scikit_learn_does(name, options, reference):
    model = scikit_learn_model(name, options, seed=3)
    model.fit(KNOWN)
    np.testing.assert_array_equal(model.score(FRESH), -reference.fit(KNOWN).score_samples(FRESH))
    assert np.argmax(model.score(FRESH)) == len(FRESH) - 1


def test_a_model_that_draws_is_seeded():
    first, second, other = (scikit_learn_model("IsolationForest", {}, seed).fit(KNOWN) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_half_space_trees_score_a_day_before_they_learn_from_it():
    model = half_space_trees("", {"n_trees": 5}, 4)
    model.fit(KNOWN)
    reference = MinMaxScaler() | HalfSpaceTrees(n_trees=5, seed=4)
    rows = [dict(enumerate(row)) for row in KNOWN.tolist()]
    for row in rows:
        reference.learn_one(row)
    fresh = [dict(enumerate(row)) for row in FRESH.tolist()]
    assert model.score(FRESH).tolist() == [reference.score_one(row) for row in fresh]
    for row in fresh:
        reference.learn_one(row)
    assert model.score(FRESH).tolist() == [reference.score_one(row) for row in fresh]


@pytest.mark.parametrize(("make", "name", "options", "key", "told"), [
    (pyod_model, "IForrest", {}, "model", "did you mean iforest?"),
    (pyod_model, "base", {}, "model", "valid: abod"),
    (pyod_model, "KNN", {"neighbours": 3}, "options", "n_neighbors"),
    (scikit_learn_model, "RandomForest", {}, "model", "OneClassSVM"),
    (scikit_learn_model, "OneClassSVM", {"nuu": 1}, "options", "nu"),
    (half_space_trees, "", {"trees": 1}, "options", "n_trees"),
])  # fmt: skip
def test_what_cannot_be_made_is_refused_with_what_can(make, name, options, key, told):
    with pytest.raises(ModelError, match=told.replace("?", r"\?")) as raised:
        make(name, options, 0)
    assert raised.value.key == key
