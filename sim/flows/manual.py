"""The manual process: what people find without any operations layer, in every arm.

Whoever trips over something announced opens a case at once and works it in the order of the queue.
What no one trips over is found by the end-of-day reconciliation, which lists every cell whose ERP
or OMS book differed from the site's by the same amount two nights running, or by a scheduled count.
Alerts and cases carry the detector ``manual``; their times are what a run's own manual MTTD is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, SECOND
from sim.draws import Kind, Purpose, fold, keyed_int
from sim.events import CODE, NO_CODE, NULL, SOURCE
from sim.flows.mending import Mending
from sim.ledger import Belief
from sim.region import Region
from sim.systems.wms import Delivery

#: When the books are compared each day. Assumption.
_RECONCILE_HOUR = 23


@dataclass
class ManualCases:
    """Cases of the manual process, as columns; each has one alert of the same number."""

    case_id: list[int] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    team: list[str] = field(default_factory=list)
    opened_at: list[int] = field(default_factory=list)
    closed_at: list[int] = field(default_factory=list)
    location: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    document_id: list[int] = field(default_factory=list)
    interface: list[int] = field(default_factory=list)


class Manual:
    """People's own detection and repair in one region."""

    def __init__(self, region: Region, mending: Mending) -> None:
        self._region, self._mending = region, mending
        self.cases = ManualCases()
        cells = region.room.ledger.cells
        self._before = {b: np.zeros(cells, np.int32) for b in (Belief.ERP_ON_HAND, Belief.OMS_ON_HAND)}
        self._in_work: set[tuple[int, int]] = set()
        # What all cases of the region have in common in their keys.
        self._key = keyed_int(region.room.seed, Purpose.IDS, 4000, region.room.region)

    def open_case(self, type_name: str, team: str, *, location: int = NO_CODE, item: int = NO_CODE,
                  document_id: int = NULL, interface: int = NO_CODE) -> int:
        """Write down what someone found; returns the row."""
        room, c = self._region.room, self.cases
        key = fold(self._key, room.now, location, item, document_id, interface, sum(type_name.encode()))
        c.case_id.append(key >> 13)
        c.type.append(type_name)
        c.team.append(team)
        c.opened_at.append(room.now)
        c.closed_at.append(-1)
        c.location.append(location)
        c.item.append(item)
        c.document_id.append(document_id)
        c.interface.append(interface)
        return len(c.case_id) - 1

    def _work(self, case: int, team: str, after: int, mend: Callable[[], object]) -> Generator[simpy.Event, Any, None]:
        """Someone notices after a while, then the team works the case."""
        room = self._region.room
        yield room.env.timeout(after)
        yield room.env.process(self._region.people.work(team, self.cases.case_id[case]))
        mend()
        self.cases.closed_at[case] = room.now

    # -- what people trip over -----------------------------------------------------------------------

    def truck_without_advice(self, delivery: Delivery) -> None:
        """The yard calls the supplier, and after a day receives blind."""
        case = self.open_case("late_asn", "dc", location=0, document_id=delivery.shipment)
        self._start(case, "dc", 24 * HOUR, lambda: self._mending.post_receipt(delivery.shipment, -1))

    def unknown_cartons(self, receipt: int, items: list[int]) -> None:
        """Parked cartons are looked up one by one when someone has time, usually the next day."""
        for item in items:
            case = self.open_case("carton_mismatch", "dc", location=0, item=item, document_id=receipt)
            self._start(case, "dc", 30 * HOUR, lambda item=item: self._mending.relink(receipt, item, -1))  # type: ignore[misc]

    def variance_received(self, receipt: int, item: int) -> None:
        """A receipt that differs goes to the claims desk, which works it in weekly batches."""
        case = self.open_case("receiving_variance", "inventory_control", location=0, item=item, document_id=receipt)
        self._start(case, "inventory_control", 6 * DAY, lambda: self._mending.claim(receipt, item, -1))

    def truck_missing(self, transfer: int, location: int) -> None:
        """A store misses its truck the morning after: it is traced, and confirmed where it has come already."""
        case = self.open_case("transfer_delay", "supply_chain", location=location, document_id=transfer)
        self._start(case, "supply_chain", 8 * HOUR,
                    lambda: (self._mending.trace(transfer, -1), self._mending.confirm(transfer, -1)))

    def interface_down(self, interface: int) -> None:
        """The integration team sees an outage after an hour, and drains what is dead once it is over."""
        case = self.open_case("api_outage", "integration", interface=interface)
        self._region.room.env.process(self._drain(case, interface))

    def _drain(self, case: int, interface: int) -> Generator[simpy.Event, Any, None]:
        room = self._region.room
        door = self._region.door(interface)
        while door.outage is not None:
            yield room.env.timeout(HOUR)
        # The dead-letter queue is looked at in the morning.
        yield room.env.timeout(DAY - room.now % DAY + 9 * HOUR)
        yield room.env.process(self._region.people.work("integration", self.cases.case_id[case]))
        self._mending.redrive(interface, -1)
        self.cases.closed_at[case] = room.now

    def found(self, type_name: str, team: str, after: int, mend: Callable[[], object], *, location: int = NO_CODE,
              item: int = NO_CODE, document_id: int = NULL, interface: int = NO_CODE) -> int:
        """Someone found something: a case now, worked by ``team`` from ``after`` microseconds on; returns its row."""
        case = self.open_case(type_name, team, location=location, item=item, document_id=document_id,
                              interface=interface)
        self._start(case, team, after, mend)
        return case

    def _start(self, case: int, team: str, after: int, mend: Callable[[], object]) -> None:
        self._region.room.env.process(self._work(case, team, after, mend))

    # -- the end-of-day reconciliation ---------------------------------------------------------------

    def reconcile(self) -> Generator[simpy.Event, Any, None]:
        """Every night: ERP and OMS against the site, and a case for each difference that stays."""
        room = self._region.room
        yield room.env.timeout(_RECONCILE_HOUR * HOUR)
        while True:
            for belief, name in ((Belief.ERP_ON_HAND, "ERP"), (Belief.OMS_ON_HAND, "OMS")):
                self._compare(belief, name)
            yield room.env.timeout(DAY)

    def _compare(self, belief: Belief, name: str) -> None:
        room, ledger = self._region.room, self._region.room.ledger
        difference = ledger.belief[belief] - ledger.belief[Belief.SITE_ON_HAND]
        if belief in self._region.batch.beliefs:
            # The cut-off knows of the night's files to come.
            difference -= self._region.batch.collected(belief)
        cells = np.flatnonzero((difference != 0) & (difference == self._before[belief]))
        self._before[belief] = difference
        if not len(cells):
            return
        location, item = room.split(cells)
        at = np.full(len(cells), room.now) + np.arange(len(cells)) % (60 * SECOND)
        body = (np.int64(belief) << 35) | (cells.astype(np.int64) << 11) | np.int64(room.day_of(room.now) & 0x7FF)
        room.stream.emit(
            "reconciling", len(cells), event_id=room.ids.of(Kind.CELL, body), occurred_at=at, recorded_at=at,
            available_at=at + 5 * SECOND, source=SOURCE["ERP"], location=location, item=item,
            quantity=difference[cells], code=CODE[name],
        )
        worth = np.abs(difference[cells]) * room.economy.margin[cells]
        for row in np.argsort(-worth, kind="stable").tolist():
            place = (int(belief), int(cells[row]))
            if place not in self._in_work:
                self._in_work.add(place)
                case = self.open_case("record_difference", "inventory_control", location=int(location[row]),
                                      item=int(item[row]))
                priority = 100 if worth[row] > 100.0 else 200
                room.env.process(self._explain(case, belief, int(cells[row]), priority))

    def _explain(self, case: int, belief: Belief, cell: int, priority: int) -> Generator[simpy.Event, Any, None]:
        """Someone compares the documents of a cell, sends what is missing, and aligns the rest."""
        room = self._region.room
        yield room.env.process(self._region.people.work("inventory_control", self.cases.case_id[case], priority))
        self._in_work.discard((int(belief), cell))
        ledger = room.ledger
        for trouble in self._mending.troubles_of(belief, cell):
            location, item = divmod(cell, room.items)
            found = self.open_case(trouble.type, "inventory_control", location=location, item=item,
                                   document_id=trouble.document_id, interface=trouble.interface)
            trouble.mend(-1)
            self.cases.closed_at[found] = room.now
        one = np.array([cell])
        settled = [int((ledger.belief[b, one] - ledger.in_flight[b, one])[0]) for b in (belief, Belief.SITE_ON_HAND)]
        if settled[0] != settled[1]:
            self._mending.resync(belief, cell, -1)
        self.cases.closed_at[case] = room.now
