"""Which assumptions flip a ranking: told from trials whose order a test knows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scenarios.measures.flips import FLIPS, NOT_TOLD_APART, flips
from tests.scenarios.trials import failed, several

ORIGIN = {"quickstart people.dc=2.0": "quickstart", "quickstart people.dc=8.0": "quickstart"}
LOW, HIGH = ORIGIN
USUAL = {"a": [0.8, 0.7, 0.9], "b": [0.6, 0.5, 0.65], "never": [0.0, 0.0, 0.0]}


def test_two_that_change_places_beyond_doubt_flip_the_ranking():
    turned = {"a": [0.5, 0.4, 0.6], "b": [0.7, 0.65, 0.78], "never": [0.9, 0.9, 0.9]}
    table = flips(several(USUAL) + several(turned, LOW) + several(USUAL, HIGH), ORIGIN, "shadow")
    (row,) = table.to_dict("records")
    assert (row["scenario"], row["assumption"], row["value"]) == ("quickstart", "people.dc", 2.0)
    assert (row["ahead"], row["behind"], row["verdict"], row["seeds"]) == ("a", "b", FLIPS, 3)
    gaps = np.array(turned["a"]) - np.array(turned["b"])
    interval = stats.t.interval(0.95, 2, gaps.mean(), stats.sem(gaps))
    assert [row["moved"], row["moved_low"], row["moved_high"]] == pytest.approx([gaps.mean(), *interval])
    assert row["usual"] == pytest.approx(np.mean(USUAL["a"]) - np.mean(USUAL["b"]))


def test_a_change_within_the_noise_is_told_and_flips_nothing():
    close = {"a": [0.7, 0.5, 0.6], "b": [0.55, 0.68, 0.65]}
    table = flips(several(USUAL) + several(close, HIGH), ORIGIN, "shadow")
    assert table.verdict.tolist() == [NOT_TOLD_APART]
    assert table.value.tolist() == [8.0]


def test_the_order_of_names_and_trials_tells_nothing():
    turned = {"b": [0.5, 0.4, 0.6], "a": [0.7, 0.65, 0.78]}
    usual = {"b": USUAL["a"], "a": USUAL["b"]}
    trials = several(usual) + several(turned, LOW)
    table = flips(reversed(trials), ORIGIN, "shadow")
    assert table[["ahead", "behind", "verdict"]].to_numpy().tolist() == [["b", "a", FLIPS]]
    assert table.equals(flips(trials, ORIGIN, "shadow"))


def test_one_that_fails_there_counts_with_nothing_found():
    trials = several(USUAL) + several({"b": [0.6, 0.5, 0.65]}, LOW) + [failed("a", seed, LOW) for seed in range(3)]
    assert flips(trials, ORIGIN, "shadow").verdict.tolist() == [FLIPS]


def test_where_nobody_changes_places_there_is_no_row():
    assert not len(flips(several(USUAL) + several(USUAL, LOW), ORIGIN, "shadow"))
    assert not len(flips(several(USUAL), {}, "shadow"))
