"""Fitting: the numbers are scikit-learn's, confidence keeps its word, and the command refuses what it cannot."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from detection.classifiers.evidence import CELL_EVIDENCE
from detection.classifiers.model import dumps, loads
from scenarios.cli import main
from scenarios.compose import compose
from scenarios.fitting.fitting import CASES_MIN, PENALTY, fit, regression
from scenarios.fitting.labelled import labelled_cases

FAULTS = np.array(["misplacement", "scan_error", "short_pick", "shrink"])


def drawn(cases, kinds, seed=0, seeds=3, strength=1.0):
    """Cases whose faults follow a known regression on the first evidence, and their true probabilities."""
    draw = np.random.default_rng(seed)
    values = draw.normal(3.0, 2.0, (cases, len(CELL_EVIDENCE)))
    weights = np.zeros((kinds, len(CELL_EVIDENCE)))
    weights[:, :4] = strength * np.random.default_rng(99).normal(0.0, 1.0, (kinds, 4))
    true = softmax((values - 3.0) @ weights.T, axis=1)
    label = (true.cumsum(axis=1) < draw.random((cases, 1))).sum(axis=1)
    table = pd.DataFrame(values, columns=list(CELL_EVIDENCE))
    return table.assign(type="short_pick", fault=FAULTS[label], seed=np.arange(cases) % seeds), true


@pytest.mark.parametrize("kinds", [2, 3, 4])
def test_the_numbers_say_what_scikit_learn_says(kinds):
    table, _ = drawn(400, kinds)
    values, labels = table[list(CELL_EVIDENCE)].to_numpy(), table["fault"].to_numpy(str)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=1000)).fit(values, labels)

    model = regression(CELL_EVIDENCE, values, labels)

    assert model.faults == tuple(reference.classes_)
    np.testing.assert_allclose(model.probabilities(values), reference.predict_proba(values), atol=1e-9)


def test_the_same_of_stored_cases(root):
    cases = pd.read_csv(root / "tests" / "golden" / "cases_of_seed_201.csv")
    cases = cases[(cases["type"] == "short_pick") & (cases["fault"] != "count_variance")]
    values, labels = cases[list(CELL_EVIDENCE)].to_numpy(), cases["fault"].to_numpy(str)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=1000)).fit(values, labels)
    model = regression(CELL_EVIDENCE, values, labels)
    np.testing.assert_allclose(model.probabilities(values), reference.predict_proba(values), atol=1e-9)


def test_a_file_keeps_them_but_for_the_sixth_digit():
    table, _ = drawn(600, 4)
    model = fit(table, "test", {})[0].types["short_pick"]
    kept = loads(dumps(fit(table, "test", {})[0])).types["short_pick"]
    values = table[list(model.features)].to_numpy()
    np.testing.assert_allclose(kept.probabilities(values), model.probabilities(values), atol=1e-4)


def test_confidence_is_as_good_as_its_word_on_fresh_cases():
    table, _ = drawn(3000, 4)
    fresh, true = drawn(4000, 4, seed=1)
    model = fit(table, "test", {})[0].types["short_pick"]
    said = model.probabilities(fresh[list(model.features)].to_numpy())
    # The penalty alone leaves scores too small; what a held-out temperature puts right is the mean.
    assert np.abs(said - true).mean() < 0.05
    right = (fresh["fault"].to_numpy(str) == np.array(model.faults)[said.argmax(axis=1)]).mean()
    assert said.max(axis=1).mean() == pytest.approx(right, abs=0.02)


def test_the_temperature_cools_what_is_too_sure_and_warms_what_is_not():
    # Few cases and much evidence make a regression too sure of itself; many cases do not.
    sure = fit(drawn(150, 4, strength=0.3)[0], "test", {})[0].types["short_pick"].temperature
    meek = fit(drawn(6000, 4, strength=0.3)[0], "test", {})[0].types["short_pick"].temperature
    assert sure > 1.2
    assert meek == pytest.approx(1.0, abs=0.2)


def test_a_type_with_one_fault_gets_its_share_and_a_rare_fault_is_not_learned():
    table, _ = drawn(400, 2)
    few = table.head(CASES_MIN - 1).assign(fault="short_pick")
    one = table.head(40).assign(type="late_asn", fault="late_asn")
    one.loc[one.index[:1], "fault"] = "posting_lag"
    model, told = fit(pd.concat([table, few, one], ignore_index=True), "test", {})
    assert "short_pick" not in model.types["short_pick"].faults
    assert model.types["late_asn"].say({}).fault_type == "late_asn"
    assert model.types["late_asn"].say({}).confidence == pytest.approx(40 / 42)
    assert told.set_index("type").loc["short_pick", "accuracy"] > 0.5


WORDS = ("scenario=phantom_stock", "seed=1", "world.stores=4", "world.items=40", "world.days=6",
         "faults.scan_error.rate=0.2", "faults.misplacement.rate=0.05", "faults.short_pick.rate=0.1",
         "demand.online_share=0.5")  # fmt: skip


@pytest.fixture(scope="module")
def table():
    """Labelled cases of a small world in which much goes wrong."""
    return labelled_cases(compose(WORDS))


def test_cases_come_with_their_evidence_and_their_fault(table):
    cells = table[table["type"].isin(["short_pick", "phantom_stock", "count_variance"])]
    assert len(cells) > 20
    assert cells[list(CELL_EVIDENCE)].notna().all(axis=None)
    assert not {"case_id", "region", "faults"} & set(table.columns)
    assert {"misplacement", "scan_error", "short_pick"} <= set(table["fault"])
    # A picker who misses what is there fails on a cell that has just sold.
    picks = table[table["type"] == "short_pick"].groupby("fault")["silence"].median()
    assert picks["short_pick"] < picks["misplacement"]


@pytest.mark.campaign
def test_the_classifier_in_force_changes_no_label(table):
    pd.testing.assert_frame_equal(labelled_cases(compose([*WORDS, "classifier=rules"])), table)


@pytest.mark.parametrize(("words", "told"), [
    (["seeds=1"], "seeds=1"),
    (["seeds=1,x"], "seeds=1,x"),
    (["scenarios="], "scenarios"),
    (["scenarios=quickstat"], "quickstart"),
    (["seed=3"], "seed"),
    (["out=model.txt"], "out=model.txt"),
    (["word"], "word"),
    (["world.stors=3"], "'stores'"),
])  # fmt: skip
def test_the_command_refuses_what_it_cannot_mean(words, told, capsys):
    assert main(["fit", *words]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_version_is_never_written_over(tmp_path, capsys):
    taken = tmp_path / "mine.json"
    taken.write_text("{}")
    assert main(["fit", f"out={taken}"]) == 2
    assert taken.read_text() == "{}"
    assert "already" in capsys.readouterr().err


def test_a_run_refuses_a_file_that_is_no_version(tmp_path, capsys):
    (tmp_path / "mine.json").write_text("{}")
    assert main(["run", f"classifier.file={tmp_path / 'mine.json'}"]) == 2
    assert main(["run", "classifier=rules", f"classifier.file={tmp_path / 'mine.json'}"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "classifier.file" in first
    assert "only classifier=fitted" in second
