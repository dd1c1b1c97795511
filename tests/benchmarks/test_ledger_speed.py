"""What the ledger costs: a tick of 5,000 sales on a region's 505,000 cells, over as many empty SimPy time-outs.

A ratio of two times taken in turn within one run says the same on a slow machine as on a fast one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from statistics import median
from time import perf_counter

import numpy as np
import pytest
import simpy

from sim.counts import Counts
from sim.ledger import ON_HAND_BELIEFS, Belief, Cause, Kind, Ledger, Place
from tests.sim.ledger_words import Notes

pytestmark = pytest.mark.bench

CELLS = 101 * 5_000
SALES = 5_000
PROCESSES = 1_000
ROUNDS = 15


def show(line: str) -> None:
    print(f"\n{line}")  # noqa: T201 - a benchmark prints


def a_region() -> Ledger:
    ledger = Ledger(CELLS, Notes())
    stock = np.full(CELLS, 1_000, np.int32)
    ledger.open_with(stock, stock, np.zeros((len(Cause), CELLS), np.int32))
    return ledger


def sales(ledger: Ledger) -> Callable[[], None]:
    """A tick: sold and told at the till, posted at ERP and OMS, and the touched cells checked."""
    rng = np.random.default_rng(1)
    ticks = iter(rng.integers(0, CELLS, (ROUNDS, SALES)))
    one = np.full(SALES, -1, np.int32)

    def tick() -> None:
        cells = next(ticks)
        ledger.tell(Kind.ON_HAND, cells, one, place=Place.SHELF, posted=(Belief.SITE_ON_HAND,))
        for b in ON_HAND_BELIEFS[1:]:
            ledger.post(b, cells, one)
        ledger.check_cells(cells)

    return tick


def time_outs() -> None:
    """As many events that do nothing as the tick has sales."""
    env = simpy.Environment()

    def sleeper() -> Generator[simpy.Event, None, None]:
        for _ in range(SALES // PROCESSES):
            yield env.timeout(1)

    for _ in range(PROCESSES):
        env.process(sleeper())
    env.run()


def seconds_in_turn(*works: Callable[[], None]) -> list[float]:
    """The median time of each, taken alternately so that a busy moment falls on all."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for times, work in zip(taken, works, strict=True):
            start = perf_counter()
            work()
            times.append(perf_counter() - start)
    return [median(times) for times in taken]


def test_a_tick_of_sales_is_cheaper_than_empty_events() -> None:
    ledger = a_region()
    told, slept = seconds_in_turn(sales(ledger), time_outs)
    ledger.check()
    ratio = slept / told
    show(f"ledger_ratio {ratio:.1f}: {told / SALES * 1e9:.0f} ns a sale, {slept / SALES * 1e9:.0f} ns a time-out")
    # The ledger is one of several things a sale costs, and all of them may cost one time-out.
    assert ratio > 3


def test_the_whole_identity_is_cheap_enough_for_every_day() -> None:
    """Once a simulated day beside 96 ticks: it may cost what a few of them do."""
    ledger = a_region()
    told, checked = seconds_in_turn(sales(ledger), ledger.check)
    share = checked / (96 * told)
    show(f"check_share {share:.1%}: {checked * 1e3:.1f} ms for {CELLS:,} cells, {told * 1e3:.2f} ms a tick")
    assert share < 0.5


def test_a_days_counts_are_cheap() -> None:
    """Two per cent of all cells, counted and approved, over a time-out each."""
    ledger = a_region()
    rng = np.random.default_rng(2)
    lost = rng.integers(0, CELLS, CELLS // 2)
    ledger.tell(Kind.ON_HAND, lost, np.full(len(lost), -1, np.int32), 0, Place.SHELF, Cause.SHRINK)
    n = CELLS // 50
    chosen = iter([rng.choice(CELLS, n, replace=False) for _ in range(ROUNDS)])
    booked = Counts(ledger)
    none, on_time, by = np.zeros(n, np.int32), np.zeros(n, np.bool_), np.arange(n, dtype=np.int64)

    def counts() -> None:
        sheet = booked.take(next(chosen), none, on_time)
        booked.apply(sheet, 0, by, 1)

    counted, slept = seconds_in_turn(counts, time_outs)
    ledger.check()
    ratio = (slept / SALES) / (counted / n)
    show(f"count_ratio {ratio:.1f}: {counted / n * 1e9:.0f} ns a cell counted")
    assert ratio > 1
