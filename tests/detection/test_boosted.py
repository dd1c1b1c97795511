"""The supervised model: scikit-learn's own probabilities of the packaged table, and tables that teach nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from detection.detectors.base import DetectorContext
from detection.detectors.boosted import LABEL, ROWS_MIN, WEIGHT, Boosted, TableError, read_table
from detection.detectors.daily import FIGURES
from detection.layout import Layout
from detection.spec import OperatorSpec, OutsideSpec
from scenarios.compose import compose
from scenarios.errors import UserError
from sim.events import Vocabulary


def table(rows=400):
    draw = np.random.default_rng(2)
    made = pd.DataFrame(draw.normal(size=(rows, len(FIGURES))), columns=list(FIGURES))
    return made.assign(**{LABEL: (made["log_expected"] > 0.5).astype(int), WEIGHT: 1.0})


def test_scores_are_the_library_s(tmp_path):
    known = table()
    known.to_csv(tmp_path / "cells.csv", index=False)
    spec = OperatorSpec(detector="boosted", outside=OutsideSpec(file=str(tmp_path / "cells.csv")))
    detector = Boosted(DetectorContext(Layout(Vocabulary(("DC1", "S0001"), ("I00001",))), spec, 1))
    fresh = np.random.default_rng(3).normal(size=(50, len(FIGURES)))
    reference = GradientBoostingClassifier(random_state=0).fit(known[list(FIGURES)].to_numpy(), known[LABEL])

    scores, threshold = detector.judge(fresh)

    np.testing.assert_allclose(scores, reference.predict_proba(fresh)[:, 1], atol=1e-9)
    assert threshold == 0.5
    assert np.array_equal(scores > 0.5, fresh[:, 0] > 0.5)


def test_the_packaged_table_tells_what_is_wrong_from_what_is_not():
    cells = read_table("")
    assert min((cells[LABEL] == label).sum() for label in (0, 1)) > 1_000
    # Longer silence, and goods enough by the book: the mean of both is higher where the goods are missing.
    means = cells.groupby(LABEL)[["log_expected"]].mean()
    assert means.loc[1.0, "log_expected"] > means.loc[0.0, "log_expected"] + 0.3


@pytest.mark.parametrize(("spoil", "told"), [
    (lambda t: t.drop(columns=["log_cover"]), "log_cover"),
    (lambda t: t.assign(log_rate=np.inf), "finite"),
    (lambda t: t.assign(is_phantom=2), "0 or 1"),
    (lambda t: t.assign(weight=0.0), "above 0"),
    (lambda t: t.assign(log_rate="much"), "much"),
    (lambda t: t.assign(is_phantom=0), f"needs {ROWS_MIN}"),
])  # fmt: skip
def test_a_table_that_teaches_nothing_is_refused(spoil, told, tmp_path):
    spoil(table()).to_csv(tmp_path / "cells.csv", index=False)
    with pytest.raises(TableError, match=told):
        read_table(str(tmp_path / "cells.csv"))
    with pytest.raises(UserError, match="stocktwin fit model=boosted"):
        compose(["detector=boosted", f"detector.file={tmp_path / 'cells.csv'}"])


@pytest.mark.parametrize(("words", "told"), [
    (["detector=pyod", "detector.model=IForrest"], "detector.model=IForrest: PyOD has no such model; did you mean ifo"),
    (["detector=sklearn", "detector.options.nu=0.1"], "detector.options=nu: LocalOutlierFactor takes no such argument"),
    (["detector=pyod", "detector.model=MAD"], "MAD: cannot judge cells with these options: MAD algorithm"),
    (["detector=pyod", "detector.model=SOD"], "detector.model=SOD: cannot judge cells"),
    (["detector=pyod", "detector.model=so_gaal"], "needs a package that is not installed"),
    (["detector=sklearn", "detector.model=OneClassSVM", "detector.options.nu=7"], "OneClassSVM: cannot judge cells"),
    (["detector=standard", "detector.model=KNN"], "only detector=pyod and sklearn take one"),
    (["detector=knn", "detector.options.n_neighbors=3"], "only detector=pyod, sklearn and half_space take any"),
])  # fmt: skip
def test_a_model_that_cannot_be_made_is_refused_before_anything_runs(words, told):
    with pytest.raises(UserError) as raised:
        compose(words)
    assert told in str(raised.value)
