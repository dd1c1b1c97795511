"""Items, stores, suppliers and the calendar: what is given from outside and the same in every arm.

Everything here is drawn from the seed and the key of the thing itself, so that store 12 of region 2
is the same shop whether the region runs alone or among others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR, TICKS_PER_DAY, parse_date, weekday_of
from sim.config import Config
from sim.draws import Purpose, keyed, normal, uniform

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

#: Relative traffic by clock hour: a noon shoulder and an evening peak (normalised over trading hours). Assumptions.
_HOURLY = (0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 8, 9, 8, 8, 9, 10, 11, 10, 8, 6, 4, 2, 1)
#: Replenishment packs to choose from, units. Assumption.
_PACKS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48])

#: Theft goes with price to the power of this. Assumption.
_PRICE_APPEAL = 0.5
#: Spread between categories of proneness to mis-scans and to loss, of items within one, and of shops (sigmas of
#: lognormals): categories explain a quarter of the variance of record errors, shops a few percent (DeHoratius and
#: Raman 2008); the sigmas themselves are assumptions.
_SCAN_SIGMA, _SHRINK_SIGMA, _OWN_SIGMA, _CARE_SIGMA = 2.2, 2.0, 0.3, 0.8
#: How many items a mis-scan may take an item for. Assumption.
SIBLINGS = 5
#: A cashier knows what sells: mis-scans go with popularity to the power of minus this. Assumption.
_FAMILIARITY, _LEAST_KNOWN = 0.3, 0.05
#: Share of item numbers that stand unused for articles to come; a catalogue below this size has none. Assumptions.
_UNUSED_SHARE, _UNUSED_FROM = 0.01, 100


@dataclass(frozen=True)
class Catalogue:
    """The items of the chain; arrays of shape (items,).

    Attributes:
        category: category number.
        price: list price in force (see ``sim.systems.master_data``); unit cost is ``cost``.
        popularity: relative demand, mean 1.
        supplier: supplier number.
        pack: units of a replenishment pack.
        case: units of a supplier's case.
        siblings: the items of the same category that a mis-scan may take it for, shape (items, SIBLINGS).
        scan_factor: relative proneness to mis-scans, mostly by category; mean 1 over units sold.
        shrink_factor: relative proneness to loss, by category and price; mean 1 over units sold.
        count_class: 0, 1, 2 for A, B, C by turnover.
        listed: which item numbers are sold and ordered; the others stand ready, without demand or stock.
    """

    category: I32
    price: F64
    cost: F64
    popularity: F64
    supplier: I32
    pack: I32
    case: I32
    siblings: I32
    scan_factor: F64
    shrink_factor: F64
    count_class: I32
    listed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.price)


def numbers_of(config: Config) -> tuple[int, int]:
    """How many item numbers, from 0 on, are sold at the start, and how many once new articles were launched.

    The numbers from there on are unused.
    """
    items = config.world.items
    used = items - int(items * _UNUSED_SHARE) if items >= _UNUSED_FROM else items
    launched = min(round(config.assortment.launched_share * items), used - 1)
    return used - launched, used


def make_catalogue(config: Config, seed: int) -> Catalogue:
    """The catalogue of a chain; the same for every region."""
    world = config.world
    n = world.items
    rows = np.arange(n, dtype=np.int64)

    def bits(column: int) -> npt.NDArray[np.uint64]:
        return keyed(seed, Purpose.CATALOGUE, column, rows)

    categories = min(world.categories, n)
    category = (bits(0) % np.uint64(categories)).astype(np.int32)
    price: F64 = np.round(np.clip(25.0 * np.exp(0.6 * normal(bits(1))), 3.0, 250.0)).astype(np.float64) - 0.01
    popularity: F64 = np.exp(config.demand.popularity_sigma * normal(bits(2)))
    sold, used = numbers_of(config)
    popularity[used:] = 0.0
    popularity /= popularity[:sold].mean()
    listed = np.arange(n) < sold
    wanted = popularity * world.daily_units * config.replenishment.pack_days
    pack = _PACKS[np.searchsorted(_PACKS, np.clip(wanted, 1, _PACKS[-1]), side="right") - 1].astype(np.int32)
    prone, own = _prone(seed, categories)[category], np.exp(_OWN_SIGMA * normal(bits(5)))
    scan = np.exp(_SCAN_SIGMA * prone) * own * np.maximum(popularity, _LEAST_KNOWN) ** -_FAMILIARITY
    # Dear goods are stolen more: the goods lost are worth more a unit than the goods sold. Assumption.
    shrink = np.exp(_SHRINK_SIGMA * prone) * own * price**_PRICE_APPEAL
    turnover = np.argsort(np.argsort(-(price * popularity)))
    return Catalogue(
        category=category,
        price=price,
        cost=np.round(price * (0.40 + 0.15 * uniform(bits(3))), 2),
        popularity=popularity,
        supplier=(bits(4) % np.uint64(min(world.suppliers, n))).astype(np.int32),
        pack=pack,
        case=(pack * np.where(pack < 12, 4, 2)).astype(np.int32),
        siblings=_siblings(category, listed),
        scan_factor=scan / float((scan * popularity).mean()),
        shrink_factor=shrink / float((shrink * popularity).mean()),
        count_class=np.digitize(turnover / n, [0.2, 0.5]).astype(np.int32),
        listed=listed,
    )


def _prone(seed: int, categories: int) -> F64:
    """How prone each category is to error, as a standard normal number: small things in many variants are most.

    The numbers are the same for every seed, and only which category has which differs: a dozen free
    draws would make one chain's records twice as bad as another's.
    """
    rank = np.argsort(np.argsort(keyed(seed, Purpose.CATALOGUE, 100, np.arange(categories, dtype=np.int64))))
    return normal((2 * rank + 1).astype(np.uint64) * np.uint64((1 << 63) // categories))


def _siblings(category: I32, listed: npt.NDArray[np.bool_]) -> I32:
    """The next listed items of the same category, round the ring; each column is a permutation of the listed.

    An item that is not listed joins no ring.
    """
    order = np.flatnonzero(listed)[np.argsort(category[listed], kind="stable")]
    grouped = category[order]
    following = np.roll(order, -1)
    first = np.concatenate([[True], grouped[1:] != grouped[:-1]])
    starts = np.flatnonzero(first)
    last = np.concatenate([starts[1:] - 1, [len(order) - 1]])
    following[last] = order[starts]
    sibling = np.arange(len(category), dtype=np.int32)
    sibling[order] = following
    # What is launched later is taken for the first of its category.
    heads = dict(zip(grouped[starts].tolist(), order[starts].tolist(), strict=True))
    for item in np.flatnonzero(~listed).tolist():
        sibling[item] = heads.get(int(category[item]), item)
    columns = [sibling]
    while len(columns) < SIBLINGS:
        columns.append(sibling[columns[-1]])
    return np.stack(columns, axis=1)


def till_care(seed: int, region: int, stores: int) -> F64:
    """How often each location's tills mistake an item, relative to a usual shop; 0 at the DC, shape (stores + 1,)."""
    bits = keyed(seed, Purpose.STORE, region, 1, np.arange(stores, dtype=np.int64))
    return np.concatenate([[0.0], np.exp(_CARE_SIGMA * normal(bits) - _CARE_SIGMA**2 / 2)])


def store_sizes(config: Config, seed: int, region: int, stores: int) -> F64:
    """Relative size of each store of a region, mean about 1, shape (stores,)."""
    bits = keyed(seed, Purpose.STORE, region, np.arange(stores, dtype=np.int64))
    sigma = config.demand.store_sigma
    return np.exp(sigma * normal(bits) - sigma * sigma / 2)


def stores_of_region(config: Config, region: int) -> tuple[int, int]:
    """How many stores a region has, and how many the regions before it have together."""
    total, regions = config.world.stores, region_count(config)
    counts = [total // regions + (1 if r < total % regions else 0) for r in range(regions)]
    return counts[region], sum(counts[:region])


def region_count(config: Config) -> int:
    """Regions of the chain: no more than there are stores."""
    return min(config.world.regions, config.world.stores)


@dataclass(frozen=True)
class Calendar:
    """When the shops are open and how busy each tick is."""

    start: int
    days: int
    opens: int
    closes: int
    tick_share: F64
    weekday: F64
    peak_from: int
    peak_until: int
    peak_factor: float

    @property
    def end(self) -> int:
        """The end of the run."""
        return self.start + self.days * DAY

    def is_open(self, tick_start: int) -> bool:
        """Whether the shops trade in the tick that begins at ``tick_start``."""
        return self.opens * HOUR <= tick_start % DAY < self.closes * HOUR

    def day_factor(self, time: int) -> float:
        """Demand of the day that holds ``time``, relative to a mean day."""
        peak = self.peak_factor if self.peak_from <= time < self.peak_until else 1.0
        return float(self.weekday[weekday_of(time)]) * peak


def make_calendar(config: Config) -> Calendar:
    """The calendar of a run."""
    world, demand = config.world, config.demand
    start = parse_date(world.start)
    days = world.days if world.end is None else (parse_date(world.end) - start) // DAY + 1
    hours = np.array(_HOURLY, dtype=np.float64)
    hours[: world.opens] = 0.0
    hours[world.closes :] = 0.0
    if hours.sum() == 0.0:
        hours[world.opens : world.closes] = 1.0
    share = np.repeat(hours / hours.sum(), TICKS_PER_DAY // 24) / (TICKS_PER_DAY // 24)
    weekday = np.array(demand.weekday, dtype=np.float64)
    return Calendar(
        start=start,
        days=days,
        opens=world.opens,
        closes=world.closes,
        tick_share=share,
        weekday=weekday / weekday.mean(),
        peak_from=start + demand.peak_from_day * DAY,
        peak_until=start + (demand.peak_from_day + demand.peak_days) * DAY,
        peak_factor=demand.peak_factor,
    )
