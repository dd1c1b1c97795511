"""Customers who come for a low price: the lines that a till below its usual price sells beyond the usual.

They are a stream of candidates beside the usual demand, so that neither moves the other. For each cell
whose list or till is below the usual price, the day's candidates are drawn by the key of the cell and
the day, as many as the lower of the two prices would bring; each is let through in its tick by its own
bits against what the till then asks. A line goes into some basket of its shop and tick, or is one of its own
where nobody else is there. So in every arm, whatever the tills do, the same customers stand ready.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, TICK, TICKS_PER_DAY
from sim.demand import DemandTick, LineQuantity
from sim.draws import Purpose, keyed, mix, uniform
from sim.room import Room
from sim.systems.pos import Tills

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

#: Ordinals of a store and tick that these lines use: the last of the 8,192 that a key has room for.
_FIRST, _PLACES = 8192 - 1024, 1024
#: Candidates of a cell and day beyond this have a probability below 1e-9 even for a best-seller.
_MOST = 255


@dataclass(frozen=True)
class _Day:
    """The candidates of one day, sorted by tick, then store, then time; arrays of shape (n,)."""

    slot: I64
    cell: I64
    ordinal: I64
    offset: I64
    mark: F64
    ceiling: F64
    bits: npt.NDArray[np.uint64]


class Bargains:
    """Extra demand of a region.

    Args:
        room: the region.
        tills: what the tills ask.
    """

    def __init__(self, room: Room, tills: Tills) -> None:
        self._room, self._tills = room, tills
        self._quantity = LineQuantity(room.config.demand.quantity_log)
        self._lines_per_unit = (1.0 - room.config.demand.online_share) / self._quantity.mean
        share = room.calendar.tick_share
        self._until = np.cumsum(share) / share.sum()
        self._day = -1
        self._waiting: _Day | None = None

    def join(self, tick: int, wanted: DemandTick, ordinal: I64) -> tuple[DemandTick, I64]:
        """The tick's lines with the extra ones among them, by store and time.

        Args:
            tick: since 1970.
            wanted: the usual demand.
            ordinal: of each line within its store and tick.

        Returns:
            All lines, and their ordinals.
        """
        if tick // TICKS_PER_DAY != self._day:
            self._day = tick // TICKS_PER_DAY
            self._waiting = self._draw(self._day)
        extra = self._due(tick % TICKS_PER_DAY)
        if extra is None:
            return wanted, ordinal
        lines, numbers = extra
        lines = _into_baskets(lines, wanted)
        columns = {name: np.concatenate([getattr(wanted, name), getattr(lines, name)])
                   for name in ("store", "basket", "item", "quantity", "offset", "bits")}
        if wanted.price_factor is not None:
            columns["price_factor"] = np.concatenate([wanted.price_factor, np.ones(len(lines))])
        # A stable sort leaves the usual lines of a basket first and in their order.
        order = np.argsort(_basket_key(columns["store"], columns["basket"]), kind="stable")
        joined = replace(wanted, **{name: column[order] for name, column in columns.items()})
        return joined, np.concatenate([ordinal, numbers])[order]

    def _due(self, slot: int) -> tuple[DemandTick, I64] | None:
        """The candidates of a tick whom the till's price still tempts."""
        day = self._waiting
        if day is None:
            return None
        first, last = np.searchsorted(day.slot, [slot, slot + 1])
        cell = day.cell[first:last]
        tempted = day.mark[first:last] * day.ceiling[first:last] < self._tills.factor[cell] - 1.0
        rows = first + np.flatnonzero(tempted)
        if not len(rows):
            return None
        store, item = self._room.split(day.cell[rows])
        bits, number = day.bits[rows], day.ordinal[rows]
        return DemandTick(store=store, basket=number.astype(np.int32), item=item, quantity=self._quantity.of(bits),
                          offset=day.offset[rows], bits=bits), number

    def _draw(self, day: int) -> _Day | None:
        """Who might come on a day, days since 1970."""
        room, tills = self._room, self._tills
        factor = tills.factor.astype(np.float64).reshape(room.locations, room.items)
        listed = (tills.list.price / tills.list.usual) ** -room.config.pricing.elasticity
        ceiling = (np.maximum(factor, listed) - 1.0).ravel()
        cheap = np.flatnonzero((ceiling > 1e-9) & (room.economy.rate > 0.0)).astype(np.int64)
        mean = room.economy.rate[cheap] * ceiling[cheap] * self._lines_per_unit * room.calendar.day_factor(day * DAY)
        bits = keyed(room.seed, Purpose.EXTRA_DEMAND, room.region, day, cheap)
        count = _poisson(uniform(bits), mean)
        if not count.sum():
            return None
        cell = np.repeat(cheap, count)
        line = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
        chance = keyed(room.seed, Purpose.EXTRA_DEMAND, room.region, day, cell, line + 1)
        when, mark = mix(chance + np.uint64(1)), uniform(mix(chance + np.uint64(2)))
        slot = np.searchsorted(self._until, uniform(when), side="right").astype(np.int64)
        offset = (mix(when) % np.uint64(TICK)).astype(np.int64)
        ordinal, kept = _places(slot * room.locations + cell // room.items, chance)
        by_time = np.lexsort((ordinal, offset[kept], cell[kept] // room.items, slot[kept]))
        rows = kept[by_time]
        return _Day(slot[rows], cell[rows], ordinal[by_time], offset[rows], mark[rows],
                    np.repeat(ceiling[cheap], count)[rows], chance[rows])


def _basket_key(store: I32, basket: I32) -> I64:
    """One number a basket of a tick, in the order of lines."""
    key: I64 = (store.astype(np.int64) << 13) | basket
    return key


def _into_baskets(lines: DemandTick, wanted: DemandTick) -> DemandTick:
    """Put each extra line into a basket of its shop; one without any stays alone."""
    last = np.searchsorted(wanted.store, lines.store, side="right") - 1
    rows = np.flatnonzero(last >= 0)
    rows = rows[wanted.store[last[rows]] == lines.store[rows]]
    if not len(rows):
        return lines
    among = wanted.basket[last[rows]].astype(np.uint64) + np.uint64(1)
    basket, offset = lines.basket.copy(), lines.offset.copy()
    basket[rows] = (mix(lines.bits[rows] + np.uint64(3)) % among).astype(np.int32)
    first = np.searchsorted(_basket_key(wanted.store, wanted.basket), _basket_key(lines.store[rows], basket[rows]))
    offset[rows] = wanted.offset[first]
    return replace(lines, basket=basket, offset=offset)


def _poisson(chance: F64, mean: F64) -> I64:
    """Poisson numbers by their quantiles, so that a greater mean never gives a smaller number."""
    count = np.zeros(len(mean), np.int64)
    term = np.exp(-mean)
    reached = term.copy()
    rows = np.flatnonzero(chance >= reached)
    for number in range(1, _MOST + 1):
        if not len(rows):
            break
        count[rows] = number
        term[rows] *= mean[rows] / number
        reached[rows] += term[rows]
        rows = rows[chance[rows] >= reached[rows]]
    return count


def _places(group: I64, chance: npt.NDArray[np.uint64]) -> tuple[I64, npt.NDArray[np.intp]]:
    """Ordinals by the lines' own bits, each once in its group, for the rows that find one; and those rows.

    Two lines seldom meet; the one with the greater bits then moves on, and no other line is touched.
    """
    order = np.lexsort((chance, group))
    rank = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    kept = order[rank < _PLACES]
    group, chance = group[kept], chance[kept]
    place = (chance >> np.uint64(40)).astype(np.int64) % _PLACES
    while True:
        order = np.lexsort((chance, place, group))
        same = (group[order][1:] == group[order][:-1]) & (place[order][1:] == place[order][:-1])
        if not same.any():
            return place + _FIRST, kept
        moving = order[1:][same]
        place[moving] = (place[moving] + 1) % _PLACES
