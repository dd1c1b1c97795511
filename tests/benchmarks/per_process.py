"""The chain that one writes first: a SimPy process for every line of a customer's basket.

It is given all it can be given. The demand is the same and drawn in the same batches; a line looks at its
shelf, takes what is there and writes its row down, and nothing else. There are no other systems, messages,
deliveries, faults or truth, and no file is written.
"""

from __future__ import annotations

from collections.abc import Generator

import simpy

from sim.clock import TICK
from sim.demand import DemandSource

#: time, store, item, units, basket
SaleRow = tuple[int, int, int, int, int]


class PerProcess:
    """Shelves and customers of one region.

    Args:
        demand: who comes when, and for what.
        stock: units on each shelf, by store and item.
        start: first instant, microseconds since 1970.
    """

    def __init__(self, demand: DemandSource, stock: list[list[int]], start: int) -> None:
        self.env = simpy.Environment(start)
        self.rows: list[SaleRow] = []
        self._demand = demand
        self._stock = stock
        self.env.process(self._arrivals())

    def _arrivals(self) -> Generator[simpy.Event, None, None]:
        env = self.env
        while True:
            wanted = self._demand.tick(int(env.now) // TICK)
            columns = (wanted.store, wanted.item, wanted.quantity, wanted.basket, wanted.offset)
            for line in zip(*(column.tolist() for column in columns), strict=True):
                env.process(self._line(*line))
            yield env.timeout(TICK)

    def _line(self, store: int, item: int, units: int, basket: int, wait: int) -> Generator[simpy.Event, None, None]:
        yield self.env.timeout(wait)
        shelf = self._stock[store]
        sold = min(units, shelf[item])
        if sold:
            shelf[item] -= sold
            self.rows.append((int(self.env.now), store, item, sold, basket))
