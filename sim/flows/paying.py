"""From the receipt to the payment: invoices, the three-way match, blocks, claims and the payment run.

An invoice (810) comes some days after the goods and is posted as it is: goods received and not invoiced
against payables, what it charges beyond the order is a price difference. Every morning the new ones are
matched; out of tolerance means blocked for payment. A block goes by itself once the missing receipt has been
posted. Otherwise someone in finance takes it up after a few days: what was billed and never came is claimed
from the supplier and deducted, a wrong price is corrected, and the invoice released. What came and ERP has
not posted yet is no supplier's fault: it waits for its posting until it is due.

A block that an operator releases although it is justified pays too much: *price leakage*. After the payment
nothing more will be billed; what a line has left in goods received and not invoiced is cleared.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, SECOND
from sim.draws import Kind, Paper, paper
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.mending import Mending, Outcome
from sim.flows.receiving import Receiving
from sim.middleware.mailbox import Letter
from sim.region import Region
from sim.systems.accounts import Account, Accounts
from sim.systems.erp import PurchaseOrder
from sim.systems.finance import Tolerance, bill, blocked_lines, invoice_time, payment_term
from sim.systems.wms import Delivery

I64 = npt.NDArray[np.int64]

#: When invoices are matched each day. Assumption.
_MATCH_HOUR = 5
#: A blocked invoice is taken up so long after its block: many are free by then. Assumption.
_PATIENCE = 2 * DAY
#: Packing of a line's key: supplier | day | line.
_SUPPLIER_SHIFT, _DAY_SHIFT = 23, 12
#: Step of an invoice's id that its document has, beside its rows; 13 and 14 are those of a chargeback.
_DOCUMENT_STEP = 15


def key_of(order: PurchaseOrder) -> int:
    """The key of what accounts payable writes about an order; its lines are added to it."""
    return (order.supplier << _SUPPLIER_SHIFT) | (order.day << _DAY_SHIFT)


@dataclass(eq=False)
class Invoice:
    """One invoice: that of a purchase order. Arrays have one row a line of it.

    Attributes:
        document: its id.
        order: what it bills.
        rows: lines of the order.
        units, cents: billed, and charged for a unit; corrected ones once it is.
        counted, agreed: units that came, and cents a unit that were agreed on.
        payable: cents that will be paid, claims not yet deducted.
        claimed: cents claimed from the supplier, to be deducted.
        blocked: lines out of tolerance; none where it is free.
    """

    document: int
    order: PurchaseOrder
    rows: npt.NDArray[np.intp]
    units: I64
    cents: I64
    counted: I64
    agreed: I64
    payable: int = 0
    claimed: int = 0
    due_at: int = 0
    matched: bool = False
    corrected: bool = False
    blocked: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))


class Paying:
    """Accounts payable of a region."""

    def __init__(self, region: Region, receiving: Receiving, mending: Mending, accounts: Accounts) -> None:
        self._region, self._purchases, self._accounts = region, receiving.purchases, accounts
        self._orders = receiving.orders
        self._tolerance = Tolerance.of(region.room.config.finance)
        #: Invoices not yet paid, by document; and orders that are paid.
        self.open: dict[int, Invoice] = {}
        self._of_purchase: dict[int, Invoice] = {}
        self._paid: list[PurchaseOrder] = []
        self._claims_ahead: dict[int, int] = {}
        receiving.received_listeners.append(self.received)
        receiving.claiming.scrapped_listeners.append(self.scrapped)
        mending.claim_listeners.append(self.claim)
        mending.remedies["release_block"] = self.release
        accounts.audits.append(lambda: (Account.PAYABLES, -sum(invoice.payable for invoice in self.open.values())))
        accounts.audits.append(lambda: (Account.SUPPLIER_CLAIMS, sum(self._claimed())))

    # -- the invoice comes -----------------------------------------------------------------------------

    def received(self, delivery: Delivery) -> None:
        """Goods were taken over: the supplier will bill them."""
        room, order = self._region.room, self._purchases.of(delivery.purchase)
        advised, counted = np.zeros((2, len(order.item)), np.int64)
        lines = order.rows(delivery.item)
        np.add.at(advised, lines, delivery.advised)
        np.add.at(counted, lines, delivery.actual)
        rows = np.flatnonzero((advised > 0) | (counted > 0))
        ours = self._orders.lines_of(delivery.purchase)
        agreed = np.rint(self._orders.agreed_price[ours] * 100.0).astype(np.int64)
        agreed = agreed[np.argsort(self._orders.item[ours], kind="stable")][rows]
        units, cents = bill(room, order.purchase, advised[rows], counted[rows], agreed,
                            room.catalogue.case[order.item[rows]].astype(np.int64))
        document = room.ids.one(Kind.DOCUMENT, paper(Paper.INVOICE, key_of(order)), _DOCUMENT_STEP)
        invoice = Invoice(document, order, rows, units, cents, counted[rows], agreed)
        room.at(invoice_time(room, order.purchase), lambda: self._mail(invoice))

    def _mail(self, invoice: Invoice) -> None:
        """The supplier sends its invoice."""
        order = invoice.order
        key = key_of(order) + np.arange(len(invoice.rows), dtype=np.int64)
        self._region.mailboxes[INTERFACE["edi_ap"]].put(
            supplier=order.supplier, document_type=DOCUMENT_TYPE["invoice"], code=CODE["810"],
            document_id=invoice.document, key=key, item=order.item[invoice.rows], units=invoice.units,
            read=lambda letter: self._arrive(invoice, letter))

    def _arrive(self, invoice: Invoice, letter: Letter) -> None:
        """Post an invoice as it is, whatever it says."""
        room, order = self._region.room, invoice.order
        if letter.turned_away_by >= 0:
            room.truth.lineage(self._events(Paper.INVOICE, invoice, slice(None)), letter.turned_away_by)
        invoice.payable = int(invoice.units @ invoice.cents)
        invoice.due_at = room.now + payment_term(room, order.supplier)
        self.open[invoice.document] = self._of_purchase[order.purchase] = invoice
        invoice.claimed = self._claims_ahead.pop(order.purchase, 0)
        self._bill(invoice, invoice.units, invoice.payable)
        self._show("invoicing", Paper.INVOICE, invoice, slice(None), invoice.units, invoice.cents,
                   interface=INTERFACE["edi_ap"], code=CODE["810"], status=STATUS["received"], due_at=invoice.due_at)

    def _bill(self, invoice: Invoice, units: I64, cents: int) -> None:
        """Post units billed and what is charged for them: the rest is a price difference."""
        order = invoice.order
        order.billed[invoice.rows] += units
        goods = int(units @ order.cents[invoice.rows])
        self._accounts.general.post(((Account.RECEIVED_NOT_INVOICED, goods), (Account.PRICE_DIFFERENCES, cents - goods),
                                     (Account.PAYABLES, -cents)))

    # -- every morning ---------------------------------------------------------------------------------

    def mornings(self) -> Generator[simpy.Event, Any, None]:
        """Match what came in, look again at what is blocked, and pay what is due."""
        room = self._region.room
        yield room.env.timeout(_MATCH_HOUR * HOUR)
        while True:
            for invoice in list(self.open.values()):
                if not invoice.matched:
                    self._match(invoice)
                elif len(invoice.blocked):
                    self._look_again(invoice)
                if not len(invoice.blocked) and invoice.due_at <= room.now:
                    self._pay(invoice)
            for order in self._paid:
                self._clear(order)
            yield room.env.timeout(DAY)

    def _outside(self, invoice: Invoice) -> npt.NDArray[np.intp]:
        """Lines that are out of tolerance as ERP's books stand now."""
        order, rows = invoice.order, invoice.rows
        unbilled = order.received[rows] - order.billed[rows] + invoice.units
        return np.flatnonzero(blocked_lines(self._tolerance, unbilled, invoice.units, order.cents[rows],
                                            invoice.cents))

    def _match(self, invoice: Invoice) -> None:
        """The three-way match of an invoice that is new."""
        room = self._region.room
        invoice.matched = True
        invoice.blocked = self._outside(invoice)
        status = np.full(len(invoice.rows), STATUS["matched"], np.int32)
        status[invoice.blocked] = STATUS["blocked"]
        self._show("matching", Paper.MATCH, invoice, slice(None), invoice.order.received[invoice.rows],
                   invoice.order.cents[invoice.rows], status=status)
        room.gauges.add("payment_blocks", len(invoice.blocked), len(invoice.rows))
        room.gauges.add("invoice_exceptions", float(len(invoice.blocked) > 0))
        if len(invoice.blocked):
            room.env.process(self._handle(invoice))

    def _look_again(self, invoice: Invoice) -> None:
        """A block goes when its reason has gone; what came and was never posted is paid when it is due."""
        if not len(self._outside(invoice)) or (invoice.corrected and invoice.due_at <= self._region.room.now):
            self._unblock(invoice)

    def _handle(self, invoice: Invoice) -> Generator[simpy.Event, Any, None]:
        """Someone in finance takes up a blocked invoice."""
        room = self._region.room
        yield room.env.timeout(_PATIENCE)
        if not len(invoice.blocked):
            return
        minutes = yield room.env.process(self._region.people.work("finance", invoice.document, 150))
        room.gauges.add("finance_minutes", minutes)
        if len(invoice.blocked):
            self._correct(invoice, np.arange(len(invoice.rows)))
            invoice.corrected = True
            self._look_again(invoice)

    # -- what is done about a block ----------------------------------------------------------------------

    def _correct(self, invoice: Invoice, lines: npt.NDArray[np.intp]) -> None:
        """Bring lines to what came and what was agreed: claim what never came, correct prices, bill the rest."""
        general, chosen = self._accounts.general, np.zeros(len(invoice.rows), np.bool_)
        chosen[lines] = True
        excess = np.where(chosen, np.maximum(invoice.units - invoice.counted, 0), 0)
        missing = np.where(chosen, np.maximum(invoice.counted - invoice.units, 0), 0)
        charged = invoice.cents.copy()
        invoice.cents = np.where(chosen, invoice.agreed, charged)
        corrected = int(invoice.units @ (invoice.cents - charged))
        general.transfer(Account.PRICE_DIFFERENCES, Account.PAYABLES, corrected)
        claim = int(excess @ invoice.cents)
        self._bill(invoice, missing, int(missing @ invoice.cents))
        invoice.payable += corrected + int(missing @ invoice.cents)
        goods = int(excess @ invoice.order.cents[invoice.rows])
        general.post(((Account.SUPPLIER_CLAIMS, claim), (Account.PRICE_DIFFERENCES, goods - claim),
                      (Account.RECEIVED_NOT_INVOICED, -goods)))
        invoice.claimed += claim
        invoice.order.billed[invoice.rows] -= excess
        invoice.units = invoice.units + missing - excess

    def claim(self, receipt: int, item: int) -> None:
        """What a receipt lacks of an item was claimed: where it was billed all the same, that is deducted."""
        order = self._purchases.of_receipt(receipt)
        invoice = self._of_purchase.get(order.purchase) if order is not None else None
        if invoice is not None and invoice.document in self.open:
            self._correct(invoice, np.flatnonzero(invoice.order.item[invoice.rows] == item))
            if len(invoice.blocked):
                self._look_again(invoice)

    def scrapped(self, receipt: int, item: int, units: int) -> None:
        """Damaged goods were scrapped: the supplier owes what they cost, off its invoice or else in money."""
        order = self._purchases.of_receipt(receipt)
        if order is not None:
            self.owe(order, units * int(order.cents[order.rows(np.array([item]))[0]]), Account.SCRAP)

    def owe(self, order: PurchaseOrder, owed: int, against: Account) -> None:
        """A supplier owes some cents of an order: off its invoice, or in money where that is paid."""
        invoice = self._of_purchase.get(order.purchase)
        if invoice is not None and invoice.document not in self.open:
            self._accounts.general.transfer(Account.BANK, against, owed)
            return
        self._accounts.general.transfer(Account.SUPPLIER_CLAIMS, against, owed)
        if invoice is None:
            self._claims_ahead[order.purchase] = self._claims_ahead.get(order.purchase, 0) + owed
        else:
            invoice.claimed += owed

    def _claimed(self) -> list[int]:
        """What is claimed from suppliers and not yet deducted."""
        return [*(invoice.claimed for invoice in self.open.values()), *self._claims_ahead.values()]

    def release(self, action: Action) -> Outcome:
        """Release a blocked invoice; one that is blocked for good reason is paid as it is."""
        invoice = self.open.get(int(action.document_id))
        if invoice is None:
            return "no such invoice is open", 0
        if not len(invoice.blocked):
            return "it is not blocked", 0
        too_much = int(np.maximum(invoice.units * invoice.cents - invoice.counted * invoice.agreed, 0).sum())
        self._region.room.figures["price_leakage"] += too_much / 100.0
        self._unblock(invoice)
        return "", 0

    def _unblock(self, invoice: Invoice) -> None:
        lines, invoice.blocked = invoice.blocked, np.zeros(0, np.intp)
        self._show("releasing", Paper.RELEASE, invoice, lines, invoice.units[lines], invoice.cents[lines],
                   status=STATUS["released"])

    # -- payment -----------------------------------------------------------------------------------------

    def _pay(self, invoice: Invoice) -> None:
        """Pay an invoice, less what was claimed (a supplier who owes more pays); no more is billed on its order."""
        general = self._accounts.general
        general.post(((Account.PAYABLES, invoice.payable), (Account.SUPPLIER_CLAIMS, -invoice.claimed),
                      (Account.BANK, invoice.claimed - invoice.payable)))
        del self.open[invoice.document]
        self._paid.append(invoice.order)
        self._show("paying", Paper.PAYMENT, invoice, slice(None), invoice.units, invoice.cents, code=CODE["820"],
                   status=STATUS["paid"], due_at=invoice.due_at)

    def _clear(self, order: PurchaseOrder) -> None:
        """Clear what is left of a paid order in goods received and not invoiced, line by line."""
        rest = order.billed - order.received
        if rest.any():
            self._accounts.general.transfer(Account.PRICE_DIFFERENCES, Account.RECEIVED_NOT_INVOICED,
                                            int(rest @ order.cents))
            order.billed -= rest

    # -- rows --------------------------------------------------------------------------------------------

    def _events(self, kind: Paper, invoice: Invoice, lines: slice | npt.NDArray[np.intp]) -> I64:
        """Ids of the rows about lines of an invoice."""
        body = paper(kind, key_of(invoice.order)) + invoice.rows[lines].astype(np.int64)
        return self._region.room.ids.of(Kind.DOCUMENT, body)

    def _show(self, event_type: str, kind: Paper, invoice: Invoice, lines: slice | npt.NDArray[np.intp], units: I64,
              cents: I64, **columns: Any) -> None:
        """Rows of accounts payable, one a line of an invoice."""
        room, order = self._region.room, invoice.order
        n, rows = len(units), invoice.rows[lines]
        at = np.full(n, room.now) + np.arange(n) * (SECOND // 20)
        room.stream.emit(
            event_type, n, event_id=self._events(kind, invoice, lines), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, source=SOURCE["AP"], location=0, partner=room.locations + order.supplier,
            item=order.item[rows].astype(np.int32), quantity=units, unit_price=cents / 100.0,
            document_type=DOCUMENT_TYPE["invoice"], document_id=invoice.document, parent_document_id=order.purchase,
            correlation_id=order.purchase, **columns,
        )
