"""Trials: a file each that gives back what was written, one order, and failures that count."""

import random
from dataclasses import replace

import pytest

from scenarios.errors import UserError
from scenarios.measures.trials import Trial, counted, read_trials

RECALL = {"value": 0.1 + 0.2, "unit": "share", "low": None, "high": None, "n": 4, "reason": None}
TRIAL = Trial("calm", 3, "dev", "never", "ok", "", "ab12", {"detection.recall": RECALL},
              {"shrink": {"n": 4, "recall": 0.3, "announced": False}})


def test_a_trial_comes_back_as_it_was_written():
    assert Trial.from_json(TRIAL.to_json()) == TRIAL
    assert TRIAL.to_json().count("\n") == 1


def test_trials_are_read_in_one_order_whatever_their_files_are_called(tmp_path):
    trials = [replace(TRIAL, scenario=scenario, entrant=entrant, split=split, seed=seed)
              for scenario in ("a", "b") for entrant in ("never", "standard")
              for split, seeds in (("dev", (9, 10)), ("validation", (3,)), ("test", (1,))) for seed in seeds]
    names = [f"{number:03}.json" for number in range(len(trials))]
    random.Random(1).shuffle(names)
    (tmp_path / "trials").mkdir()
    for name, trial in zip(names, trials, strict=True):
        (tmp_path / "trials" / name).write_text(trial.to_json())
    assert read_trials(tmp_path) == trials


def test_a_failed_trial_counts_as_nothing_found_and_nothing_won():
    failed = Trial("calm", 3, "test", "mine", "timeout", "took longer than 5 s")
    assert counted(failed, "detection.recall") == 0.0
    assert counted(failed, "detection.precision") == 0.0
    assert counted(failed, "business.recovery") == 0.0
    # A time has no worst value of its own: it is that of the score without alerts, if the stream is there.
    assert counted(failed, "detection.mttd_hours") is None
    scored = replace(failed, measures={"detection.mttd_hours": {"value": 72.0}})
    assert counted(scored, "detection.mttd_hours") == 72.0


def test_na_of_a_trial_that_went_well_stays_na():
    never = replace(TRIAL, measures={"detection.precision": {"value": None, "reason": "no incident"}})
    assert counted(never, "detection.precision") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scenario": "calm"}'])
def test_what_is_no_trial_is_named(tmp_path, text):
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json"):
        read_trials(tmp_path)
