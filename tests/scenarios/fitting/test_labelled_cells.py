"""Labelled cells: where nothing breaks nothing is labelled, what is labelled can be told, the lot keeps the sums."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from detection.detectors.base import DetectorContext
from detection.detectors.boosted import LABEL, WEIGHT, Boosted
from detection.detectors.daily import FIGURES
from detection.layout import Layout
from detection.spec import OperatorSpec
from scenarios.cli import main
from scenarios.compose import compose
from scenarios.fitting import labelled_cells as module
from scenarios.fitting.labelled_cells import HEALTHY, labelled_cells, lot_of
from sim.events import Vocabulary

SMALL = ("world.regions=1", "world.stores=4", "world.items=60", "world.days=12", "oracle=false", "seed=3")


def test_where_nothing_breaks_nothing_is_labelled():
    cells = labelled_cells(compose(["scenario=calm", *SMALL]))
    assert len(cells)
    assert cells[LABEL].sum() == 0


def test_what_is_labelled_can_be_told_by_a_model_that_never_saw_the_seed():
    cells = labelled_cells(compose(["scenario=phantom_stock", *SMALL]))
    wrong = cells[LABEL] == 1
    assert wrong.sum() >= 20
    assert (~wrong).sum() <= HEALTHY * wrong.sum()
    assert (cells.loc[wrong, WEIGHT] == 1.0).all()
    context = DetectorContext(Layout(Vocabulary(("DC1", "S0001"), ("I00001",))), OperatorSpec(), 1)
    probability, _ = Boosted(context).judge(cells[list(FIGURES)].to_numpy())
    assert roc_auc_score(wrong, probability, sample_weight=cells[WEIGHT]) > 0.75


def test_the_lot_keeps_the_share_of_what_is_wrong(monkeypatch):
    draw = np.random.default_rng(1)
    cells = pd.DataFrame(draw.normal(size=(20_000, len(FIGURES))), columns=list(FIGURES))
    cells = cells.assign(**{LABEL: (draw.random(20_000) < 0.3).astype(int), WEIGHT: 1.0 + (draw.random(20_000) < 0.5)})
    monkeypatch.setattr(module, "ROWS_MAX", 5_000)
    kept = lot_of(cells)
    assert len(kept) == 5_000
    assert kept[WEIGHT].sum() == pytest.approx(cells[WEIGHT].sum(), rel=0.02)
    wrong, kept_wrong = (part.loc[part[LABEL] == 1, WEIGHT].sum() for part in (cells, kept))
    assert kept_wrong == pytest.approx(wrong, rel=0.1)  # 1,500 rows by lot: a standard error of 3%


def test_the_command_says_what_can_be_fitted(capsys):
    assert main(["fit", "model=forest"]) == 2
    assert capsys.readouterr().err.strip().endswith("valid: classifier, boosted")
    assert main(["fit", "model=boosted", "out=cells.json"]) == 2
    assert "must end in .csv" in capsys.readouterr().err
