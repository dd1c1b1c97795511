"""The web shop: who orders online, what they are shown, and until when they are promised it.

Online customers come round the clock: by the shop's pages, by its app, or by a marketplace. Whatever they look at,
the client asks the OMS by a call through the API gateway; who gets no answer sees no availability, and leaves. A
promise ends ``online.promise_hours`` after the order, but never before the pickers have had their first wave; they
work in the shops' trading hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import HOUR, TICK, TICKS_PER_DAY
from sim.draws import Alias, Kind, Purpose, philox
from sim.middleware.clients import SHARES
from sim.region import Region

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Packing of an order line's key: tick | order | line.
_TICK_SHIFT, _ORDER_SHIFT, _LINES_MAX = 16, 3, 8
#: Mean lines of an order, and units of a line. Assumptions.
_LINES_MEAN, _UNITS_MEAN = 1.3, 1.1
#: Calls that the customers of one order make until they have ordered, with those who only look. Assumption.
_CALLS_AN_ORDER = 20
#: Below which draw of a customer each client and those before it stand.
_SHARES_SUMMED = np.cumsum(SHARES)[:-1]
#: How long after the wave that picks it a line can be handed over at the earliest. Assumption.
_HAND_OVER = 2 * HOUR
#: Share of lines that ask for two units, the others for one; drawn in 16 bits. Assumption.
_PAIR_SHARE = 6000 / (1 << 16)


@dataclass(frozen=True)
class Wishes:
    """Order lines that customers want in one tick; arrays of shape (n,), sorted by order.

    Attributes:
        key: body of each line's key; without its lowest three bits, that of its order.
        document: id of the order.
        item, units: what is wanted.
        home: the customer's shop.
        first: the location that is asked first.
        at: when.
    """

    key: I64
    document: I64
    item: I32
    units: I32
    home: I32
    first: I32
    at: I64

    @property
    def order(self) -> I64:
        """The body of the order's key."""
        return self.key >> _ORDER_SHIFT << _ORDER_SHIFT


class WebShop:
    """The web shop of a region.

    Args:
        region: whose customers it serves.
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        online = region.room.config.online
        self._relist()
        region.relisting.append(self._relist)
        self._store_below = round(online.store_share * (1 << 16))
        self._promise = round(online.promise_hours * HOUR)

    def _relist(self) -> None:
        """What is wanted online, and where those live who want it."""
        room = self._region.room
        rate = room.economy.rate.reshape(room.locations, room.items)[1:]
        if not rate.any():
            self._orders_a_day = 0.0
            return
        self._item_at, self._home = Alias(rate.sum(axis=0)), Alias(rate.sum(axis=1))
        units = float(rate.sum()) * room.config.demand.online_share
        self._orders_a_day = units / _UNITS_MEAN / _LINES_MEAN
        self._region.gateway.clients.agree(self._orders_a_day * _CALLS_AN_ORDER)

    def tick(self, tick: int) -> Wishes | None:
        """What is ordered in the tick with absolute number ``tick``; None where nobody orders."""
        room = self._region.room
        start = tick * TICK
        expected = self._orders_a_day * room.calendar.day_factor(start) / TICKS_PER_DAY
        draw = philox(room.seed, Purpose.ONLINE, room.region, tick)
        orders = int(draw.poisson(expected))
        if not orders:
            return None
        lines = np.minimum(draw.geometric(1.0 / _LINES_MEAN, orders), _LINES_MAX)
        n = int(lines.sum())
        order = np.repeat(np.arange(orders), lines)
        line = np.arange(n) - np.repeat(np.cumsum(lines) - lines, lines)
        item = self._item_at.pick(draw.integers(0, 2**64, n, dtype=np.uint64))
        home = (self._home.pick(draw.integers(0, 2**64, orders, dtype=np.uint64))[order] + 1).astype(np.int32)
        spare = draw.integers(0, 1 << 16, (2, n))
        at = start + np.sort(draw.integers(0, TICK, orders))[order]
        header = (np.int64(room.tick_of(start)) << _TICK_SHIFT) | (order.astype(np.int64) << _ORDER_SHIFT)
        room.gauges.tally("online_lines_by_day", np.array([room.day_of(start)]), float(n))
        wishes = Wishes(
            key=header | line, document=room.ids.of(Kind.ORDER, header, 15), item=item,
            units=np.where(spare[0] < _PAIR_SHARE * (1 << 16), 2, 1).astype(np.int32), home=home,
            first=np.where(spare[1] < self._store_below, home, 0).astype(np.int32), at=at,
        )
        answered = self._ask(np.searchsorted(_SHARES_SUMMED, draw.random(orders), side="right"))
        return wishes if answered.all() else self._serve(wishes, answered[order])

    def _ask(self, client: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Which orders' customers get an answer of the gateway, of each client the first; both of shape (orders,)."""
        region = self._region
        calls = np.bincount(client, minlength=len(SHARES)) * _CALLS_AN_ORDER
        answered = region.gateway.admit(calls, region.room.now) // _CALLS_AN_ORDER
        served = np.zeros(len(client), np.bool_)
        for number, count in enumerate(answered.tolist()):
            served[np.flatnonzero(client == number)[:count]] = True
        return served

    def _serve(self, wishes: Wishes, answered: npt.NDArray[np.bool_]) -> Wishes | None:
        """The wishes of those who got an answer; the others' are lost."""
        figures, catalogue = self._region.room.figures, self._region.room.catalogue
        item, units = wishes.item[~answered], wishes.units[~answered]
        figures["lost_units"] += float(units.sum())
        figures["lost_margin"] += float((catalogue.price - catalogue.cost)[item] @ units)
        if not answered.any():
            return None
        return Wishes(**{name: column[answered] for name, column in vars(wishes).items()})

    def promise(self, at: I64) -> I64:
        """Until when a line ordered at ``at`` is promised."""
        return np.maximum(at + self._promise, self.wave_after(self._region.room.now) + _HAND_OVER)

    def wave_after(self, time: int) -> int:
        """The first pick wave after ``time``: on the full hour, in trading hours."""
        wave = (time // HOUR + 1) * HOUR
        while not self._region.room.calendar.is_open(wave):
            wave += HOUR
        return wave
