"""Who comes to the tills, when, and what they put on the belt, before the shelf has its say.

Demand is exogenous: it is the same in every arm, because it is drawn from (seed, region, tick)
alone and never looks at stock. Lines are drawn for a whole region and tick at once.

Theory: baskets arrive as a Poisson process; a basket's lines and a line's item are drawn from
fixed distributions, so lines of one item in one store are Poisson too, but for the rare item that
stands twice in a basket; with a logarithmic line quantity the daily demand of a store-item is then
negative binomial (a Poisson sum of logarithmic terms; Quenouille 1949).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sim.catalogue import Catalogue, make_calendar, store_sizes
from sim.clock import TICK, TICKS_PER_DAY
from sim.config import Config
from sim.draws import Alias, Purpose, philox


@dataclass(frozen=True)
class DemandTick:
    """The till lines wanted in one region and tick, sorted by store, then basket.

    Attributes, each of shape (n,):
        store: location code of the store (1 .. stores).
        basket: ordinal of the basket within its store and tick, from 0, non-decreasing.
        item: item code.
        quantity: units wanted, at least 1.
        offset: microseconds from the start of the tick, equal within a basket, non-decreasing within a store.
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

    def take(self, rows: npt.NDArray[np.bool_]) -> DemandTick:
        """The chosen lines."""
        columns = {name: column[rows] for name, column in vars(self).items() if column is not None}
        return replace(self, **columns)


class DemandSource(Protocol):
    """Where the till lines of a region come from."""

    def tick(self, tick: int) -> DemandTick:
        """The lines wanted in the tick that begins at ``tick * TICK`` (ticks since 1970)."""
        ...

    def line_rate(self) -> npt.NDArray[np.float64]:
        """Expected units a day of each store and item at factor 1, shape (stores, items)."""
        ...

    def relist(self, listed: npt.NDArray[np.bool_]) -> None:
        """From now on customers want these items and no other; shape (items,)."""
        ...


#: Line quantities beyond this are one in a million at the default parameter.
_QUANTITY_MAX = 24
#: Nobody buys more lines at once.
_LINES_MAX = 200


class LineQuantity:
    """The logarithmic law of a line's units.

    Args:
        p: its parameter, in (0, 1).

    Attributes:
        mean: expected units of a line.
    """

    def __init__(self, p: float) -> None:
        units = np.arange(1, _QUANTITY_MAX + 1)
        terms = -(p**units) / (units * np.log1p(-p))
        terms /= terms.sum()
        self.mean = float((terms * units).sum())
        cut = (np.cumsum(terms)[:-1] * 65536.0).astype(np.uint16)
        # All 65,536 answers: looking one up is quicker than searching for it.
        self._of = (np.searchsorted(cut, np.arange(65536).astype(np.uint16), side="right") + 1).astype(np.int32)

    def of(self, bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Units of lines by their lowest 16 bits."""
        return self._of[bits.astype(np.uint16)]


class SyntheticDemand:
    """Poisson baskets of a geometric or lognormal number of lines, items by popularity, logarithmic quantities.

    Args:
        config: of the world.
        catalogue: the items.
        seed: of the run.
        region: number of the region.
        stores: stores of the region.
    """

    def __init__(self, config: Config, catalogue: Catalogue, seed: int, region: int, stores: int) -> None:
        demand = config.demand
        self._seed, self._region = seed, region
        self._calendar = make_calendar(config)
        self._popularity = catalogue.popularity
        self._quantity = LineQuantity(demand.quantity_log)
        self._more = 1.0 - 1.0 / demand.basket_lines
        self._spread = demand.basket_sigma
        self._median = demand.basket_lines / np.exp(demand.basket_sigma**2 / 2.0)
        self._sizes = store_sizes(config, seed, region, stores)
        self._units = config.world.daily_units
        lines = self._units * (1.0 - demand.online_share) / self._quantity.mean
        self._baskets_per_popularity = self._sizes * lines / demand.basket_lines
        self.relist(catalogue.listed)

    def relist(self, listed: npt.NDArray[np.bool_]) -> None:
        """See :class:`DemandSource`."""
        wanted = np.where(listed, self._popularity, 0.0)
        self._alias = Alias(wanted)
        self._baskets_a_day = self._baskets_per_popularity * wanted.sum()
        self._rate = self._sizes[:, None] * wanted[None, :] * self._units

    def line_rate(self) -> npt.NDArray[np.float64]:
        """See :class:`DemandSource`."""
        return self._rate

    def tick(self, tick: int) -> DemandTick:
        """See :class:`DemandSource`."""
        calendar = self._calendar
        factor = calendar.day_factor(tick * TICK) * calendar.tick_share[tick % TICKS_PER_DAY]
        draw = philox(self._seed, Purpose.DEMAND, self._region, tick)
        baskets = draw.poisson(self._baskets_a_day * factor)
        n_baskets = int(baskets.sum())
        lines = self._lines(draw, n_baskets)
        n = int(lines.sum())
        store = np.repeat(np.arange(1, len(baskets) + 1, dtype=np.int32), baskets)
        # Baskets of a store are alike until they are filled, so sorting their times orders them for free.
        times = store.astype(np.int64) * TICK + draw.integers(0, TICK, n_baskets)
        times.sort()
        offset = times - store.astype(np.int64) * TICK
        first = np.repeat(np.cumsum(baskets) - baskets, baskets)
        ordinal = (np.arange(n_baskets) - first).astype(np.int32)
        choice = draw.integers(0, 2**64, n, dtype=np.uint64)
        bits = draw.integers(0, 2**64, n, dtype=np.uint64)
        return DemandTick(
            store=np.repeat(store, lines),
            basket=np.repeat(ordinal, lines),
            item=self._alias.pick(choice),
            quantity=self._quantity.of(bits),
            offset=np.repeat(offset, lines),
            bits=bits,
        )

    def _lines(self, draw: np.random.Generator, baskets: int) -> npt.NDArray[np.int64]:
        """Lines of baskets: geometric, or lognormal where a spread is given."""
        if self._spread > 0.0:
            lines = np.rint(self._median * np.exp(self._spread * draw.standard_normal(baskets)))
            counted: npt.NDArray[np.int64] = np.clip(lines, 1.0, _LINES_MAX).astype(np.int64)
            return counted
        return draw.geometric(1.0 - self._more, baskets) if self._more > 0.0 else np.ones(baskets, np.int64)
