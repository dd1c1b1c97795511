"""A step costs what happened in it: not how long the run is, and hardly how large the chain."""

import sys
import time

import pytest

from detection.pipeline import OperatorSpec, build
from sim.clock import TICKS_PER_DAY


def calls_by_day(made):
    operator = build(OperatorSpec(), made.layout, seed=1)
    days = []

    def count(_frame, event, _argument):
        if event in {"call", "c_call"}:
            days[-1] += 1

    for number, (now, rows) in enumerate(made.stream()):
        if number % TICKS_PER_DAY == 0:
            days.append(0)
        sys.setprofile(count)
        operator.step(now, rows)
        sys.setprofile(None)
    return days


def test_calls_a_day_do_not_grow_with_history(chain):
    days = calls_by_day(chain(stores=5, items=60, days=12, daily_lines=1.0))
    assert max(days[8:]) <= 1.1 * max(days[2:5])


def test_calls_a_step_do_not_grow_with_rows(chain):
    small = calls_by_day(chain(stores=5, items=60, days=4, daily_lines=1.0))
    large = calls_by_day(chain(stores=5, items=600, days=4, daily_lines=1.0))
    assert large[3] <= 1.3 * small[3]


@pytest.mark.bench
@pytest.mark.parametrize(("stores", "items", "milliseconds_max"), [(20, 500, 0.6), (100, 5_000, 2.5)])
def test_a_step_keeps_to_its_budget(chain, stores, items, milliseconds_max):
    made = chain(stores=stores, items=items, days=4)
    steps = list(made.stream())
    operator = build(OperatorSpec(), made.layout, seed=1)
    begin = time.process_time()
    for now, rows in steps:
        operator.step(now, rows)
    milliseconds = (time.process_time() - begin) / len(steps) * 1000
    assert milliseconds <= milliseconds_max
