"""One region put together: its room, channels, people and the books it opens with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import simpy

from sim.catalogue import make_calendar, make_catalogue, numbers_of, stores_of_region
from sim.config import Config
from sim.counts import Counts
from sim.demand import DemandSource, SyntheticDemand
from sim.draws import Ids
from sim.events import INTERFACE, Vocabulary
from sim.faults.plan import Plan
from sim.ledger import Ledger, Place
from sim.middleware.batch import Batch
from sim.middleware.carrier import Carrier
from sim.middleware.channel import Channel
from sim.middleware.door import Door
from sim.middleware.enrichment import keeper
from sim.middleware.feed import Feed
from sim.middleware.gateway import Gateway
from sim.middleware.mailbox import Mailbox
from sim.middleware.postings import PostingQueue
from sim.middleware.routing import BOXES, SOURCES
from sim.opening import reorder_points, stock
from sim.people import People
from sim.room import Room
from sim.rules import Economy, Rules
from sim.stream import Stream
from sim.truth import Truth


@dataclass(frozen=True)
class Unconfirmed:
    """What a truck brought that only the shop knows of.

    Attributes:
        cell, units: what was taken in; shapes (n,).
        asked: succeed it, with who asks, to have the confirmation sent.
    """

    cell: np.ndarray
    units: np.ndarray
    asked: simpy.Event


@dataclass
class Region:
    """A region and its parts; flows act on it.

    Attributes:
        postings: what waits to be booked by ERP.
        gateway: of the web shop's calls to OMS.
        mailboxes: what suppliers send waits in them; by interface.
        capacity: units that fit a shelf, shape (cells,).
        refill: cells whose shelf may need filling, collected until the next round.
        closing: shops whose end is announced: nothing is ordered or planned for them.
        closed: shops whose doors have closed for good; nobody comes.
        unconfirmed: transfers that have come and whose confirmation is held back, by document.
        relisting: told when the assortment has changed, by whoever keeps something of its demand.
    """

    room: Room
    demand: DemandSource
    channels: dict[str, Channel]
    postings: PostingQueue
    gateway: Gateway
    mailboxes: dict[int, Mailbox]
    people: People
    capacity: np.ndarray
    refill: list[np.ndarray]
    relisting: list[Callable[[], None]] = field(default_factory=list)
    closing: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    unconfirmed: dict[int, Unconfirmed] = field(default_factory=dict)

    @property
    def feeds(self) -> list[Feed]:
        """The interfaces that feed books, in the order of their codes."""
        return sorted((f for c in self.channels.values() for f in c.feeds), key=lambda f: f.interface)

    @property
    def carriers(self) -> list[Carrier]:
        """All interfaces that carry documents, in the order of their codes."""
        return sorted([*self.feeds, *self.mailboxes.values()], key=lambda carrier: carrier.interface)

    def carrier(self, interface: int) -> Carrier | None:
        """One interface that carries documents by code, or None."""
        return next((c for c in self.carriers if c.interface == interface), None)

    def report_low(self, cells: np.ndarray) -> None:
        """Some goods have left the shelf: where little is left of them and there is more behind, it needs filling."""
        place = self.room.ledger.place
        low = cells[place[Place.SHELF].take(cells) * 2 <= self.capacity.take(cells)]
        low = low[place[Place.BACKROOM].take(low) > 0]
        if len(low):
            self.refill.append(low)

    def feed(self, interface: int) -> Feed | None:
        """One interface that feeds books by code, or None where no channel has such a feed."""
        return next((f for f in self.feeds if f.interface == interface), None)

    @property
    def batch(self) -> Batch:
        """The nightly batch of the legacy shops."""
        batch = self.channels["pos"].batch
        assert batch is not None
        return batch

    @property
    def doors(self) -> list[Door]:
        """Every interface that can be down or shut, in the order of their codes."""
        doors = [*(carrier.door for carrier in self.carriers), self.gateway.door]
        return sorted(doors, key=lambda door: door.interface)

    def door(self, interface: int) -> Door:
        """The door of one interface, by its code."""
        return next(door for door in self.doors if door.interface == interface)


def vocabulary_of(config: Config, region: int) -> Vocabulary:
    """The names of a region's places, items and suppliers."""
    stores, before = stores_of_region(config, region)
    return Vocabulary(
        locations=(f"DC{region + 1}", *(f"S{before + k + 1:04d}" for k in range(stores))),
        items=tuple(f"I{k + 1:05d}" for k in range(config.world.items)),
        suppliers=tuple(f"V{k + 1:03d}" for k in range(config.world.suppliers)),
    )


def make_demand(config: Config, seed: int, region: int, stores: int) -> DemandSource:
    """The demand source that the configuration names.

    Raises:
        ValueError: for an unknown source.
    """
    if config.demand.source == "synthetic":
        return SyntheticDemand(config, make_catalogue(config, seed), seed, region, stores)
    if config.demand.source == "complete_journey":
        from sim.journey import JourneyDemand

        return JourneyDemand(config, seed, region, stores, config.world.items, numbers_of(config)[0])
    raise ValueError(f"demand.source={config.demand.source!r}; valid: synthetic, complete_journey")


def healthy(config: Config) -> Config:
    """The same world with nothing wrong: no fault, no ambient error, no mistakes at counts."""
    from copy import deepcopy

    clean = deepcopy(config)
    clean.faults.scale = 0.0
    clean.faults.opening_drift = 0.0
    clean.counting.missed_cutoff_rate = 0.0
    return clean


def open_region(config: Config, seed: int, region: int, path: Path | None = None) -> Region:
    """A region in its steady state at the start of the run.

    Args:
        config: of the world; pass :func:`healthy` of it for the clean arm.
        seed: of all draws.
        region: number of the region.
        path: the Parquet file of the stream, or None to keep only its hash.
    """
    stores, _ = stores_of_region(config, region)
    calendar = make_calendar(config)
    catalogue = make_catalogue(config, seed)
    demand = make_demand(config, seed, region, stores)
    vocabulary = vocabulary_of(config, region)
    items = len(catalogue)
    rate = np.zeros((stores + 1, items))
    rate[1:] = demand.line_rate()
    economy = Economy(
        rate=rate.ravel().astype(np.float32),
        margin=np.tile((catalogue.price - catalogue.cost).astype(np.float32), stores + 1),
        reorder_point=reorder_points(config, rate).ravel(),
    )
    truth = Truth(seed, region, items)
    ledger = Ledger((stores + 1) * items, truth)
    rules = Rules(ledger, truth, economy, items)
    room = Room(
        seed=seed, region=region, config=config, catalogue=catalogue, calendar=calendar, vocabulary=vocabulary,
        stores=stores, env=simpy.Environment(calendar.start), ids=Ids(seed, region), ledger=ledger,
        counts=Counts(ledger), truth=truth, rules=rules, economy=economy,
        stream=Stream(vocabulary, path, keeper(config, seed)), plan=Plan(config, vocabulary, calendar.start),
        clock_offset=np.zeros(stores + 1, np.int64),
    )
    capacity = np.maximum(np.maximum(2, economy.reorder_point), np.tile(catalogue.pack, stores + 1)).astype(np.int32)
    stock(room, rate, capacity)
    postings = PostingQueue(room)
    channels = {name: Channel(room, name, postings) for name in SOURCES}
    boxes = {INTERFACE[box.interface]: Mailbox(room, INTERFACE[box.interface], acknowledges=box.acknowledges)
             for box in BOXES}
    return Region(room, demand, channels, postings, Gateway(room), boxes, People(room), capacity, [])


def accurate_share(room: Room) -> tuple[int, int, int]:
    """Cells whose ERP book equals the stock, is within class tolerance, and is below zero."""
    ledger = room.ledger
    book, fact = ledger.belief[1], ledger.fact[0]
    gap = np.abs(book - fact)
    tolerance = np.tile(np.asarray(room.config.counting.tolerance)[room.catalogue.count_class], room.locations)
    within = gap <= np.maximum(tolerance * np.abs(book), room.config.counting.floor_units)
    return int(np.count_nonzero(gap == 0)), int(np.count_nonzero(within)), int(np.count_nonzero(book < 0))


def placed_units(room: Room) -> tuple[int, int]:
    """Units in all places, and on trucks."""
    place = room.ledger.place
    transit = int(place[Place.TRUCK].sum(dtype=np.int64))
    return int(place.sum(dtype=np.int64)) - transit, transit
