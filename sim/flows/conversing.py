"""The conversation about a purchase order: what buyer and supplier write to each other until it is closed.

After the order (850) come the acknowledgement (997), the confirmation of each line (855, version 1), any
changes of quantity or price (version 2 and on), the ASN (856, :mod:`sim.flows.supplying`), and after the
receipt the receiving advice (861). ERP takes the latest version; one that comes after a later one is
late, and ignored, unless a fault lets it overwrite. A buyer may put the versions in order again, or
cancel what of a line is still open.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.actions import Action
from sim.clock import DAY, HOUR, SECOND
from sim.draws import Kind, Paper, paper
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.flows.receiving import Receiving
from sim.ledger import Belief
from sim.ledger import Kind as StockKind
from sim.region import Region
from sim.systems.purchasing import Lines, OrderStatus
from sim.systems.suppliers import ON_ITS_WAY, Revision, Terms, order_body
from sim.systems.wms import LINE_SHIFT, Delivery

#: When ERP shows what it made of a paper. Assumption.
_SHOWN = 30 * SECOND
#: Buyers look through what has changed so often; a case found waits half a day. Assumptions.
_LOOKED_THROUGH, _TAKEN_UP = 2 * DAY, 12 * HOUR
#: The receiving advice goes out so long after the goods were counted. Assumption.
_ADVISED_AFTER = 5 * HOUR
#: Steps of a change's key that its version is added to: as it came, and as it was put in force again.
_AGAIN = 8
_STATUS_WORDS = np.array([STATUS[word] for word in (
    "open", "open", "open", "partial", "received", "closed", "cancelled")], np.int32)


class Conversing:
    """The papers of a region's purchase orders."""

    def __init__(self, region: Region, receiving: Receiving, mending: Mending, manual: Manual) -> None:
        self._region, self._receiving, self._manual, self._mending = region, receiving, manual, mending
        self._orders = receiving.orders
        #: Orders that are packed: nothing of them can be taken back until they are received.
        self.packed: set[int] = set()
        receiving.counted_listeners.append(self._report_later)
        receiving.claiming.settled_listeners.append(self._amend)
        self._orders.raised_listeners.append(self._reinstate)
        mending.offer("resequence", self._resequence)
        mending.offer("cancel", self._cancel)

    def begin(self, lines: Lines, supplier: int, day: int, terms: Terms) -> None:
        """Let a supplier answer an order that was just placed."""
        room, orders, gauges = self._region.room, self._orders, self._region.room.gauges
        purchase, n = int(orders.purchase[lines[0]]), len(lines)
        room.at(terms.acknowledged_at, lambda: self._acknowledge(purchase, supplier, day))
        held_back = {int(lines[k]): versions[0] for k, versions in terms.changed.items()
                     if versions[0].arrives_at != versions[0].due_at}
        room.at(terms.confirmed_at, lambda: self._confirm(lines, terms.offered, held_back))
        for k, versions in terms.changed.items():
            for revision in versions[1:]:
                room.at(revision.sent_at, lambda line=int(lines[k]), r=revision: self._send(line, r))  # type: ignore[misc]
        changes = [(b.units != a.units, b.price != a.price) for versions in terms.changed.values()
                   for a, b in pairwise(versions)]
        gauges.add("po_quantity_changes", sum(units for units, _ in changes), n)
        gauges.add("po_price_changes", sum(price for _, price in changes), n)

    def _acknowledge(self, purchase: int, supplier: int, day: int) -> None:
        """The supplier's system has the order (997)."""
        room = self._region.room
        at = np.array([room.now])
        event = room.ids.one(Kind.DOCUMENT, paper(Paper.ACKNOWLEDGEMENT, order_body(supplier, day) >> LINE_SHIFT))
        room.stream.emit(
            "acknowledging", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at, available_at=at + _SHOWN,
            source=SOURCE["EDI"], interface=INTERFACE["edi_out"], location=0, partner=room.locations + supplier,
            code=CODE["997"], status=STATUS["accepted"], document_type=DOCUMENT_TYPE["purchase_order"],
            document_id=purchase, correlation_id=purchase,
        )

    # -- versions --------------------------------------------------------------------------------

    def _confirm(self, lines: Lines, offered: npt.NDArray[np.int32], held_back: dict[int, Revision]) -> None:
        """The supplier confirms all lines; what is held up on the way comes later."""
        room, orders, sent_at = self._region.room, self._orders, self._region.room.now
        wanted = orders.status[lines] < OrderStatus.CLOSED
        lines, offered = lines[wanted], offered[wanted]
        orders.agree(lines, offered, orders.agreed_price[lines])
        for line, revision in held_back.items():
            if line in lines:
                self._hold_up(line, revision)
        direct = ~np.isin(lines, list(held_back))
        price = orders.agreed_price[lines[direct]].copy()

        def arrive() -> None:
            kept = lines[direct]
            event = room.ids.of(Kind.DOCUMENT, paper(Paper.CONFIRMATION) + orders.key[kept])
            taken = orders.read(kept, 1, offered[direct], price, event)
            self._book(kept)
            word = np.where(taken, self._word(kept), STATUS["late"])
            self._show(kept, 1, offered[direct], price, event, sent_at, word)

        if direct.any():
            room.at(sent_at + ON_ITS_WAY, arrive)

    def _send(self, line: int, revision: Revision) -> None:
        """The supplier changes a line."""
        orders, one = self._orders, np.array([line])
        if orders.agreed[line] == 0:
            # What was to change is no longer wanted.
            return
        orders.agree(one, np.array([revision.units], np.int32), np.array([revision.price]))
        self._hold_up(line, revision)

    def _hold_up(self, line: int, revision: Revision) -> None:
        """A single version is on its way; if it lets the next one pass and overwrites it, that is a fault."""
        room, orders, fault = self._region.room, self._orders, -1
        if revision.overwrites >= 0:
            fault = room.truth.fault(
                "out_of_order", revision.overwrites, revision.due_at, location=0, item=int(orders.item[line]),
                document_id=int(orders.purchase[line]), interface=INTERFACE["edi_erp"],
                magnitude=float(revision.version), acting=True)
        room.at(revision.arrives_at, lambda: self._arrive(line, revision, fault))

    def _arrive(self, line: int, revision: Revision, fault: int) -> None:
        """A version of one line comes to ERP."""
        room, orders, version = self._region.room, self._orders, revision.version
        one, units, price = np.array([line]), np.array([revision.units], np.int32), np.array([revision.price])
        event = self._event(Paper.CONFIRMATION, line, 0) if version == 1 else self._event(Paper.CHANGE, line, version)
        stale = fault >= 0 and orders.version[line] > version and orders.status[line] in {
            OrderStatus.CONFIRMED, OrderStatus.CHANGED, OrderStatus.CANCELLED}
        if stale:
            self._overwrite(line, revision, fault, event)
        taken = stale or bool(orders.read(one, version, units, price, np.array([event]))[0])
        self._book(one)
        word = STATUS["confirmed" if version == 1 else "changed"] if stale else int(self._word(one)[0])
        self._show(one, version, units, price, np.array([event]), revision.sent_at,
                   np.array([word if taken else STATUS["late"]]))
        if fault >= 0:
            room.truth.lineage(event, fault)
            room.truth.end(fault, room.now)
        elif not taken:
            room.truth.decoy("valid_late_update", (int(orders.key[line]), version), revision.due_at, room.now,
                             location=0, item=int(orders.item[line]), document_id=int(orders.purchase[line]))

    def _overwrite(self, line: int, revision: Revision, fault: int, event: int) -> None:
        """An old version takes the place of a newer one."""
        room, orders = self._region.room, self._orders
        if orders.stale[line] >= 0:
            orders.mend(line, event)
        item, purchase = int(orders.item[line]), int(orders.purchase[line])
        wrong = revision.units - int(orders.held[line])
        dearer = abs(revision.price - float(orders.held_price[line])) * float(orders.told[line])
        orders.overwrite(line, revision.units, revision.price, fault)
        room.truth.faults.units[fault] = wrong
        room.truth.open_exception(
            "out_of_order", (int(orders.key[line]), revision.version), "out_of_order", [fault], room.now, location=0,
            item=item, document_id=purchase, first_evidence_at=room.now + _SHOWN,
            loss_at_stake=abs(wrong) * room.unit_margin(item) + dearer)

        def look_through() -> None:
            if orders.stale[line] == fault:
                self._manual.found("out_of_order", "supply_chain", _TAKEN_UP, lambda: self._put_in_order(line, -1),
                                   location=0, item=item, document_id=purchase)

        room.at(room.now + _LOOKED_THROUGH, look_through)

    def _book(self, lines: Lines) -> None:
        """Accounts payable goes by what ERP holds of an order."""
        orders, book = self._orders, self._receiving.purchases
        book.change(int(orders.purchase[lines[0]]), orders.item[lines], units=orders.held[lines].astype(np.int64),
                    cents=np.rint(orders.held_price[lines] * 100.0).astype(np.int64))

    def _word(self, lines: Lines) -> npt.NDArray[np.int32]:
        """How ERP's answer to a version reads."""
        words = {OrderStatus.CONFIRMED: "confirmed", OrderStatus.CHANGED: "changed", OrderStatus.CANCELLED: "cancelled"}
        held = self._orders.status[lines].tolist()
        return np.array([STATUS[words.get(OrderStatus(status), "late")] for status in held], np.int32)

    def _show(self, lines: Lines, version: int, units: npt.NDArray[np.int32], price: npt.NDArray[np.float64],
              event: npt.NDArray[np.int64], sent_at: int, status: npt.NDArray[np.integer]) -> None:
        """Rows of versions, as ERP has them."""
        room, orders, n = self._region.room, self._orders, len(lines)
        at = np.full(n, room.now) + np.arange(n) * SECOND // 10
        room.stream.emit(
            "confirming" if version == 1 else "changing", n, event_id=event, occurred_at=np.full(n, sent_at),
            recorded_at=at, available_at=at + _SHOWN, source=SOURCE["EDI"], interface=INTERFACE["edi_erp"], location=0,
            partner=room.locations + orders.supplier[lines], item=orders.item[lines], quantity=units.astype(np.int64),
            unit_price=price, version=version, code=CODE["855"], status=status.astype(np.int32),
            document_type=DOCUMENT_TYPE["purchase_order"], document_id=orders.purchase[lines],
            correlation_id=orders.purchase[lines],
        )

    # -- after the receipt -----------------------------------------------------------------------

    def _report_later(self, delivery: Delivery, batch: int) -> None:
        self._region.room.at(self._region.room.now + _ADVISED_AFTER, lambda: self._report(delivery, batch))

    def _report(self, delivery: Delivery, batch: int) -> None:
        """Tell the supplier what was received of its shipment (861), line by line; ``batch`` is 0 for the truck."""
        room, orders = self._region.room, self._orders
        lines, carton_of = np.unique(orders.lines_for(delivery.receipt, delivery.item), return_inverse=True)
        n, at = len(lines), np.full(len(lines), room.now) + np.arange(len(lines)) * SECOND // 10
        counted = np.bincount(carton_of, delivery.actual, n).astype(np.int64)
        event = room.ids.of(Kind.DOCUMENT, paper(Paper.RECEIVING_ADVICE) + orders.key[lines], batch)
        room.stream.emit(
            "reporting", n, event_id=event, occurred_at=at, recorded_at=at, available_at=at + _SHOWN,
            source=SOURCE["ERP"], interface=INTERFACE["edi_out"], location=0,
            partner=room.locations + delivery.supplier, item=orders.item[lines], quantity=counted, code=CODE["861"],
            status=_STATUS_WORDS[orders.status[lines]], document_type=DOCUMENT_TYPE["receipt"],
            document_id=delivery.receipt, parent_document_id=delivery.purchase, correlation_id=delivery.purchase,
        )
        done = (orders.status[lines] == OrderStatus.RECEIVED) & (orders.stale[lines] < 0)
        orders.move(lines[done], OrderStatus.CLOSED)

    # -- repairs ---------------------------------------------------------------------------------

    def _resequence(self, action: Action) -> Outcome | None:
        line = self._orders.line_of(action.document_id, action.item)
        return None if line < 0 else self._put_in_order(line, action.action_id)

    def _put_in_order(self, line: int, by: int) -> Outcome:
        """Put the latest version of a line in force again."""
        room, orders = self._region.room, self._orders
        if orders.stale[line] < 0:
            return "its versions are in order", 0
        act, fault = self._mending.actor(by, int(orders.key[line])), int(orders.stale[line])
        owner = room.truth.repair_fault(act, room.now, 0, int(orders.item[line]))
        # People leave no trace but the row in which ERP says what holds again.
        row = self._reinstating(line)
        units = orders.mend(line, by if by >= 0 else row, owner)
        room.truth.lineage(row, fault)
        self._reinstate(line)
        return "", units

    def _cancel(self, action: Action) -> Outcome | None:
        """Cancel the open rest of an order line."""
        room, orders, item = self._region.room, self._orders, int(action.item)
        line = orders.line_of(action.document_id, item)
        if line < 0:
            return None
        waiting = int(orders.held[line]) - int(orders.received[line])
        if waiting <= 0 or orders.status[line] == OrderStatus.CLOSED:
            return "nothing of it is open", 0
        if orders.sent[line] != orders.version[line]:
            return "a change of it is on its way", 0
        coming = action.document_id in self.packed and orders.status[line] < OrderStatus.PARTIAL
        if coming and orders.agreed[line]:
            return "it is on its way", 0
        act = action.action_id
        owner = room.truth.repair_fault(act, room.now, 0, item)
        if orders.stale[line] >= 0:
            orders.mend(line, act, owner)
        if orders.status[line] < OrderStatus.PARTIAL:
            rest = np.array([int(orders.agreed[line])], np.int32)
            room.ledger.tell(StockKind.ON_ORDER, np.array([item]), -rest, posted=(Belief.ERP_ON_ORDER,))
            orders.write_off(line, int(rest[0]))
        else:
            self._receiving.claiming.settle(int(orders.receipt[line]), item, act, act)
            rest = np.array([int(orders.held[line]) - int(orders.received[line])], np.int32)
            # What nobody can explain is on its way, or was received and not posted: it is no longer waited for.
            room.ledger.repair(Belief.ERP_ON_ORDER, item, -int(rest[0]), room.now, act, owner, owner)
            room.ledger.post(Belief.ERP_ON_ORDER, np.array([item]), -rest)
            orders.write_off(line, int(rest[0]))
        orders.close(line, OrderStatus.CLOSED if orders.received[line] else OrderStatus.CANCELLED)
        self._amend(line)
        return "", -waiting

    def _amend(self, line: int) -> None:
        """ERP itself changes what a line asks for, since the rest of it will not come."""
        self._orders.amended[line] += 1
        self._book(np.array([line]))
        event = self._event(Paper.CONFIRMATION, line, int(self._orders.amended[line]))
        self._write(line, event, "closed" if self._orders.received[line] else "cancelled")

    def _reinstate(self, line: int) -> None:
        """ERP holds the latest version again: it was put in order, or all of it came."""
        self._book(np.array([line]))
        self._write(line, self._reinstating(line), "changed")

    def _reinstating(self, line: int) -> int:
        """The id of the row in which ERP says that the latest version of a line holds again."""
        return self._event(Paper.CHANGE, line, _AGAIN + int(self._orders.version[line]))

    def _event(self, kind: Paper, line: int, step: int) -> int:
        """The id of a row about one line; the steps of a confirmation from 1 on are ERP's own amendments."""
        return self._region.room.ids.one(Kind.DOCUMENT, paper(kind, int(self._orders.key[line])), step)

    def _write(self, line: int, event: int, status: str) -> None:
        """ERP writes down itself what holds of a line."""
        room, orders = self._region.room, self._orders
        one, at = np.array([line]), np.array([room.now])
        version = int(orders.version[line]) + int(orders.amended[line])
        room.stream.emit(
            "changing", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at, available_at=at + _SHOWN,
            source=SOURCE["ERP"], location=0, partner=room.locations + orders.supplier[one], item=orders.item[one],
            quantity=orders.held[one].astype(np.int64), unit_price=orders.held_price[one], version=version,
            status=STATUS[status], document_type=DOCUMENT_TYPE["purchase_order"], document_id=orders.purchase[one],
            correlation_id=orders.purchase[one],
        )
