"""How fast the twin is, over what the same machine does with bare SimPy events in the same minutes.

Rows are business rows: no extracts, no telemetry. The chain has 100 stores and 5,000 items a region; a single
arm is one region of `fashion_peak`, in which every system is on and every type of fault acts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from scenarios.arms import run_experiment
from scenarios.compose import compose
from sim.catalogue import make_calendar
from sim.clock import DAY, HOUR
from sim.records import truth_tables
from sim.region import make_demand
from sim.world import RegionWorld
from tests.benchmarks.pace import Cost, Pace, middle
from tests.benchmarks.per_process import PerProcess
from tests.benchmarks.results import TARGETS, Result, Results

STORES, ITEMS = 100, 5_000
WORLD_DAYS, WORLD_ROUNDS = 7, 3
PEAK = ("scenario=fashion_peak", "world.regions=1", f"world.stores={STORES}", f"world.items={ITEMS}")
RUN_DAYS = 4
SCALING_DAYS = 2
SHELF_UNITS = 50

PACE = Pace()
pytestmark = [pytest.mark.bench, pytest.mark.benchmark(timer=PACE.clock, disable_gc=False)]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="session")
def warm(folder: Path) -> None:
    """Libraries that are loaded when first used are no cost of a row."""
    run_experiment(compose(["world.stores=2", "world.items=20", "world.days=2"]), folder / "warm")


def timed(benchmark: BenchmarkFixture, work: Callable[[], Cost]) -> Cost:
    """Once: the work itself takes medians, in turn with the time-outs."""
    cost: Cost = benchmark.pedantic(work, rounds=1)  # type: ignore[no-untyped-call]
    return cost


def judge(benchmark: BenchmarkFixture, results: Results, name: str, result: Result) -> None:
    results[name] = result
    benchmark.extra_info[name] = result.value
    assert TARGETS[name].is_met(result.value), f"{name} is {result.value:.3f}, required {TARGETS[name]}: {result.note}"


def over(cost: Cost, other: Cost, note: str) -> Result:
    return Result(cost.time_outs / other.time_outs, cost.processor / other.processor, note)


def each(cost: Cost, word: str) -> str:
    return f"{cost.seconds * 1e6:.2f} µs a {word}"


BARE = Cost(1.0, 1.0, 0.0)


# -- one arm of one region -----------------------------------------------------------------------


@cache
def a_row_of_the_world(folder: Path) -> Cost:
    """A region of the peak season from its first midnight to the last byte of its stream and its truth.

    The opening of the books is left out: it is paid once, however long the run.
    """
    experiment = compose([*PEAK, f"world.days={WORLD_DAYS}"])

    def one_round() -> Cost:
        world = RegionWorld(experiment, experiment.seed, 0, folder / "part-0000.parquet")
        PACE.start()
        world.run(progress=lambda _done, _days: PACE.beat())
        truth_tables(world)
        return PACE.stop().of_each(world.room.stream.business_rows)

    return middle([one_round() for _ in range(WORLD_ROUNDS)])


def test_a_row_of_the_world_costs_no_more_than_a_bare_time_out(
    benchmark: BenchmarkFixture, results: Results, folder: Path
) -> None:
    row = timed(benchmark, lambda: a_row_of_the_world(folder))
    note = f"{each(row, 'row')}; {WORLD_DAYS} days of {STORES} stores x {ITEMS:,} items, median of {WORLD_ROUNDS}"
    judge(benchmark, results, "world_ratio", over(BARE, row, note))


# -- the same by processes -----------------------------------------------------------------------


def a_line_by_process() -> Cost:
    """One trading day, paid for every two hours."""
    experiment = compose([*PEAK, "world.days=1"])
    start = make_calendar(experiment).start
    stock = [[SHELF_UNITS] * ITEMS for _ in range(STORES + 1)]
    chain = PerProcess(make_demand(experiment, experiment.seed, 0, STORES), stock, start)
    chain.env.run(until=start + experiment.world.opens * HOUR)
    PACE.start()
    for hour in range(experiment.world.opens + 2, experiment.world.closes, 2):
        chain.env.run(until=start + hour * HOUR)
        PACE.beat()
    chain.env.run(until=start + DAY)
    return PACE.stop().of_each(len(chain.rows))


def test_a_row_of_the_world_costs_a_tenth_of_a_process(
    benchmark: BenchmarkFixture, results: Results, folder: Path
) -> None:
    line = timed(benchmark, a_line_by_process)
    row = a_row_of_the_world(folder)
    note = f"{each(line, 'process')}, {each(row, 'row')}; one day's lines"
    judge(benchmark, results, "per_process_ratio", over(line, row, note))


# -- whole runs ----------------------------------------------------------------------------------


def a_row_of_a_run(out: Path, regions: int, days: int) -> Cost:
    """A row of any arm, with operators, files, matching and measures, in one process."""
    experiment = compose([
        f"world.regions={regions}", f"world.stores={regions * STORES}", f"world.items={ITEMS}", f"world.days={days}",
        "workers=1", "overwrite=true",
    ])
    PACE.start()
    run_experiment(experiment, out, progress=lambda _share, _text: PACE.beat())
    cost = PACE.stop()
    return cost.of_each(json.loads((out / "manifest.json").read_text(encoding="utf-8"))["business_rows"])


@pytest.mark.usefixtures("warm")
def test_a_row_of_a_whole_run_costs_two_time_outs(benchmark: BenchmarkFixture, results: Results, folder: Path) -> None:
    row = timed(benchmark, lambda: a_row_of_a_run(folder / "run", 1, RUN_DAYS))
    note = f"{each(row, 'row')}; {RUN_DAYS} days of {STORES} stores x {ITEMS:,} items, four arms, record=full"
    judge(benchmark, results, "run_ratio", over(BARE, row, note))


@pytest.mark.usefixtures("warm")
def test_a_row_of_three_regions_costs_what_a_row_of_one_does(
    benchmark: BenchmarkFixture, results: Results, folder: Path
) -> None:
    out = folder / "scaling"
    before = a_row_of_a_run(out, 1, SCALING_DAYS)
    row = timed(benchmark, lambda: a_row_of_a_run(out, 3, SCALING_DAYS))
    after = a_row_of_a_run(out, 1, SCALING_DAYS)
    single = Cost(*((getattr(before, f) + getattr(after, f)) / 2.0 for f in ("time_outs", "processor", "seconds")))
    note = f"{each(row, 'row')} in three regions, {each(single, 'row')} in one; {SCALING_DAYS} days, workers=1"
    judge(benchmark, results, "scaling_ratio", over(row, single, note))
