"""What trusted implementations say of each random case, written to ``golden.npz``.

    python -m venv /tmp/references && /tmp/references/bin/pip install -r tests/references/requirements.txt
    /tmp/references/bin/python tests/references/make_golden.py [MEASURE ...]

It asks the references only and imports nothing of ours; what it writes are numbers. Where an answer is
open (an interval without an end), it is infinite.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import aeon.benchmarking.metrics.anomaly_detection as aeon
import astropy.stats
import cases
import dtaianomaly.evaluation
import lifelines
import mapie.metrics.calibration
import mir_eval
import networkx as nx
import numpy as np
import sklearn.metrics
import statsmodels.duration.survfunc
import statsmodels.stats.multitest
import statsmodels.stats.proportion
import statsmodels.stats.rates
import statsmodels.stats.weightstats
from lifelines.utils import median_survival_times, qth_survival_time, restricted_mean_survival_time
from scipy import optimize, sparse, stats

OUT = Path(__file__).parent / "golden.npz"


def shares(case):
    return statsmodels.stats.proportion.proportion_confint(case["hits"], case["total"], 0.05, "beta")


def rates(case):
    return statsmodels.stats.rates.confint_poisson(case["count"], case["exposure"], method="exact-c", alpha=0.05)


def means(case):
    found = statsmodels.stats.weightstats.DescrStatsW(case["values"])
    return (found.mean, *found.tconfint_mean(0.05))


def grouped(case):
    """The mean of shares is a macro recall, the weighted share a weighted one."""
    said = np.where(case["hits"], case["groups"], -1)
    labels = np.unique(case["groups"])
    every = np.ones(len(said), int)
    return (
        sklearn.metrics.recall_score(case["groups"], said, labels=labels, average="macro", zero_division=0),
        sklearn.metrics.recall_score(every, case["hits"].astype(int), sample_weight=case["weights"], zero_division=0),
    )


def ratios(case):
    pairs = np.column_stack([case["above"], case["below"]])

    def ratio(rows):
        return rows[:, 0].sum() / rows[:, 1].sum()

    # astropy resamples one axis only, so it is given the row numbers
    rows = np.arange(len(pairs))
    _, _, error, _ = astropy.stats.jackknife_stats(rows, lambda kept: ratio(pairs[kept.astype(int)]), 0.95)
    value, half = ratio(pairs), stats.t.ppf(0.975, len(pairs) - 1) * error
    return value, value - half, value + half


def times(case):
    fitted = lifelines.KaplanMeierFitter().fit(case["times"], case["observed"], alpha=0.05)
    mean = restricted_mean_survival_time(fitted, t=case["until"])
    ends = median_survival_times(fitted.confidence_interval_survival_function_)
    # a hair of slack: where one half is left, its product of shares may end above one half
    return mean, qth_survival_time(0.5 + 1e-9, fitted), *sorted(ends.iloc[0].to_list())


def diagnoses(case):
    truth, said = case["truth"], case["said"]
    labels = sorted((set(truth) | set(said)) - {"unknown"})
    right = np.array([a == b for a, b in zip(truth, said, strict=True)])
    pair = [(a, b) for a, b in zip(truth, said, strict=True) if a in ("drop", "lag")]
    balanced = np.nan
    if {a for a, _ in pair} == {"drop", "lag"}:
        balanced = sklearn.metrics.recall_score(*zip(*pair, strict=True), labels=["drop", "lag"], average="macro")
    return (
        sklearn.metrics.f1_score(truth, said, labels=labels, average="macro", zero_division=0),
        # it counts the edges: sixteen bound fifteen bins
        mapie.metrics.calibration.expected_calibration_error(
            right.astype(int), case["confidence"], num_bins=16, split_strategy="uniform"),
        sklearn.metrics.brier_score_loss(right, case["confidence"], pos_label=True),
        balanced,
    )


def scored(case):
    positive = np.concatenate([case["positive"], np.arange(case["unscored"]) < case["unscored_positive"]])
    score = np.concatenate([case["score"], np.full(case["unscored"], -1.0)])
    return (sklearn.metrics.average_precision_score(positive, score),)


def tails(case):
    """The programme of Rockafellar and Uryasev, solved by HiGHS: least of c + mean excess above c / (1 - level)."""
    values, count = case["values"], len(case["values"])
    costs = np.concatenate([[1.0], np.full(count, 1 / (count * (1 - case["level"])))])
    above = np.column_stack([-np.ones(count), -np.eye(count)])
    return (optimize.linprog(costs, above, -values, bounds=[(None, None), *[(0, None)] * count]).fun,)


def quantiles(case):
    ends = stats.quantile_test(case["values"], p=case["level"]).confidence_interval(0.95)
    low, high = (sign * np.inf if np.isnan(end) else end for sign, end in zip((-1, 1), ends, strict=True))
    return np.percentile(case["values"], 100 * case["level"]), low, high


def matchings(case):
    graph = nx.Graph()
    for (mine, other), agree, delay in zip(case["edges"], case["agree"].tolist(), case["delay"].tolist(), strict=True):
        graph.add_edge(("a", mine), ("b", other), weight=100_000 * agree - delay, agree=agree, delay=delay)
    chosen = [graph.edges[pair] for pair in nx.max_weight_matching(graph, maxcardinality=True)]
    table = sparse.csr_matrix((np.ones(len(case["edges"])), tuple(zip(*case["edges"], strict=True))))
    most = int((sparse.csgraph.maximum_bipartite_matching(table) >= 0).sum())
    assert most == len(chosen)
    return most, sum(edge["agree"] for edge in chosen), sum(edge["delay"] for edge in chosen)


def windows(case):
    # its windows are symmetric: the same pairs with the middle of ours
    middle = case["opened"] + case["window"] / 2
    return (len(mir_eval.util.match_events(middle, case["raised"].astype(float), case["window"] / 2)),)


def adjusted(case):
    """Holm's adjustment; a comparison that was not made has none, and places that are left are no number."""
    made = [place for place, p in enumerate(case["pvalues"]) if p is not None]
    answer = np.full(12, np.nan)
    if made:
        known = [case["pvalues"][place] for place in made]
        answer[made] = statsmodels.stats.multitest.multipletests(known, method="holm")[1]
    return answer


def pairs(case):
    """Mean difference and interval, signed-rank p without the pairs that do not differ, and both tails by t tests."""
    gaps, margin = case["b"] - case["a"], case["margin"]
    found = statsmodels.stats.weightstats.DescrStatsW(gaps)
    tails = (found.ttest_mean(-margin, "larger")[1], found.ttest_mean(margin, "smaller")[1])
    return (found.mean, *found.tconfint_mean(0.05), stats.wilcoxon(case["b"], case["a"], zero_method="wilcox").pvalue,
            *tails)


def samples(case):
    margin = case["margin"]
    both = statsmodels.stats.weightstats.CompareMeans.from_data(case["b"], case["a"])
    tails = (both.ttest_ind("larger", "unequal", -margin)[1], both.ttest_ind("smaller", "unequal", margin)[1])
    return case["b"].mean() - case["a"].mean(), *both.tconfint_diff(0.05, usevar="unequal"), *tails


def restricted(case):
    """The mean with Greenwood's interval: the standard errors of survival integrated over both of its times.

    Cov(S(s), S(t)) = S(s) S(t) G(min(s, t)), where G is Greenwood's sum: the variance of S over its square.
    """
    fitted = statsmodels.duration.survfunc.SurvfuncRight(case["times"], case["observed"].astype(int))
    inside = fitted.surv_times < case["until"]
    alive, error = fitted.surv_prob[inside], fitted.surv_prob_se[inside]
    widths = np.diff(np.concatenate([fitted.surv_times[inside], [case["until"]]]))
    first = fitted.surv_times[inside][0] if inside.any() else case["until"]
    greenwood = np.where(alive > 0, error / np.where(alive > 0, alive, 1.0), 0.0) ** 2
    areas, order = alive * widths, np.arange(len(alive))
    variance = areas @ greenwood[np.minimum(order[:, None], order[None, :])] @ areas if len(areas) else 0.0
    mean, half = first + areas.sum(), stats.norm.ppf(0.975) * np.sqrt(variance)
    return mean, max(0.0, mean - half), min(case["until"], mean + half)


def ranges(case):
    # a day of nothing keeps the series apart
    apart = [np.pad(case[name].astype(int), ((0, 0), (0, 1))).ravel() for name in ("true", "said")]
    return aeon.range_precision(*apart), aeon.range_recall(*apart)


def volumes(case):
    return (aeon.range_pr_vus_score(case["true"][0].astype(int), case["score"][0], case["buffer_max"]),)


def affiliations(case):
    both = case["true"][0].astype(int), case["said"][0].astype(int)
    return (dtaianomaly.evaluation.AffiliationPrecision().compute(*both),
            dtaianomaly.evaluation.AffiliationRecall().compute(*both))  # fmt: skip


ASKED = (
    shares, rates, means, grouped, ratios, times, diagnoses, scored, tails, quantiles, matchings, windows, adjusted,
    pairs, samples, restricted, ranges, volumes, affiliations,
)  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    wanted = set(sys.argv[1:]) or {reference.__name__ for reference in ASKED}
    golden = dict(np.load(OUT)) if OUT.exists() else {}
    for reference in ASKED:
        if reference.__name__ not in wanted:
            continue
        answers = [reference(case) for case in getattr(cases, reference.__name__)()]
        golden[reference.__name__] = np.array(answers, dtype=float)
        print(f"{reference.__name__}: {golden[reference.__name__].shape}")  # noqa: T201
    np.savez_compressed(OUT, **golden)


if __name__ == "__main__":
    main()
