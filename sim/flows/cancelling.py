"""Customers who change their mind before the pick, and cancellations that the OMS never hears of.

A cancellation frees its reservation. A ``reservation_leak`` loses it on the way from the web shop to the
OMS: nobody waits for the goods and they stay reserved, so fewer are offered than could be. The OMS'
nightly extract still holds what the web shop's rows have cancelled; releasing the reservation mends it.
Without an operator such reservations are swept out in a weekly clean-up.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK, weekday_of
from sim.draws import WORLD_IDS, Kind, Purpose, keyed, threshold, uniform
from sim.events import DOCUMENT_TYPE, INTERFACE, NULL, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.ledger import Belief
from sim.ledger import Kind as StockKind
from sim.region import Region
from sim.systems.oms import OrderLines, join

I64 = npt.NDArray[np.int64]

#: When the OMS writes its extract; what happened in the tick before is not in it. Assumption.
EXTRACT_AT = 23 * HOUR + 15 * MINUTE
_CANCEL_STEP = 3
_MONDAY = 0
#: When order management goes through old reservations on it. Assumption.
_CLEAN_UP_HOUR = 8


@dataclass(frozen=True)
class Leak:
    """A reservation that nobody waits for."""

    cell: int
    units: int
    fault: int


class Cancelling:
    """Cancellations of a region's online orders."""

    def __init__(self, region: Region, mending: Mending, manual: Manual) -> None:
        self._region, self._mending, self._manual = region, mending, manual
        online = region.room.config.online
        self._below = threshold(online.cancel_rate)
        # The rate is a share of all orders, and only one that is cancelled can leak.
        self._leak_below = region.room.plan.below("reservation_leak", 1.0 / max(online.cancel_rate, 1e-9))
        self._leaving: list[tuple[OrderLines, I64]] = []
        self._extracted = np.zeros(region.room.ledger.cells, np.int32)
        #: (order, item) -> its leaked reservations.
        self.leaks: dict[tuple[int, int], list[Leak]] = {}
        mending.remedies["release"] = self.release

    def keep(self, lines: OrderLines, order: I64, at: I64, wave: int) -> OrderLines:
        """The lines that will be picked; those of customers who cancel before ``wave`` are noted.

        Args:
            lines: just promised.
            order: body of each line's order key.
            at: when each was ordered.
            wave: when they would be picked.
        """
        bits = keyed(self._region.room.seed, Purpose.CANCEL, self._region.room.region, order)
        leaving = bits < self._below
        if not leaving.any():
            return lines
        rows = np.flatnonzero(leaving)
        share = uniform(keyed(self._region.room.seed, Purpose.CANCEL, self._region.room.region, 1, order[rows]))
        when = at[rows] + (share * (wave - at[rows])).astype(np.int64)
        self._leaving.append((lines.take(rows), when))
        return lines.take(~leaving)

    def cancel_due(self, now: int) -> None:
        """Cancel what customers have cancelled before ``now``."""
        if not self._leaving:
            return
        lines, when = join([part for part, _ in self._leaving]), np.concatenate([at for _, at in self._leaving])
        due = when < now
        self._leaving = [(lines.take(~due), when[~due])]
        if due.any():
            self._cancel(lines.take(due), when[due])

    def _cancel(self, lines: OrderLines, at: I64) -> None:
        room = self._region.room
        event = room.ids.of(Kind.ORDER, lines.key, _CANCEL_STEP)
        location, item = room.split(lines.cell)
        room.stream.emit(
            "cancelling", len(lines), event_id=event, occurred_at=at, recorded_at=at, available_at=at + 10 * SECOND,
            source=SOURCE["WEB"], interface=INTERFACE["web_oms"], location=location, item=item, quantity=lines.units,
            status=STATUS["cancelled"], document_type=DOCUMENT_TYPE["order"], document_id=lines.document,
            correlation_id=lines.document,
        )
        heard = np.ones(len(lines), np.bool_)
        lost = keyed(room.seed, Purpose.LEAK, room.region, lines.key) < self._leak_below
        for row in np.flatnonzero(lost).tolist():
            heard[row] = not self._leak(lines.take(np.array([row])), int(at[row]), int(event[row]))
        room.ledger.tell(StockKind.RESERVED, lines.cell[heard], -lines.units[heard], posted=(Belief.OMS_RESERVED,))

    def _leak(self, line: OrderLines, at: int, event: int) -> bool:
        """The cancellation of one line is lost; False where it was left out."""
        room, ledger = self._region.room, self._region.room.ledger
        cell, units, key, document = (int(column[0]) for column in (line.cell, line.units, line.key, line.document))
        location, item = divmod(cell, room.items)
        fault_id = room.truth.fault_id("reservation_leak", key)
        if not room.plan.strikes("reservation_leak", fault_id, at, location=location, item=item,
                                 interface=INTERFACE["web_oms"]):
            return False
        fault = room.truth.fault("reservation_leak", fault_id, at, location=location, item=item, document_id=document,
                                 interface=INTERFACE["web_oms"], magnitude=units, units=units)
        ledger.tell(StockKind.RESERVED, line.cell, -line.units)
        ledger.drop(Belief.OMS_RESERVED, cell, -units, fault, room.now)
        room.truth.lineage(event, fault)
        room.truth.open_exception(
            "reservation_leak", (key,), "reservation_leak", [fault], room.now, location=location, item=item,
            document_id=document, first_evidence_at=_next_extract(at), loss_at_stake=units * room.unit_margin(item),
        )
        self.leaks.setdefault((document, item), []).append(Leak(cell, units, fault))
        return True

    # -- repair ----------------------------------------------------------------------------------

    def release(self, action: Action) -> Outcome:
        """Release an order's reservation that nobody waits for; without an order, put a held cell back."""
        room = self._region.room
        if action.document_id != NULL:
            return self.release_order(int(action.document_id), int(action.item), action.action_id)
        if not (0 <= action.location < room.locations and 0 <= action.item < room.items):
            return "it names no cell", 0
        return self._mending.release(room.cell(action.location, action.item))

    def release_order(self, document: int, item: int, by: int) -> Outcome:
        """Release what is reserved for an order line that was cancelled."""
        leaks = self.leaks.pop((document, item), None)
        if leaks is None:
            return "nothing is reserved for it that nobody waits for", 0
        room, ledger = self._region.room, self._region.room.ledger
        released = 0
        for leak in leaks:
            if by >= WORLD_IDS:
                room.truth.lineage(by, leak.fault)
            _, rest = ledger.repair(Belief.OMS_RESERVED, leak.cell, -leak.units, room.now, by, -1, leak.fault)
            units = -leak.units - rest
            ledger.post(Belief.OMS_RESERVED, np.array([leak.cell]), np.array([units], np.int32))
            released += units
        return "", released

    def clean_up(self) -> Generator[simpy.Event, Any, None]:
        """Every Monday order management goes through old reservations without an open order."""
        room = self._region.room
        yield room.env.timeout(_CLEAN_UP_HOUR * HOUR)
        while True:
            if weekday_of(room.now) == _MONDAY:
                for (document, item), leaks in list(self.leaks.items()):
                    self._manual.found(
                        "reservation_leak", "order_management", 0,
                        lambda d=document, i=item: self.release_order(d, i, -1),  # type: ignore[misc]
                        location=leaks[0].cell // room.items, item=item, document_id=document,
                    )
            yield room.env.timeout(DAY)

    def extracts(self) -> Generator[simpy.Event, Any, None]:
        """The OMS' nightly extract: net changes of what is reserved."""
        room = self._region.room
        yield room.env.timeout(EXTRACT_AT)
        while True:
            book = room.ledger.belief[Belief.OMS_RESERVED]
            cells = np.flatnonzero(book != self._extracted)
            location, item = room.split(cells)
            body = (np.int64(6) << 35) | (cells.astype(np.int64) << 11) | np.int64((room.day_of(room.now) + 1) & 0x7FF)
            at = np.full(len(cells), room.now)
            room.stream.emit(
                "stock_extract", len(cells), event_id=room.ids.of(Kind.CELL, body, 3), occurred_at=at - TICK,
                recorded_at=at, available_at=at + SECOND, source=SOURCE["OMS"], location=location, item=item,
                quantity=(book - self._extracted)[cells], status=STATUS["reserved"],
            )
            self._extracted = book.copy()
            yield room.env.timeout(DAY)


def _next_extract(at: int) -> int:
    """When the first extract that a cancellation at ``at`` should be in can be read."""
    extract = at // DAY * DAY + EXTRACT_AT
    return extract + SECOND if at < extract - TICK else extract + DAY + SECOND
