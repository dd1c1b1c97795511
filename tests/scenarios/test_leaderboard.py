"""The leaderboard against SciPy and against sums by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scenarios.measures.leaderboard import leaderboard
from tests.scenarios.trials import failed, measure, several, trial, whole_run

SHADOW = SimpleNamespace(mode="shadow", budget=0.5)
LOOP = SimpleNamespace(mode="loop", budget=0.5)


def _bounded(table: pd.DataFrame, name: str, least: float, most: float) -> None:
    rows = table[table[name].notna()]
    assert len(rows)
    assert ((rows[f"{name}_low"] >= least) & (rows[f"{name}_low"] <= rows[name])).all()
    assert ((rows[f"{name}_high"] <= most) & (rows[f"{name}_high"] >= rows[name])).all()


def _skills(seeds: int = 30) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(5)
    world = draw.normal(0, 0.05, seeds)
    means = {"good": 0.8, "same": 0.8, "poor": 0.5, "oracle": 0.95, "random": 0.0, "never": 0.0}
    return {name: mean + world * (mean > 0) + draw.normal(0, 0.02, seeds) for name, mean in means.items()}


def _overall(table: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    return table[(table.by == "overall") & (table.split == split)].set_index("entrant")


def test_values_are_means_over_seeds_with_the_t_interval():
    skills = _skills()
    rows = _overall(leaderboard(several(skills), SHADOW))
    for name, values in skills.items():
        low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        told = rows.loc[name, ["skill", "skill_low", "skill_high"]].to_list()
        assert told == pytest.approx([values.mean(), low, high])
        assert rows.loc[name, "skill_n"] == 30


def test_overall_each_scenario_weighs_the_same_and_a_seed_is_one_value():
    one, other = _skills(12), {name: row / 2 for name, row in _skills(12).items()}
    rows = _overall(leaderboard(several(one, "calm") + several(other, "storm"), SHADOW))
    by_seed = (one["good"] + other["good"]) / 2
    assert rows.loc["good", "skill"] == pytest.approx(by_seed.mean())
    high = stats.t.interval(0.95, 11, by_seed.mean(), stats.sem(by_seed))[1]
    assert rows.loc["good", "skill_high"] == pytest.approx(high)
    assert rows.loc["good", "skill_n"] == 12


def test_the_best_is_compared_with_each_on_the_same_seeds():
    skills = _skills()
    rows = _overall(leaderboard(several(skills), SHADOW))
    ranked = ["good", "same", "poor"]
    best = max(ranked, key=lambda name: skills[name].mean())
    assert rows.loc[best, ["rank", "verdict"]].to_list() == [1, "best"]
    others = [name for name in ranked if name != best]
    p = {name: stats.wilcoxon(skills[name] - skills[best]).pvalue for name in others}
    smallest, largest = sorted(others, key=p.get)
    assert rows.loc[smallest, "p_holm"] == pytest.approx(min(1.0, 2 * p[smallest]))
    assert rows.loc[largest, "p_holm"] == pytest.approx(max(min(1.0, 2 * p[smallest]), p[largest]))
    assert rows.loc["poor", "verdict"] == "behind"
    assert rows.loc[others, "verdict"].to_list().count("not told apart") == 1


def test_the_distance_to_the_oracle_is_paired():
    skills = _skills()
    rows = _overall(leaderboard(several(skills), SHADOW))
    gap = skills["oracle"] - skills["good"]
    low, high = stats.t.interval(0.95, 29, gap.mean(), stats.sem(gap))
    assert rows.loc["good", ["to_oracle", "to_oracle_low", "to_oracle_high"]].astype(float).to_list() == pytest.approx(
        [gap.mean(), low, high])


def test_few_seeds_support_no_claim():
    rows = _overall(leaderboard(several({"good": [0.9, 0.8], "poor": [0.1, 0.2]}), SHADOW))
    assert rows.loc["poor", "verdict"] == "2 of 30 pairs"
    assert pd.isna(rows.loc["poor", "p_holm"])


def test_the_nulls_and_the_oracle_have_no_rank_and_stand_apart():
    rows = _overall(leaderboard(several({**_skills(3), "one_liner": [0.99] * 3}), SHADOW))
    assert rows.index[0] == "oracle"
    assert rows.index[-3:].to_list() == ["one_liner", "random", "never"]
    assert rows.loc[["oracle", "one_liner", "random", "never"], "rank"].isna().all()
    assert sorted(rows["rank"].dropna()) == [1, 2, 3]


def test_a_failed_trial_stays_in_the_denominator():
    trials = [*several({"frail": [0.8, 0.6]}), failed("frail", 2), failed("frail", 3)]
    rows = _overall(leaderboard(trials, SHADOW))
    assert rows.loc["frail", "skill"] == pytest.approx(1.4 / 4)
    assert rows.loc["frail", "announced"] == pytest.approx(2.0 / 4)
    assert rows.loc["frail", ["trials", "failed", "statuses"]].to_list() == [4, 2, "ok 2; timeout 2"]


def test_a_type_counts_what_a_failed_trial_was_held_to_find():
    trials = [*several({"frail": [0.5], "sound": [0.5, 1.0]}), failed("frail", 1)]
    table = leaderboard(trials, SHADOW)
    rows = table[table.key == "phantom_stock"].set_index("entrant")
    assert set(rows.by) == {"inferred type"}
    assert set(table[table.key == "short_pick"].by) == {"announced type"}
    assert rows.loc["frail", ["recall", "recall_n"]].to_list() == [2 / 8, 8]
    assert rows.loc["sound", ["recall", "recall_n"]].to_list() == [6 / 8, 8]


def test_only_the_test_split_is_ranked():
    trials = several({"good": [0.1], "poor": [0.9]}, split="dev") + several({"good": [0.9], "poor": [0.1]})
    table = leaderboard(trials, SHADOW)
    assert table.split.drop_duplicates().to_list() == ["test", "dev"]
    assert _overall(table, "dev")["rank"].isna().all()
    assert _overall(table).loc["good", "rank"] == 1
    assert _overall(table).loc["good", "skill"] == pytest.approx(0.9)


def test_the_order_of_trials_does_not_matter():
    trials = [*several(_skills(4), "calm"), *several(_skills(4), "storm"), failed("good", 9, "calm")]
    mixed = [trials[place] for place in np.random.default_rng(1).permutation(len(trials))]
    pd.testing.assert_frame_equal(leaderboard(trials, SHADOW), leaderboard(mixed, SHADOW))


def _losses(*values: float) -> dict[str, float]:
    return dict(zip(("clean", "unmanaged", "managed", "oracle"), values, strict=True))


def test_a_whole_run_that_failed_won_nothing_back_and_stays_in_the_headline():
    seeds = range(4)
    steady = [whole_run("steady", seed, _losses(10, 110 + seed, 60, 40)) for seed in seeds]
    frail = [whole_run("frail", 0, _losses(10, 110, 42, 40)), *(failed("frail", seed) for seed in (1, 2, 3))]
    rows = _overall(leaderboard([*steady, *frail], LOOP))
    stakes = np.array([70.0 + seed for seed in seeds])
    assert rows.loc["frail", "recovery_of_reachable"] == pytest.approx(68 / stakes.sum())
    assert rows.loc["frail", "recovery"] == pytest.approx(68 / (stakes + 30).sum())
    assert rows.loc["frail", "recovery_of_reachable_n"] == rows.loc["steady", "recovery_of_reachable_n"] == 4
    assert rows.loc[["steady", "frail"], "rank"].to_list() == [1, 2]
    # Pair by pair: 0 on each seed that it failed on.
    gaps = np.array([68 / 70, 0, 0, 0]) - (50 + np.arange(4)) / stakes
    assert rows.loc["frail", "to_best"] == pytest.approx(gaps.mean())
    assert rows.loc["frail", "verdict"] == "4 of 30 pairs"
    # What it would have taken people cannot be told, and n says so.
    assert rows.loc["frail", "minutes_n"] == 0


def test_without_anyone_to_take_losses_from_a_failed_run_weighs_as_the_other_seeds_do():
    alone = [whole_run("frail", 0, _losses(10, 110, 42, 40)), *(failed("frail", seed) for seed in (1, 2, 3))]
    rows = _overall(leaderboard(alone, LOOP))
    assert rows.loc["frail", ["recovery_of_reachable", "recovery_of_reachable_n"]].to_list() == [
        pytest.approx(68 / 280), 4]
    rows = _overall(leaderboard([failed("frail", seed) for seed in (1, 2, 3)], LOOP))
    assert rows.loc["frail", ["recovery_of_reachable", "recovery_of_reachable_n"]].to_list() == [0.0, 3]


def test_nobody_gains_by_failing_where_others_had_less_at_stake():
    many, few = _losses(10, 110, 60, 40), _losses(10, 60, 50, 40)
    trials = [whole_run("a", 1, few), whole_run("b", 1, many), failed("frail", 1), whole_run("frail", 2, many)]
    for order in (trials, trials[::-1]):
        rows = _overall(leaderboard(order, LOOP))
        assert rows.loc["frail", "recovery_of_reachable"] == pytest.approx(50 / (70 + 70))


def test_recovery_is_a_ratio_of_sums():
    runs = [whole_run("deterministic", 1, _losses(10, 110, 60, 40)),
            whole_run("deterministic", 2, _losses(10, 112, 82, 40))]
    rows = _overall(leaderboard(runs, LOOP))
    assert rows.loc["deterministic", "recovery_of_reachable"] == pytest.approx((50 + 30) / (70 + 72))
    assert rows.loc["deterministic", "recovery"] == pytest.approx((50 + 30) / (100 + 102))


def test_a_measure_that_does_not_apply_has_no_value():
    rows = _overall(leaderboard([trial("good", 1, 0.5)], SHADOW))
    assert pd.isna(rows.loc["good", "precision"])
    assert rows.loc["good", "precision_n"] == 0


def test_what_an_entrant_is_goes_by_what_it_is_made_of_and_not_by_its_name():
    trials = [
        *(trial("random", seed, 0.7, role="entrant") for seed in range(3)),
        *(trial("chance", seed, 0.1, role="baseline") for seed in range(3)),
        *(trial("mine", seed, 0.9, role="oracle") for seed in range(3)),
    ]
    rows = _overall(leaderboard(trials, SHADOW))
    assert rows.index.to_list() == ["mine", "random", "chance"]
    assert rows.loc["random", "rank"] == 1
    assert rows.loc[["mine", "chance"], "rank"].isna().all()
    assert rows.loc["random", "to_oracle"] == pytest.approx(0.2)
    assert pd.isna(rows.loc["mine", "to_oracle"])


def _said(entrant: str, seed: int, scenario: str, precision: float | None, **rest):
    return trial(entrant, seed, 0.5, scenario, measures={
        "detection.skill": measure(0.5), "detection.precision": measure(precision)}, **rest)


def test_who_is_rightly_silent_in_one_scenario_keeps_the_precision_of_the_others():
    """A mean over the scenarios in which it spoke, whoever else spoke elsewhere; the row says over how many."""
    careful = [_said("careful", seed, "storm", 0.9 + seed / 100) for seed in range(3)]
    careful += [_said("careful", seed, "calm", None) for seed in range(3)]
    noisy = [_said("noisy", seed, scenario, value) for seed in range(3)
             for scenario, value in (("storm", 0.3), ("calm", 0.0))]
    rows = _overall(leaderboard([*careful, *noisy], SHADOW))
    assert rows.loc["careful", ["precision", "precision_n", "precision_scenarios"]].to_list() == [
        pytest.approx(0.91), 3, 1]
    assert rows.loc["noisy", ["precision", "precision_n", "precision_scenarios"]].to_list() == [
        pytest.approx(0.15), 3, 2]
    assert rows.loc["careful", "skill_scenarios"] == 2


def test_what_ranks_and_what_failed_are_not_passed_over_in_a_mean():
    both = {"detection.skill": measure(0.5), "detection.mttd_hours": measure(6.0)}
    trials = [trial("a", seed, 0.5, scenario, measures=both) for seed in range(3) for scenario in ("storm", "calm")]
    # Without a value of what ranks in a scenario where others have one, the seed has none.
    trials += [trial("b", seed, 0.9, "storm") for seed in range(3)]
    trials += [trial("b", seed, 0.9, "calm", measures={"detection.skill": measure(None)}) for seed in range(3)]
    trials += [trial("c", seed, 0.5, "storm", measures={"detection.mttd_hours": measure(4.0)}) for seed in range(3)]
    trials += [trial("c", seed, 0.5, "calm", measures={"detection.mttd_hours": measure(4.0)}) for seed in range(2)]
    trials.append(failed("c", 2, "calm"))
    rows = _overall(leaderboard(trials, SHADOW))
    assert pd.isna(rows.loc["b", "skill"])
    # The score of silence was not taken either: nothing can be said of that seed.
    assert rows.loc["c", ["mttd_hours", "mttd_hours_n"]].to_list() == [4.0, 2]


def test_an_interval_ends_where_its_measure_does():
    names = {"recall": "detection.recall", "mttd_hours": "detection.mttd_hours", "skill": "detection.skill",
             "false_alarms": "detection.false_alarms_per_location_day"}
    trials = [trial("wild", seed, 0.0, measures={of: measure(value) for of in names.values()})
              for seed, value in enumerate((0.8, 1.0))]
    table = leaderboard(trials, SHADOW)
    for name, ends in {"recall": (0, 1), "mttd_hours": (0, np.inf), "skill": (-np.inf, 1),
                       "false_alarms": (0, np.inf)}.items():
        _bounded(table, name, *ends)
    # 12.7 standard errors of 0.1 to either side, were it not for the ends.
    assert table.loc[0, ["recall_low", "recall_high", "mttd_hours_low"]].to_list() == [0.0, 1.0, 0.0]
    assert table.loc[0, "mttd_hours_high"] == pytest.approx(stats.t.interval(0.95, 1, 0.9, 0.1)[1])
    assert table.loc[0, "skill_low"] == pytest.approx(stats.t.interval(0.95, 1, 0.9, 0.1)[0])


def test_who_is_clearly_over_the_budget_of_false_alarms_ranks_last_however_much_it_finds():
    """By all of its trials together: neither some bad seeds nor a silent one decide it, nor are three seeds too few."""
    alarms = {"loud": [0.0, 1.0, 11.0], "near": [0.1, 0.9, 0.5], "quiet": [0.1, 0.2, 0.1]}
    skills = {"loud": 0.9, "near": 0.6, "quiet": 0.5}
    trials = [trial(name, seed, skills[name]) for name in skills for seed in range(3)]
    for one in trials:
        rate = alarms[one.entrant][one.seed]
        # A hundred location-days each: the bound of none seen is that of the rule of three.
        told = {**measure(rate), "n": round(100 * rate), "high": None if rate else -np.log(0.05) / 100}
        one.measures["detection.false_alarms_per_location_day"] = told
    rows = _overall(leaderboard(trials, SHADOW))
    assert rows["rank"].to_dict() == {"near": 1, "quiet": 2, "loud": 3}
    assert rows.index.to_list() == ["near", "quiet", "loud"]
    assert rows["verdict"].to_dict() == {"near": "best", "quiet": "3 of 30 pairs", "loud": "over the budget"}
    # What an alert costs is in the loss of a whole run.
    for one in trials:
        one.measures["business.recovery_of_reachable"] = measure(skills[one.entrant])
    assert _overall(leaderboard(trials, LOOP))["rank"].to_dict()["loud"] == 1
