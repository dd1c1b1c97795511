"""Two workers over one, on ``standard`` with a dev and a test seed: the wall time of the whole command."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.results import TARGETS, Result, Results

pytestmark = pytest.mark.bench

#: Sixteen recordings and what is shown on them; the whole suite has twice as many.
WORDS = ("suite=standard", "seeds.dev=[101]", "seeds.validation=[]", "seeds.test=[201]")


def seconds(out: Path, workers: int, root: Path) -> tuple[float, float]:
    """Wall time and processor time of one benchmark from nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "scenarios.cli", "bench", *WORDS, f"workers={workers}", f"out={out}"],
        env={**os.environ, "PYTHONPATH": str(root)}, cwd=out.parent, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def test_two_workers_do_nearly_twice_as_much(results: Results, tmp_path: Path, root: Path) -> None:
    # Both before and after, so that a machine that slows down or speeds up meanwhile favours neither.
    first, third = (tmp_path / name for name in ("first", "third"))
    one = seconds(first, 1, root)
    two = seconds(tmp_path / "second", 2, root)
    again = seconds(third, 1, root)
    wall, processor = ((a + b) / 2.0 for a, b in zip(one, again, strict=True))
    note = f"{wall:.0f} s with one worker, {two[0]:.0f} s with two; standard, 16 recordings, 192 trials"
    results["workers_ratio"] = Result(wall / two[0], 2.0 * processor / two[1], note)
    tables = {(tmp_path / name / "leaderboard.csv").read_bytes() for name in ("first", "second", "third")}
    assert len(tables) == 1
    assert TARGETS["workers_ratio"].is_met(wall / two[0]), note
