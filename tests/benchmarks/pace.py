"""The unit of account: what work costs in bare SimPy time-outs, on this machine, at this moment.

A machine that others use too may halve its speed and double it again within a second. So the work is
cut into stretches of seconds, the price of a time-out is taken before and after each, and a stretch is
paid at the mean of both. Ratios of such costs hold still where seconds do not.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time

import numpy as np
import simpy

PROCESSES = 1_000
TIME_OUTS = 60
REPEATS = 3

#: Elapsed and processor seconds.
Seconds = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Cost:
    """What work came to.

    Attributes:
        time_outs: as many bare time-outs would have taken as long.
        processor: as many would have kept the processors as busy; the same on a machine that nobody shares.
        seconds: elapsed.
    """

    time_outs: float
    processor: float
    seconds: float

    def of_each(self, count: int) -> Cost:
        """The cost of one of ``count`` rows."""
        return Cost(self.time_outs / count, self.processor / count, self.seconds / count)


def middle(costs: list[Cost]) -> Cost:
    """The median of costs of the same work, figure by figure."""
    return Cost(median(c.time_outs for c in costs), median(c.processor for c in costs),
                median(c.seconds for c in costs))


class Pace:
    """Pays work in time-outs: ``start``, ``beat`` whenever the work can pause, ``stop``."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._work: list[Seconds] = []
        self._price: list[Seconds] = []
        self._since = _now()

    def clock(self) -> float:
        """Elapsed seconds without those that taking the price took."""
        return perf_counter() - self._spent

    def start(self) -> None:
        """Take the first price; the work begins now, and pays for no earlier work's rubbish."""
        gc.collect()
        self._work, self._price = [], []
        self._take_price()

    def beat(self) -> None:
        """End a stretch of the work, take the price, begin the next stretch."""
        self._work.append(_now() - self._since)
        self._take_price()

    def stop(self) -> Cost:
        """End the work."""
        self.beat()
        price = np.array(self._price)
        elapsed, processor = (np.array(self._work) / ((price[1:] + price[:-1]) / 2.0)).sum(axis=0)
        return Cost(float(elapsed), float(processor), float(sum(w[0] for w in self._work)))

    def _take_price(self) -> None:
        start = perf_counter()
        # What the work has built must not slow the time-outs down through the garbage collector.
        gc.freeze()
        self._price.append(np.median([seconds_a_time_out() for _ in range(REPEATS)], axis=0))
        gc.unfreeze()
        self._spent += perf_counter() - start
        self._since = _now()


def seconds_a_time_out() -> Seconds:
    """Elapsed and processor seconds of one of many time-outs of 1,000 processes that do nothing else."""
    env = simpy.Environment()

    def sleeper() -> Generator[simpy.Event, None, None]:
        for _ in range(TIME_OUTS):
            yield env.timeout(1)

    for _ in range(PROCESSES):
        env.process(sleeper())
    since = _now()
    env.run()
    taken: Seconds = (_now() - since) / (PROCESSES * TIME_OUTS)
    return taken


def _now() -> Seconds:
    return np.array([perf_counter(), process_time()])
