"""A team's queue against queueing theory: Erlang's C, Cobham's priorities and Little's law.

The team is the one that works the cases of a run; only the arrivals and service times are made here,
so that they are those of the theory. The short runs give the theory the benefit of an interval; the
long ones (campaign) have to come within one percent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import simpy

from sim.clock import MINUTE
from sim.people import Team

SERVICE = 10 * MINUTE


@dataclass
class Line:
    """What became of those who queued: how long each waited, and the queue's length over time."""

    waits: np.ndarray
    classes: np.ndarray
    waiting_time_product: int
    until: int

    def mean(self, which: int = 0) -> float:
        """Mean wait of one class, in service times."""
        return float(self.waits[self.classes == which].mean()) / SERVICE

    def error(self, which: int = 0, batches: int = 30) -> float:
        """Standard error of :meth:`mean` by batch means."""
        waits = self.waits[self.classes == which] / SERVICE
        means = [batch.mean() for batch in np.array_split(waits, batches)]
        return float(np.std(means, ddof=1) / math.sqrt(batches))


def serve(heads: int, load: float, customers: int, urgent_share: float = 0.0, seed: int = 1) -> Line:
    """A team of ``heads`` under Poisson arrivals and exponential service; ``load`` is the share of time each works."""
    draw = np.random.default_rng(seed)
    gaps = np.round(draw.exponential(SERVICE / (heads * load), customers)).astype(int).tolist()
    services = np.round(draw.exponential(SERVICE, customers)).astype(int).tolist()
    # The urgent are class 0 where there are two.
    classes = (draw.random(customers) >= urgent_share).astype(int) if urgent_share else np.zeros(customers, int)
    env = simpy.Environment(0)
    team = Team(env, heads)
    waits = np.zeros(customers, np.int64)

    def begin(number: int, asked: int) -> None:
        waits[number] = env.now - asked
        env.timeout(services[number]).callbacks.append(lambda _: team.free())

    def arrivals():
        for number in range(customers):
            yield env.timeout(gaps[number])
            asked = int(env.now)
            turn = team.ask(int(classes[number]), number)
            turn.callbacks.append(lambda _, number=number, asked=asked: begin(number, asked))

    env.process(arrivals())
    area = 0
    while env.peek() != float("inf"):
        length, before = len(team), env.now
        env.step()
        area += length * int(env.now - before)
    return Line(waits, classes, area, int(env.now))


def erlang_c(heads: int, load: float) -> float:
    """Mean wait in service times: Erlang's probability of waiting over the spare capacity (Erlang 1917)."""
    offered = heads * load
    terms = [offered**k / math.factorial(k) for k in range(heads)]
    last = offered**heads / math.factorial(heads) / (1 - load)
    return last / (sum(terms) + last) / (heads * (1 - load))


@pytest.mark.parametrize(("heads", "load"), [(1, 0.6), (3, 0.7)])
def test_the_mean_wait_is_erlangs(heads: int, load: float):
    line = serve(heads, load, 60_000)
    assert line.error() < 0.04 * line.mean()
    assert abs(line.mean() - erlang_c(heads, load)) < 3 * line.error()


def test_one_head_fewer_would_be_noticed():
    line = serve(3, 0.7, 60_000)
    assert abs(line.mean() - erlang_c(2, 0.7)) > 10 * line.error()


def test_the_urgent_are_served_first_as_cobham_says():
    load, share = 0.7, 0.4
    line = serve(1, load, 60_000, urgent_share=share)
    expected = load / (1 - load * share)
    for which, wait in enumerate((expected, expected / (1 - load))):
        assert abs(line.mean(which) - wait) < 3 * line.error(which), which


@pytest.mark.parametrize("urgent_share", [0.0, 0.3])
def test_littles_law_holds_to_the_microsecond(urgent_share: float):
    # The run begins and ends empty: then it is no limit theorem but a sum told in two ways.
    line = serve(2, 0.8, 5_000, urgent_share)
    assert line.waiting_time_product == int(line.waits.sum())
    arrivals_a_service_time = len(line.waits) / (line.until / SERVICE)
    length = line.waiting_time_product / line.until
    assert length == pytest.approx(arrivals_a_service_time * float(line.waits.mean()) / SERVICE)


@pytest.mark.campaign
@pytest.mark.parametrize(("heads", "load"), [(1, 0.5), (2, 0.5), (3, 0.6)])
def test_in_the_long_run_the_mean_wait_is_erlangs_within_one_percent(heads: int, load: float):
    line = serve(heads, load, 3_000_000)
    assert line.error() < 0.007 * line.mean()
    assert line.mean() == pytest.approx(erlang_c(heads, load), rel=0.01)
