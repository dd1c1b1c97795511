"""The gate on real seeds: a planted loss of recall fails it, fresh seeds of the unchanged program do not.

How seeds are used: one pool of ``POOL`` simulated seeds. Each of the 200 calls draws 60 of them by lot, 30 for the
baseline and 30 others for the run, so inside a call all seeds are fresh and disjoint. Between calls seeds recur: the
share of failures is an unbiased estimate of the rate, and its error is that of ``POOL`` seeds, not of 12,000.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scenarios import baseline, gate
from scenarios.samples import Sample, read_samples
from tests.conftest import Command

POOL, CALLS, SEEDS = 180, 200, 30
#: Large enough for some twenty exceptions a seed: with six, a tenth of recall drowns in the spread over seeds.
WORLD = ("world.stores=4", "world.items=60", "world.days=7", "faults.scale=4", "record=summary", "oracle=false",
         "workers=2")
LOSSY = ("detector.plugin=tests.scenarios.lossy:Lossy", "detector.parameters={lost: 0.1}")


def _run(command: Command, folder: Path, seed: int, count: int, *words: str) -> Sample:
    done = command("run", *WORLD, f"seed={seed}", f"replications={count}", f"out=run{seed}{len(words)}", *words,
                   cwd=folder, timeout=7200.0)
    assert done.returncode == 0, done.stderr
    return read_samples(folder / f"run{seed}{len(words)}")[0]


def _chosen(pool: Sample, places: np.ndarray) -> Sample:
    places = np.sort(places)
    values = {name: tuple(row[place] for place in places) for name, row in pool.values.items()}
    return replace(pool, seeds=tuple(pool.seeds[place] for place in places), values=values, hashes={}, counts={})


def _judge(before: Sample, after: Sample) -> gate.Verdict:
    made = baseline.make([before], version="1", lock=None, before=None)
    return gate.judge(made, [after], version="1", lock=None)


@pytest.mark.campaign
def test_a_lost_tenth_of_recall_fails_and_fresh_seeds_do_not(command: Command, tmp_path: Path) -> None:
    pool = _run(command, tmp_path, 1, POOL)
    worse = _run(command, tmp_path, 1, SEEDS, *LOSSY)

    paired = _judge(_chosen(pool, np.arange(SEEDS)), worse)
    fresh = _judge(_chosen(pool, np.arange(SEEDS, 2 * SEEDS)), worse)
    for verdict, by in ((paired, "pairs"), (fresh, "means")):
        check = next(check for check in verdict.checks if check.name == "detection.recall")
        print(by, check.baseline, check.value, check.gap)  # noqa: T201
        assert (check.by, check.status, verdict.code) == (by, "failed", 1)

    rng = np.random.default_rng(5)
    failed = 0
    for _ in range(CALLS):
        places = rng.permutation(POOL)[: 2 * SEEDS]
        failed += _judge(_chosen(pool, places[:SEEDS]), _chosen(pool, places[SEEDS:])).code == 1
    print(f"{failed} of {CALLS} calls of the unchanged program failed")  # noqa: T201
    assert stats.binomtest(failed, CALLS, baseline.RATE, alternative="greater").pvalue > 0.01
