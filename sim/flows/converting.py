"""Units of measure at the dock: cases read for eaches, and receipts that are reversed and posted again.

Where master data has an item's conversion wrong, ERP and OMS read the WMS' cases as eaches, receipt after
receipt. Fixing the conversion reverses (102) what was posted wrongly and posts it again (101). Reversing a
single receipt line does so for that line alone: the next one is wrong as before. A line that was posted
right can be reversed too, as in any ERP: then the book lacks what stands in the DC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.draws import BODY_BITS, Kind, Purpose, keyed_int
from sim.events import CODE, DOCUMENT_TYPE, SOURCE, UNIT
from sim.ledger import Belief
from sim.middleware.flights import BOOKING
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.erp import PurchaseBook
from sim.systems.purchasing import PurchaseOrders
from sim.systems.wms import Delivery

I32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Misread:
    """A carton's receipt line that was told in the wrong unit."""

    receipt: int
    key: int
    actual: int
    told: int


class Converting:
    """Conversions of a region's DC.

    Attributes:
        wrong: item -> number of the unit_of_measure fault, while its conversion is wrong.
        shown: items of which something was told wrongly -> (fault, exception).
    """

    def __init__(self, region: Region, orders: PurchaseOrders, purchases: PurchaseBook) -> None:
        self._region, self._orders, self._purchases = region, orders, purchases
        self._reading = region.channels["wms"].transformation
        self.wrong: dict[int, int] = {}
        self.shown: dict[int, tuple[int, int]] = {}
        self._misread: dict[int, list[Misread]] = {}
        #: (receipt, item) of the lines that ERP has yet to show -> exception.
        self._unseen: dict[tuple[int, int], int] = {}
        region.channels["wms"].erp.listeners.append(self._posted)

    def spoil(self, item: int, fault: int) -> None:
        """An item's conversion is wrong from now on."""
        self.wrong[item] = fault
        self._reading.break_conversion(item)

    def convert(self, delivery: Delivery) -> I32:
        """Units as ERP and OMS will read them; what they read wrongly is the conversion's."""
        good = delivery.good
        told = self._reading.eaches(delivery.item, good)
        room = self._region.room
        for row in np.flatnonzero(told != good).tolist():
            item, actual, misread = int(delivery.item[row]), int(good[row]), int(told[row])
            fault = self.wrong[item]
            self._purchases.misread(delivery.receipt, item, actual - misread)
            self._misread.setdefault(item, []).append(
                Misread(delivery.receipt, int(delivery.key[row]), actual, misread))
            for b in (Belief.ERP_ON_HAND, Belief.OMS_ON_HAND):
                room.ledger.distort(b, item, actual, misread, fault, room.now)
            room.truth.lineage(int(room.ids.of(Kind.PURCHASE, delivery.key[row : row + 1])[0]), fault)
            if item not in self.shown:
                # Whatever is posted again meanwhile, the next receipt goes wrong until the conversion is right.
                room.truth.hold(fault)
                key = (item, room.truth.faults.fault_id[fault])
                self.shown[item] = (fault, room.truth.open_exception(
                    "unit_of_measure", key, "unit_of_measure", [fault], room.now, location=0, item=item,
                    loss_at_stake=actual * room.unit_margin(item)))
            self._unseen[(delivery.receipt, item)] = self.shown[item][1]
        return told

    def _posted(self, messages: Messages) -> None:
        """ERP's row of a misread line is the first that shows its exception."""
        if not self._unseen or messages.document_type != DOCUMENT_TYPE["receipt"]:
            return
        room = self._region.room
        for receipt, cell in zip(messages.document_id.tolist(), messages.cell.tolist(), strict=True):
            exception = self._unseen.pop((receipt, cell), -1)
            if exception >= 0:
                room.truth.evidence(exception, room.now + BOOKING)

    def fix(self, item: int, act: int, by: int) -> tuple[str, int]:
        """Correct an item's conversion, and reverse and post again what came in wrong.

        Args:
            item: code.
            act: id of whoever repairs.
            by: the operator's action, or -1.
        """
        fault = self.wrong.pop(item, None)
        if fault is None:
            return "the conversion is right", 0
        self._reading.mend_conversion(item)
        changed, truth = self._post_again(item, fault, self._misread.pop(item, []), act, by), self._region.room.truth
        if self.shown.pop(item, None) is not None:
            truth.release(fault, by)
        self._unseen = {line: exception for line, exception in self._unseen.items() if line[1] != item}
        truth.end(fault, self._region.room.now)
        return "", changed

    def _post_again(self, item: int, fault: int, lines: list[Misread], act: int, by: int) -> int:
        """Reverse lines and post them as they were counted; returns the units that ERP's book gains."""
        room, ledger, changed = self._region.room, self._region.room.ledger, 0
        if by >= 0:
            room.truth.lineage(by, fault)
        owner = room.truth.repair_fault(act, room.now, 0, item)
        for line in lines:
            self._purchases.reread(item, line.receipt)
            gained = 0
            for b in (Belief.ERP_ON_HAND, Belief.OMS_ON_HAND):
                units, entries = line.actual - line.told, ledger.entries
                open_units = -sum(entries.rest[e] for e in ledger.open_entries(item)
                                  if entries.fault[e] == fault and entries.belief[e] == b)
                # Who aligned the books since has paid some of it already.
                units = min(units, open_units)
                if units > 0:
                    ledger.repair(b, item, units, room.now, act, owner, fault)
                    ledger.post(b, np.array([item]), np.array([units], np.int32))
                    gained += units if b is Belief.ERP_ON_HAND else 0
            if gained:
                self._show(line.receipt, line.key, item, "102", line.told, act)
                self._show(line.receipt, line.key, item, "101", line.actual, act)
            changed += gained
        room.rules.touch(np.array([item]))
        return changed

    def reverse(self, receipt: int, item: int, act: int) -> tuple[str, int] | None:
        """Reverse a receipt's postings of an item, and post again what was counted where that differs.

        Args:
            receipt: the document.
            item: code.
            act: id of the operator's action.

        Returns:
            The reason of a refusal and the units changed, or None where there is no such receipt line.
        """
        line = self._orders.line_of_receipt(receipt, item)
        if line < 0:
            return None
        fault = self.wrong.get(item)
        misread = [entry for entry in self._misread.get(item, ()) if entry.receipt == receipt]
        if misread and fault is not None:
            self._misread[item] = [entry for entry in self._misread[item] if entry.receipt != receipt]
            return "", self._post_again(item, fault, misread, act, act)
        second = self._take_back_second(receipt, item, act)
        if second is not None:
            return "", second
        units = int(self._orders.received[line])
        if units <= 0:
            return "ERP has posted nothing of it", 0
        return "", self._take_back(receipt, item, line, units, act)

    def _take_back(self, receipt: int, item: int, line: int, units: int, act: int) -> int:
        """Reverse what was posted right: it is the repair's own error from now on."""
        room, ledger = self._region.room, self._region.room.ledger
        owner = room.truth.repair_fault(act, room.now, 0, item)
        cell, one = np.array([item]), np.array([units], np.int32)
        for b, many in ((Belief.ERP_ON_HAND, -one), (Belief.ERP_ON_ORDER, one)):
            ledger.repair(b, item, int(many[0]), room.now, act, owner, owner)
            ledger.post(b, cell, many)
        self._region.channels["wms"].erp.tell(Messages(
            location=np.zeros(1, np.int32), cell=cell, on_hand=-one, on_order=one, key=self._orders.key[[line]],
            sent_at=np.array([room.now]), document_id=np.array([receipt]), document_type=DOCUMENT_TYPE["receipt"],
            code=CODE["102"],
        ))
        self._show(receipt, int(self._orders.key[line]), item, "102", units, act)
        room.rules.touch(cell)
        return -units

    def _take_back_second(self, receipt: int, item: int, act: int) -> int | None:
        """Reverse the second posting of a line that was posted twice; None where there is none."""
        feed = self._region.channels["wms"].erp
        for (location, sequence), trouble in feed.doubled.items():
            if int(trouble.line.document_id[0]) == receipt and int(trouble.line.cell[0]) == item:
                units = feed.suppress(location, sequence, act)[1]
                self._show(receipt, int(trouble.line.key[0]), item, "102", -units, act)
                return units
        return None

    def _show(self, receipt: int, key: int, item: int, code: str, units: int, act: int) -> None:
        """ERP's row of what was posted without a message of the WMS."""
        room, at = self._region.room, np.array([self._region.room.now])
        body = keyed_int(room.seed, Purpose.IDS, 7001, act, key, CODE[code]) >> (64 - BODY_BITS)
        room.stream.emit(
            "posting", 1, event_id=np.array([room.ids.one(Kind.REPAIR, body)]), occurred_at=at, recorded_at=at,
            available_at=at + BOOKING, source=SOURCE["ERP"], location=0, item=item, quantity=units, uom=UNIT["EA"],
            code=CODE[code], document_type=DOCUMENT_TYPE["receipt"], correlation_id=receipt,
        )
