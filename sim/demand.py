"""Who comes to the tills, when, and what they put on the belt, before the shelf has its say.

Demand is exogenous: it is the same in every arm, because it is drawn from (seed, region, tick)
alone and never looks at stock. Lines are drawn for a whole region and tick at once.

Theory: baskets arrive as a Poisson process; a basket's lines and a line's item are drawn from
fixed distributions, so lines of one item in one store are Poisson too; with a logarithmic line
quantity the daily demand of a store-item is then exactly negative binomial (a Poisson sum of
logarithmic terms; Quenouille 1949).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class DemandTick:
    """The till lines wanted in one region and tick, sorted by store, then basket.

    Attributes, each of shape (n,):
        store: location code of the store (1 .. stores).
        basket: ordinal of the basket within its store and tick, from 0, non-decreasing.
        item: item code.
        quantity: units wanted, at least 1.
        offset: microseconds from the start of the tick, equal within a basket.
        price_factor: price paid over list price (1 where no discount), or None for list price.
        bits: 64 spare random bits a line, for choices that belong to the line.
    """

    store: npt.NDArray[np.int32]
    basket: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    quantity: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint64]
    price_factor: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.item)


class DemandSource(Protocol):
    """Where the till lines of a region come from."""

    def tick(self, tick: int) -> DemandTick:
        """The lines wanted in the tick that begins at ``tick * TICK`` (ticks since 1970)."""
        ...

    def line_rate(self) -> npt.NDArray[np.float64]:
        """Expected units a day of each store and item at factor 1, shape (stores, items)."""
        ...
