"""The measures of hard pairs against scikit-learn's balanced accuracy, on tables drawn at random."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from scenarios.measures.classification import PAIRS, _pair
from scenarios.statistics import Estimate

FAULTS = [*dict.fromkeys(name for pair in PAIRS for name in pair), "scan_error", "unknown"]


def drawn(seed: int) -> pd.DataFrame:
    """Cases of every fault, more often right than wrong, and of each fault another number."""
    draw = np.random.default_rng(seed)
    weight = draw.dirichlet(np.ones(len(FAULTS)))
    true = np.concatenate([FAULTS, draw.choice(FAULTS, 300, p=weight)])
    said = np.where(draw.random(len(true)) < 0.6, true, draw.choice(FAULTS, len(true)))
    return pd.DataFrame({"fault_type_true": true, "fault_type_said": said})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pair", PAIRS, ids=".".join)
def test_a_pair_is_the_balanced_accuracy_over_the_cases_of_its_two_faults(seed: int, pair: tuple[str, str]) -> None:
    cases = drawn(seed)
    of_pair = cases[cases["fault_type_true"].isin(pair)]
    with warnings.catch_warnings():
        # an answer outside the pair is a wrong answer here, and scikit-learn warns of it
        warnings.simplefilter("ignore", UserWarning)
        expected = balanced_accuracy_score(of_pair["fault_type_true"], of_pair["fault_type_said"])
    found = _pair(cases, *pair)
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(expected)
    assert found.n == len(of_pair)
    assert _pair(cases, *reversed(pair)) == found


def test_a_pair_of_which_one_fault_did_not_occur_says_so() -> None:
    cases = drawn(0)
    only = cases[cases["fault_type_true"] != "misplacement"]
    assert _pair(only, "shrink", "misplacement") == "no case is about misplacement"
