"""A benchmark from its suite to its leaderboard: thresholds on dev, then every trial, then the table.

Whatever is finished in the folder is kept, so the same call goes on after any interruption; what may not go on
is refused before anything is written (:mod:`scenarios.bench.resume`). The hash of
the test seeds is written before any trial begins, and what was frozen on dev before any other seed is shown.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pandas as pd

from scenarios.bench import resume
from scenarios.bench.plan import Group, lay_out, program_digest
from scenarios.bench.request import Request
from scenarios.bench.store import CURVES, Store, opened
from scenarios.bench.suite import Suite, commitment
from scenarios.bench.thresholds import Curve, Threshold, choose
from scenarios.bench.work import Order, work
from scenarios.cells import SUITE
from scenarios.engine import check_reachable, spread
from scenarios.measures.flips import flips
from scenarios.measures.leaderboard import leaderboard
from scenarios.measures.tradeoffs import tradeoffs
from scenarios.measures.trials import FOLDER as TRIALS
from scenarios.measures.trials import OK, Trial
from scenarios.progress import Progress, silent

TABLE: Final = "leaderboard.csv"
FLIP_TABLE: Final = "flips.csv"
TRADEOFF_TABLE: Final = "tradeoffs.csv"
#: How often the finished trials are counted for the eye, seconds.
_LOOK: Final = 0.5


def carry_out(request: Request, progress: Progress = silent) -> pd.DataFrame:
    """Carry a benchmark out, or what is left of it; returns its leaderboard, which is written too.

    Args:
        request: the suite, and where and how.
        progress: told how far the work is.

    Raises:
        UserError: for what the user must put right; nothing is done then.
    """
    suite = request.suite
    # Composed before anything is touched: a misspelled word leaves no folder behind.
    planned = lay_out(suite)
    asked = kept(suite, planned)
    check_reachable(request.engine)
    with opened(request.out, overwrite=request.overwrite) as store:
        resume.check(store, asked, planned)
        resume.forget_lost(store)
        store.write(SUITE, asked)
        store.write("seeds.json", {"test_sha256": suite.seeds.test_sha256 or commitment(suite.seeds)})
        frozen = _freeze(request, store, progress) if suite.scored else {}
        bounds = {name: found.score_min for name, found in frozen.items() if found.score_min is not None}
        groups = lay_out(suite, bounds)
        resume.put_aside_changed(store, groups)
        _spread(request, store, groups, progress)
        trials = _finished(store, groups)
        table = leaderboard(trials, suite)
        store.write(TABLE, table.to_csv(index=False, lineterminator="\n"))
        if suite.against:
            store.write(TRADEOFF_TABLE, tradeoffs(trials, suite.against).to_csv(index=False, lineterminator="\n"))
        if suite.origin:
            store.write(FLIP_TABLE, flips(trials, suite.origin, suite.mode).to_csv(index=False, lineterminator="\n"))
    return table


def kept(suite: Suite, groups: Sequence[Group]) -> dict[str, Any]:
    """What is kept of a suite: its keys, the worlds that its scenarios resolved to, and the program."""
    worlds = {group.scenario: dataclasses.asdict(group.experiment.world) for group in groups}
    return {**dataclasses.asdict(suite), "worlds": worlds, "program": program_digest()}


def _freeze(request: Request, store: Store, progress: Progress) -> dict[str, Threshold]:
    """The least score of each scored entrant, chosen on dev seeds and written down."""
    suite = request.suite
    groups = lay_out(suite, scored_only=True)
    _spread(request, store, groups, progress, curves=True)
    frozen = {}
    for name in suite.scored:
        told = [store.get(CURVES, task.key) for group in groups for task in group.tasks if task.entrant == name]
        curves = [Curve(tuple(one["score_min"]), tuple(one["untrue"]), one["location_days"])
                  for one in told if one["status"] == OK]
        # An entrant that fails on every dev seed has no bound; its trials fail or not in their own right.
        frozen[name] = choose(curves, suite.budget) if curves else Threshold(None, 0.0, 0)
    store.write("thresholds.json", {
        "budget": suite.budget, "dev": suite.seeds.dev,
        "entrants": {name: dataclasses.asdict(found) for name, found in frozen.items()},
    })
    return frozen


def _spread(
    request: Request, store: Store, groups: Sequence[Group], progress: Progress, *, curves: bool = False
) -> None:
    """The work that is left of some groups, the longest first, over the workers."""
    kept = CURVES if curves else TRIALS
    keys = [task.key for group in groups for task in group.tasks]
    left = [group for group in groups if any(not store.has(kept, task.key) for task in group.tasks)]
    left.sort(key=lambda group: -group.cost)
    orders = [Order(group, store, request.suite.limits, curves=curves) for group in left]
    with _told(store, kept, keys, progress, "freezing thresholds" if curves else "trials"):
        for _ in spread(request.engine, request.workers, work, [(order,) for order in orders]):
            pass
    missing = [key for key in keys if not store.has(kept, key)]
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(keys)} trials were not finished: a worker was lost")


@contextmanager
def _told(store: Store, kept: str, keys: Sequence[str], progress: Progress, doing: str) -> Iterator[None]:
    """Tell how much is finished, whoever finishes it: workers of a cluster hand nothing over meanwhile."""
    wanted, over = set(keys), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK):
            done = len(wanted & store.keys(kept))
            progress(done / max(1, len(wanted)), f"{doing}: {done} of {len(wanted)}")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _finished(store: Store, groups: Sequence[Group]) -> list[Trial]:
    return sorted((store.trial(task.key) for group in groups for task in group.tasks), key=lambda trial: trial.place)
