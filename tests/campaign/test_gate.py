"""The gate on real seeds: a planted loss of recall fails it, fresh seeds of the unchanged program do not.

How seeds are used: one pool of ``POOL`` seeds, each simulated once by a benchmark in shadow mode. Each of the 200 calls
draws 60 of them by lot, 30 for the baseline and 30 others for the run, so inside a call all seeds are fresh and
disjoint. Between calls seeds recur: the share of failures is an unbiased estimate of the rate, and its error is that of
``POOL`` seeds, not of 12,000. A seed where a gated measure has no value (nothing to infer went wrong) is no part of the
pool. The worse detector is shown the first 30 seeds again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scenarios import baseline, gate
from scenarios.samples import Sample, read_samples
from tests.conftest import Command

POOL, CALLS, SEEDS = 90, 200, 30
SUITE = """\
mode: shadow
common: [world.stores=3, world.items=40, world.days=6, faults.scale=4]
scenarios: {wild: []}
entrants: {standard: [detector=standard]}
limits: {seconds: 300, gib: 6}
"""
LOSSY = "entrants.standard=[detector.plugin=tests.scenarios.lossy:Lossy,'detector.parameters={lost: 0.1}']"


def _bench(command: Command, folder: Path, name: str, seeds: Sequence[int], *words: str) -> Sample:
    (folder / "suite.yaml").write_text(SUITE)
    listed = ",".join(str(seed) for seed in seeds)
    done = command("bench", "suite=suite.yaml", f"out={name}", f"seeds.test=[{listed}]", "workers=2", *words,
                   cwd=folder, timeout=7200.0)
    assert done.returncode == 0, done.stderr
    (found,) = read_samples(folder / name)
    assert (found.seeds, dict(found.failed)) == (tuple(seeds), {})
    return found


def _chosen(pool: Sample, places: np.ndarray) -> Sample:
    places = np.sort(places)
    values = {name: tuple(row[place] for place in places) for name, row in pool.values.items()}
    return replace(pool, seeds=tuple(pool.seeds[place] for place in places), values=values, hashes={}, counts={})


def _made(before: Sample) -> baseline.Baseline:
    return baseline.make([before], version="1", lock=None, before=None)


def _judge(before: Sample, after: Sample) -> gate.Verdict:
    return gate.judge(_made(before), [after], version="1", lock=None)


@pytest.mark.campaign
def test_a_lost_tenth_of_recall_fails_and_fresh_seeds_do_not(command: Command, tmp_path: Path) -> None:
    every = _bench(command, tmp_path, "pool", range(1, POOL + 1))
    gated = [every.values[name] for name in _made(every).margins]
    held = np.array([place for place, values in enumerate(zip(*gated, strict=True)) if None not in values])
    pool = _chosen(every, held)
    worse = _bench(command, tmp_path, "worse", pool.seeds[:SEEDS], LOSSY)

    paired = _judge(_chosen(pool, np.arange(SEEDS)), worse)
    fresh = _judge(_chosen(pool, np.arange(SEEDS, 2 * SEEDS)), worse)
    for verdict, by in ((paired, "pairs"), (fresh, "means")):
        check = next(check for check in verdict.checks if check.name == "detection.recall")
        print(by, check.baseline, check.value, check.gap)  # noqa: T201
        assert (check.by, check.status, verdict.code) == (by, "failed", 1)

    rng = np.random.default_rng(5)
    codes = []
    for _ in range(CALLS):
        places = rng.permutation(len(pool.seeds))[: 2 * SEEDS]
        codes.append(_judge(_chosen(pool, places[:SEEDS]), _chosen(pool, places[SEEDS:])).code)
    failed = codes.count(1)
    print(f"{failed} of {CALLS} calls of the unchanged program failed ({len(pool.seeds)} seeds)")  # noqa: T201
    assert stats.binomtest(failed, CALLS, baseline.RATE, alternative="greater").pvalue > 0.01
    assert codes.count(2) == 0
