"""What policies buy and cost: differences against SciPy, the tail and the frontier against sums by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from scenarios.measures.leaderboard import LOOP
from scenarios.measures.tradeoffs import WEIGHED, reference_of, tradeoffs
from scenarios.measures.trials import Trial
from tests.scenarios.trials import failed, measure, trial

RECOVERY = {"policy=manual": [0.0, 0.0, 0.0], "policy=a": [0.2, 0.3, 0.25], "policy=b": [0.4, 0.5, 0.3],
            "policy=c": [0.1, 0.2, 0.15]}
WRONG = {"policy=manual": [0.0, 0.0, 0.0], "policy=a": [10.0, 30.0, 20.0], "policy=b": [900.0, 100.0, 500.0],
         "policy=c": [50.0, 70.0, 60.0]}


def _trials(scenario: str = "quickstart", shift: float = 0.0) -> list[Trial]:
    values: Mapping[str, Mapping[str, Sequence[float]]] = {"recovery": RECOVERY, "wrongful_value": WRONG}
    return [
        trial(entrant, seed, 0.5, scenario, measures={
            LOOP[name]: measure(float(values[name][entrant][seed]) + shift if name in values else 1.0)
            for name in WEIGHED})
        for entrant in RECOVERY for seed in range(3)
    ]  # fmt: skip


def test_a_difference_is_the_paired_one_with_the_t_interval():
    table = tradeoffs(_trials(), "policy=manual").set_index("entrant")
    for name, given in (("recovery", RECOVERY), ("wrongful_value", WRONG)):
        for entrant in ("policy=a", "policy=b"):
            gaps = np.subtract(given[entrant], given["policy=manual"])
            low, high = stats.t.interval(0.95, 2, gaps.mean(), stats.sem(gaps))
            told = table.loc[entrant, [f"{name}_more", f"{name}_low", f"{name}_high"]].to_list()
            assert told == pytest.approx([gaps.mean(), low, high])
    assert table.loc["policy=manual", "against"] == ""
    assert np.isnan(float(table.loc["policy=manual", "recovery_more"] or np.nan))


def test_the_tail_is_the_worst_seed_of_a_few_and_the_frontier_leaves_out_what_another_beats():
    table = tradeoffs(_trials(), "policy=manual").set_index("entrant")
    worst = {entrant: max(values) for entrant, values in WRONG.items()}
    assert table["wrongful_cvar"].to_dict() == pytest.approx(worst)
    # c recovers less than a at more risk.
    assert table["frontier"].to_dict() == {"policy=manual": True, "policy=a": True, "policy=b": True, "policy=c": False}


def test_a_seed_is_one_value_over_scenarios():
    one = tradeoffs(_trials(), "policy=manual").set_index("entrant")
    two = tradeoffs(_trials() + _trials("calm", shift=2.0), "policy=manual").set_index("entrant")
    assert two["recovery"].to_list() == pytest.approx((one["recovery"] + 1.0).to_list())
    assert two.loc["policy=a", "recovery_low"] == pytest.approx(one.loc["policy=a", "recovery_low"])
    assert (two["seeds"] == 3).all()


def test_the_reference_of_a_cross_has_the_same_other_words():
    names = [f"policy={policy} people.dc={heads}" for policy in ("manual", "visibility") for heads in (1, 2)]
    assert reference_of(names[3], "policy=manual", names) == "policy=manual people.dc=2"
    assert reference_of(names[1], "policy=manual", names) is None
    assert reference_of("visibility", "manual", ["manual", "visibility"]) == "manual"
    with pytest.raises(LookupError):
        reference_of("visibility", "manual", ["visibility"])


def test_a_failed_run_recovers_nothing_and_a_risk_that_is_not_known_is_none():
    # b fails on the seed on which it was most harmful: less risk, which it does not owe to itself.
    trials = [failed("policy=b", 0) if (one.entrant, one.seed) == ("policy=b", 0) else one for one in _trials()]
    table = tradeoffs(trials, "policy=manual").set_index("entrant")
    assert table.loc["policy=b", "recovery"] == pytest.approx((0.0 + 0.5 + 0.3) / 3)
    assert table.loc["policy=b", ["recovery_n", "wrongful_value_n", "wrongful_value_pairs"]].to_list() == [3, 2, 2]
    assert table.loc["policy=a", ["recovery_n", "wrongful_value_n", "wrongful_value_pairs"]].to_list() == [3, 3, 3]
    assert table.index[table["frontier"]].to_list() == ["policy=manual", "policy=a"]


def test_a_scenario_on_which_all_fails_is_not_left_out_of_a_mean_in_silence():
    trials = [failed("policy=a", one.seed, "calm") if (one.entrant, one.scenario) == ("policy=a", "calm") else one
              for one in _trials() + _trials("calm", shift=2.0)]
    table = tradeoffs(trials, "policy=manual").set_index("entrant")
    assert table.loc["policy=a", "wrongful_value_n"] == 0
    assert np.isnan(table.loc["policy=a", "wrongful_value"])
