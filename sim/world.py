"""One region from its first midnight to its last: the only place where the parts are joined.

SimPy runs what has cause, capacity and order (trucks, doors, people, waves, outages, counts). The
tick driver runs what is plentiful inside that: every 15 minutes it sells, takes back, takes orders,
delivers messages, tests the rules on what was touched, hands the visible rows to the operator and
accepts its actions, which act from the next tick on.

The ledger's identity is checked on touched cells every tick and wholly every day, in every run.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from simpy.events import URGENT

from sim.actions import Action
from sim.checks import check_day
from sim.clock import DAY, HOUR, TICK
from sim.config import Config
from sim.desk import Desk
from sim.events import Rows
from sim.flows.assorting import Assorting
from sim.flows.cataloguing import Cataloguing
from sim.flows.charging import Charging
from sim.flows.closing import Closing
from sim.flows.conversing import Conversing
from sim.flows.counting import Counting
from sim.flows.disturbing import Disturbing, emit_extract
from sim.flows.fulfilment import Fulfilment
from sim.flows.integrating import Integrating
from sim.flows.losing import Losing
from sim.flows.maintaining import Maintaining
from sim.flows.manual import Manual
from sim.flows.mending import Mending
from sim.flows.misplacing import Misplacing
from sim.flows.paying import Paying
from sim.flows.pricing import Pricing
from sim.flows.receiving import Receiving
from sim.flows.replenishing import Replenishing
from sim.flows.returning import Returning
from sim.flows.shopping import Shopping
from sim.flows.skewing import Skewing
from sim.flows.supplying import Supplying
from sim.flows.surveying import Surveying
from sim.flows.undecided import Undecided
from sim.flows.vendor_returns import VendorReturns
from sim.ledger import KIND_OF, SITE_BELIEFS, Belief
from sim.ledger import Kind as StockKind
from sim.region import Region, accurate_share, open_region, placed_units
from sim.room import FIGURES
from sim.systems.accounts import Accounts
from sim.systems.pos import Tills
from sim.systems.purchasing import PurchaseOrders
from sim.systems.store import fill_shelves

#: What is asked at the end of each tick: the time, and the rows that have become visible.
Step = Callable[[int, Rows], list[Action]]
#: Told days done and days in all, once a simulated day.
DaysDone = Callable[[int, int], None]
#: When ERP writes its extract. Assumption.
_EXTRACT_AT = 23 * HOUR + 15 * 60_000_000


@dataclass
class Outcomes:
    """Daily figures of a region, as columns; ``ledger`` holds sums per belief and day.

    Attributes:
        days: name -> one value a day.
        ledger: name -> one value a day and belief.
    """

    days: dict[str, list[float]] = field(default_factory=dict)
    ledger: dict[str, list[int]] = field(default_factory=dict)

    def add(self, table: dict[str, list[Any]], row: dict[str, float]) -> None:
        """Append one row."""
        for name, value in row.items():
            table.setdefault(name, []).append(value)


class TickEnd(simpy.Event):
    """The end of a tick: it comes before all else of its instant, which belongs to the next tick already."""

    def __init__(self, env: simpy.Environment) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, URGENT, TICK)


@contextmanager
def _interpreter_for_a_world() -> Iterator[None]:
    """Settings of the interpreter while a region runs; they change no result.

    Few passes of the cyclic collector, since the books only grow and walking them finds nothing: what a day
    left behind is set apart at its end (see :meth:`RegionWorld._close_day`). And quick hand-overs, so that the
    world does not wait for the thread that hashes and writes its stream.
    """
    collections, hand_over = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(hand_over)
        gc.set_threshold(*collections)
        gc.unfreeze()


class RegionWorld:
    """A region that can be run once.

    Args:
        config: of the world (``sim.region.healthy`` of it for the clean arm).
        seed: of all draws.
        region: number of the region.
        path: the Parquet file of its stream, or None to keep only the hash.
    """

    def __init__(self, config: Config, seed: int, region: int, path: Path | None = None) -> None:
        self.region: Region = open_region(config, seed, region, path)
        self.room = self.region.room
        orders = PurchaseOrders(self.room)
        self.region.channels["wms"].erp.listeners.append(orders.post)
        self.receiving = Receiving(self.region, orders)
        self.accounts = Accounts(self.region, self.receiving.purchases)
        self.mending = Mending(self.region, self.receiving)
        self.paying = Paying(self.region, self.receiving, self.mending, self.accounts)
        Charging(self.region, self.receiving, self.paying)
        self.manual = Manual(self.region, self.mending)
        self.receiving.manual = self.manual
        self.integrating = Integrating(self.region, self.mending, self.manual)
        self.maintaining = Maintaining(self.region, self.mending, self.manual)
        self.misplacing = Misplacing(self.region, self.mending)
        self.skewing = Skewing(self.region, self.mending, self.manual)
        self.counting = Counting(self.region, self.manual, self.mending, self.misplacing)
        self.desk = Desk(self.region, self.mending, self.counting)
        self.losing = Losing(self.region)
        tills = Tills(self.room)
        self.pricing = Pricing(self.region, tills, self.mending, self.manual)
        self.shopping = Shopping(self.region, tills, self.pricing)
        self.cataloguing = Cataloguing(self.region, self.mending, self.manual)
        self.assorting = Assorting(self.region, self.cataloguing)
        self.vendor_returns = VendorReturns(self.region, self.mending, self.manual, self.accounts)
        self.returning = Returning(self.region, self.shopping.returns, self.vendor_returns)
        self.undecided = Undecided(self.region, self.returning, self.mending, self.manual)
        self.fulfilment = Fulfilment(self.region, self.mending, self.manual, self.shopping.returns)
        self.outcomes = Outcomes()
        self.stream_hash = ""
        self._opening_units = placed_units(self.room)[0]
        self._extracted = self.room.ledger.belief[Belief.ERP_ON_HAND].copy()
        self._totals = dict.fromkeys(FIGURES, 0.0)

    def run(self, step: Step | None = None, progress: DaysDone | None = None) -> str:
        """Run the region to the end of its calendar.

        Args:
            step: the operator; None for none.
            progress: told days done and days in all, once a simulated day.

        Returns:
            The hash of the observable stream.
        """
        room, env = self.room, self.room.env
        self.cataloguing.open()
        emit_extract(self.region, room.ledger.belief[Belief.ERP_ON_HAND], 0, opening=True)
        self.accounts.tell_averages("opening")
        self.pricing.announce_running()
        room.rules.touch(np.arange(room.ledger.cells))
        Disturbing(self.region, self.receiving, self.manual).start()
        conversing = Conversing(self.region, self.receiving, self.mending, self.manual)
        supplying = Supplying(self.region, self.receiving, conversing, self.manual)
        replenishing = Replenishing(self.region, self.mending, self.manual)
        for process in (
            self.losing.sweeps(),
            self.misplacing.days(),
            supplying.review(),
            replenishing.review(),
            Closing(self.region, replenishing).days(),
            self.counting.rounds(),
            self.returning.inspect(),
            self.vendor_returns.weekly(),
            self.undecided.empty_cages(),
            self.manual.reconcile(),
            Surveying(self.region).rounds(),
            self.integrating.nights(),
            self.maintaining.days(),
            self.skewing.slots(),
            self.paying.mornings(),
            self._extracts(),
            self._ticks(step, progress),
        ):
            env.process(process)
        self.fulfilment.start()
        with _interpreter_for_a_world():
            env.run(until=room.calendar.end + 1)
        self.stream_hash = room.stream.close()
        return self.stream_hash

    def _ticks(self, step: Step | None, progress: DaysDone | None) -> Generator[simpy.Event, Any, None]:
        room = self.room
        while True:
            yield TickEnd(room.env)
            now = room.now
            self._work(now // TICK - 1, now)
            if step is not None:
                self.desk.take(step(now, room.stream.flush(now)))
            else:
                room.stream.pass_unread(now)
            if now % DAY == 0:
                self._close_day(now)
                if progress is not None:
                    progress(room.day_of(now), room.calendar.days)

    def _work(self, tick: int, now: int) -> None:
        """What happened in the tick that ends now."""
        room, region = self.room, self.region
        self.losing.tick(tick)
        self.pricing.tick(tick)
        self.cataloguing.tick(tick)
        self.assorting.tick(tick)
        self.shopping.tick(tick)
        self.returning.tick(tick)
        self.undecided.tick()
        self.fulfilment.tick(tick)
        region.postings.work()
        for feed in region.feeds:
            feed.post_due(tick)
        for box in region.mailboxes.values():
            box.post_due(tick)
        room.rules.test(now)
        room.truth.settle(now, room.ledger)
        if now % HOUR == 0:
            fill_shelves(region)
            for carrier in region.carriers:
                carrier.report_hour(now)
            region.postings.report_hour(now)
            region.gateway.report_hour(now)

    def _extracts(self) -> Generator[simpy.Event, Any, None]:
        """ERP's nightly extract of net changes."""
        room = self.room
        yield room.env.timeout(_EXTRACT_AT)
        while True:
            book = room.ledger.belief[Belief.ERP_ON_HAND]
            emit_extract(self.region, book - self._extracted, room.day_of(room.now) + 1)
            self._extracted = book.copy()
            yield room.env.timeout(DAY)

    # -- a day's end -----------------------------------------------------------------------------

    def _close_day(self, now: int) -> None:
        """Check the books, and write down what the day was."""
        room, figures = self.room, self.room.figures
        for name in FIGURES:
            self._totals[name] += figures[name]
        placed, transit = placed_units(room)
        room.gauges.add("shrink", 0.0, figures["sold_value"])
        check_day(self.region, self._opening_units, self._totals)
        self.accounts.close(now - DAY)
        self.shopping.tally.close_day(now)
        accurate, tolerant, negative = accurate_share(room)
        stock = room.ledger.fact[StockKind.ON_HAND].reshape(room.locations, room.items).sum(axis=0)
        config = room.config
        row: dict[str, float] = dict(figures)
        running = ("supplied_units", "sold_units_physical", "returned_units", "lost_units_physical", "scrapped_units",
                   "sent_back_units")
        row |= {name: self._totals[name] for name in running}
        row |= {
            "day": now - DAY,
            "labour_cost": figures["labour_minutes"] / 60.0 * config.people.cost_per_hour,
            "holding": float(room.catalogue.cost @ stock) * config.costs.holding_rate_year / 365.0,
            "cells": room.ledger.cells, "accurate_cells": accurate, "tolerant_cells": tolerant,
            "negative_cells": negative, "rows": room.stream.business_rows,
            "opening_units": self._opening_units, "placed_units": placed, "transit_units": transit,
        }
        self.outcomes.add(self.outcomes.days, row)
        self._sum_ledger(now - DAY)
        for name in FIGURES:
            figures[name] = 0.0
        gc.freeze()

    def _sum_ledger(self, day: int) -> None:
        """Sums of the identity's four terms, per belief."""
        ledger, items = self.room.ledger, self.room.items
        shared: dict[tuple[StockKind, int, int], tuple[int, int]] = {}
        for b in Belief:
            # The site's belief is the WMS's in the DC and the store system's in the stores.
            parts = (slice(None, items), slice(items, None)) if b in SITE_BELIEFS else (slice(None),)
            for place, cells in enumerate(parts):
                kind = KIND_OF[b]
                if (kind, len(parts), place) not in shared:
                    ambient = ledger.ambient[:, cells] if kind is StockKind.ON_HAND else ledger.ambient[:, :0]
                    shared[kind, len(parts), place] = (int(ledger.fact[kind, cells].sum(dtype=np.int64)),
                                                       int(ambient.sum(dtype=np.int64)))
                fact, drifted = shared[kind, len(parts), place]
                self.outcomes.add(self.outcomes.ledger, {
                    "day": day, "belief_code": int(b), "location": place,
                    "belief": int(ledger.belief[b, cells].sum(dtype=np.int64)),
                    "fact": fact,
                    "in_flight": int(ledger.in_flight[b, cells].sum(dtype=np.int64)),
                    "error": int(ledger.named[b, cells].sum(dtype=np.int64)) + drifted, "ambient": drifted,
                })
