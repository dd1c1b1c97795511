"""Repairs, as the world carries them out: by people in the manual process, or for an operator.

Each function answers with the reason of a refusal ("" when it was done) and the units it changed.
``by`` is the id of the operator's action, or -1 for the manual process. A repair that corrects what
was not wrong is not refused where the real system would accept it: the ledger books it to the repair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import simpy

from sim.actions import Action
from sim.draws import WORLD_IDS, Purpose, keyed_int
from sim.flows.receiving import Receiving
from sim.ledger import Belief
from sim.middleware.feed import Feed
from sim.region import Region
from sim.systems.authority import leading_book

Outcome = tuple[str, int]


@dataclass(frozen=True)
class FoundTrouble:
    """A lost or doubled message that explains a difference."""

    type: str
    document_id: int
    interface: int
    mend: Callable[[int], Outcome]


@dataclass
class Mending:
    """Repairs of one region.

    Attributes:
        trucks: transfers on the road: succeed the event to have one brought in.
        held: cells out of online availability.
        hurried: cells whose replenishment was brought forward.
        claim_listeners: told of each receipt and item of which something was claimed.
        remedies: kind of action -> what carries it out, where the flow that owns the state does so itself.
    """

    region: Region
    receiving: Receiving
    trucks: dict[int, simpy.Event] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    hurried: set[int] = field(default_factory=set)
    remedies: dict[str, Callable[[Action], Outcome]] = field(default_factory=dict)
    claim_listeners: list[Callable[[int, int], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offer("reverse", self._reverse)
        self.offer("expedite", self._expedite)

    def offer(self, kind: str, carry_out: Callable[[Action], Outcome | None]) -> None:
        """Let another flow carry out a kind of action; it answers None where the target is not its own."""
        before = self.remedies.get(kind)

        def first_who_can(action: Action) -> Outcome:
            done = carry_out(action)
            if done is not None:
                return done
            return ("nothing here can be done that way", 0) if before is None else before(action)

        self.remedies[kind] = first_who_can

    # -- messages --------------------------------------------------------------------------------

    def replay(self, interface: int, location: int, sequence: int, by: int) -> Outcome:
        """Send a line again from its source."""
        feed = self.region.feed(interface)
        return ("no such interface", 0) if feed is None else feed.replay(location, sequence, self.actor(by, sequence))

    def suppress(self, interface: int, location: int, sequence: int, by: int) -> Outcome:
        """Reverse a second posting."""
        feed = self.region.feed(interface)
        return ("no such interface", 0) if feed is None else feed.suppress(location, sequence, self.actor(by, sequence))

    def expedite(self, interface: int, location: int, sequence: int, by: int) -> Outcome:
        """Push a lagging posting to the front."""
        feed = self.region.feed(interface)
        return ("no such interface", 0) if feed is None else feed.expedite(location, sequence, by)

    def _expedite(self, action: Action) -> Outcome:
        """Push what lags: a posting by its number, or the confirmation of a transfer by its document."""
        interface, location, sequence = int(action.interface), int(action.location), int(action.sequence)
        if min(interface, location, sequence) >= 0:
            return self.expedite(interface, location, sequence, action.action_id)
        if action.document_id in self.region.unconfirmed:
            return self.confirm(int(action.document_id), action.action_id)
        return "it names no message", 0

    def redrive(self, interface: int, by: int) -> Outcome:
        """Put dead letters back on the wire; calls that nobody answered leave none."""
        if interface == self.region.gateway.interface:
            return "no dead letters", 0
        carrier = self.region.carrier(interface)
        return ("no such interface", 0) if carrier is None else carrier.redrive(by)

    def troubles_of(self, belief: Belief, cell: int) -> list[FoundTrouble]:
        """Lost and doubled messages that a look into the documents of a cell finds."""
        ledger, found = self.region.room.ledger, []
        faults = {ledger.entries.fault[e] for e in ledger.open_entries(cell) if ledger.entries.belief[e] == belief}
        for feed in self.region.feeds:
            if belief in feed.beliefs and faults:
                found += self._in_feed(feed, faults)
        return found

    def _in_feed(self, feed: Feed, faults: set[int]) -> list[FoundTrouble]:
        found = []
        for type_name, register, mend in (
            ("dropped_message", feed.lost, feed.replay), ("duplicate_message", feed.doubled, feed.suppress)
        ):
            for fault in sorted(faults):
                place = register.place_of(fault)
                if place is not None:
                    line = register[place].line
                    found.append(FoundTrouble(
                        type_name, int(line.document_id[0]), feed.interface,
                        lambda by, p=place, m=mend: m(*p, self.actor(by, p[1])),  # type: ignore[misc]
                    ))
        return found

    # -- the dock --------------------------------------------------------------------------------

    def relink(self, receipt: int, item: int, by: int) -> Outcome:
        """Put the parked cartons of an item on their order and receive them."""
        parked = self.receiving.parked.pop((receipt, item), None)
        if parked is None:
            return "no carton of it is parked", 0
        room = self.region.room
        for delivery, ticket in parked:
            if by >= 0:
                room.truth.lineage(by, room.rules.fault_of(ticket))
            room.rules.let_go(ticket, by)
            room.env.process(self.receiving.receive(delivery, relinked=True))
        return "", sum(int(delivery.actual.sum()) for delivery, _ in parked)

    def post_receipt(self, shipment: int, by: int) -> Outcome:
        """Receive a truck without its ASN."""
        delivery = self.receiving.waiting.get(shipment)
        if delivery is None or delivery.late_ticket < 0 or delivery.advice.triggered or delivery.blind.triggered:
            return "no truck waits for that ASN", 0
        if by >= 0:
            self.region.room.truth.lineage(by, self.region.room.rules.fault_of(delivery.late_ticket))
        delivery.blind.succeed(by if by >= 0 else None)
        return "", int(delivery.actual.sum())

    def claim(self, receipt: int, item: int, by: int) -> Outcome:
        """Close what was not delivered of an order line, and claim it."""
        units = self.receiving.claiming.settle(receipt, item, self.actor(by, receipt), by)
        if units is None:
            return "nothing of it is open", 0
        for listener in self.claim_listeners:
            listener(receipt, item)
        return "", units

    def trace(self, transfer: int, by: int) -> Outcome:
        """Have the carrier find a truck."""
        truck = self.trucks.get(transfer)
        if truck is None or truck.triggered:
            return "no such truck is on the road", 0
        truck.succeed(by)
        self.region.room.figures["expediting"] += self.region.room.config.costs.expedite
        return "", 0

    def confirm(self, transfer: int, by: int) -> Outcome:
        """Have a shop confirm a truck that it has taken in."""
        held = self.region.unconfirmed.get(transfer)
        if held is None or held.asked.triggered:
            return "no confirmation of it is held back", 0
        held.asked.succeed(by)
        return "", 0

    def fix_conversion(self, item: int, by: int) -> Outcome:
        """Correct an item's conversion, and reverse and repost what came in wrong."""
        return self.receiving.converting.fix(item, self.actor(by, item), by)

    def _reverse(self, action: Action) -> Outcome | None:
        """Reverse a receipt line; it changes the stock record, so that a person must agree."""
        if not self.region.room.is_approved(action.approver):
            return "a reversal needs a person's approval", 0
        return self.receiving.converting.reverse(int(action.document_id), int(action.item), int(action.action_id))

    # -- books -----------------------------------------------------------------------------------

    def resync(self, belief: Belief, cell: int, by: int) -> Outcome:
        """Align a system's book with the one that is authoritative for it (see :mod:`sim.systems.authority`)."""
        ledger = self.region.room.ledger
        leading, refused = leading_book(belief, cell // self.region.room.items)
        if refused:
            return refused, 0
        settled = [int(ledger.belief[b, cell] - ledger.in_flight[b, cell]) for b in (leading, belief)]
        if settled[0] == settled[1]:
            return "the books agree", 0
        return self.adjust(belief, cell, settled[0] - settled[1], by)

    def adjust(self, belief: Belief, cell: int, units: int, by: int) -> Outcome:
        """Book a difference into one system."""
        room = self.region.room
        act = by if by >= 0 else self.actor(by, cell)
        location, item = divmod(cell, room.items)
        owner = room.truth.repair_fault(act, room.now, location, item)
        paid, _ = room.ledger.repair(belief, cell, units, room.now, act, owner)
        if act >= WORLD_IDS:
            for fault in dict.fromkeys(paid):
                room.truth.lineage(act, fault)
        room.ledger.post(belief, np.array([cell]), np.array([units], np.int32))
        room.rules.touch(np.array([cell]))
        return "", units

    def hold(self, cell: int) -> Outcome:
        """Take a cell out of online availability."""
        if cell in self.held:
            return "it is held already", 0
        self.held.add(cell)
        return "", 0

    def release(self, cell: int) -> Outcome:
        """Put a held cell back."""
        if cell not in self.held:
            return "it is not held", 0
        self.held.discard(cell)
        return "", 0

    def reprioritise(self, cell: int) -> Outcome:
        """Replenish a cell in the next wave, whatever its position says."""
        self.hurried.add(cell)
        return "", 0

    def actor(self, by: int, salt: int) -> int:
        """The id of whoever repairs: the operator's action, or a keyed one for people."""
        room = self.region.room
        return by if by >= 0 else keyed_int(room.seed, Purpose.IDS, 5000, room.region, room.now, salt) >> 13


