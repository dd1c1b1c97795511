"""Chargebacks: what a supplier pays for a truck that has to be received without its ASN, as routing guides have it.

Nobody claims it and nobody approves it: accounts payable charges a fixed fee back, deducts it from the invoice of that
order, or takes it in money where that is paid, and says so in a ``crediting`` row. An ASN that the supplier sent and
the buyer's own interface kept costs nothing.
"""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND
from sim.draws import Kind, Paper, paper
from sim.events import DOCUMENT_TYPE, SOURCE, STATUS
from sim.flows.paying import Paying, key_of
from sim.flows.receiving import Receiving
from sim.region import Region
from sim.systems.accounts import Account
from sim.systems.wms import Delivery

#: Steps of an invoice's id that a chargeback's document and row have.
_DOCUMENT_STEP, _ROW_STEP = 14, 13


class Charging:
    """What a region charges back."""

    def __init__(self, region: Region, receiving: Receiving, paying: Paying) -> None:
        self._region, self._purchases, self._paying = region, receiving.purchases, paying
        receiving.blind_listeners.append(self.charge_back)

    def charge_back(self, delivery: Delivery) -> None:
        """A truck is received although its supplier's ASN is not there: the supplier owes the fee."""
        room, order = self._region.room, self._purchases.of(delivery.purchase)
        fee = round(room.config.finance.asn_fee * 100.0)
        if not fee:
            return
        self._paying.owe(order, fee, Account.CHARGEBACKS)
        body, at = paper(Paper.INVOICE, key_of(order)), np.array([room.now])
        event = room.ids.one(Kind.DOCUMENT, body, _ROW_STEP)
        room.truth.lineage(event, delivery.late_fault)
        room.stream.emit(
            "crediting", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at,
            available_at=at + 60 * SECOND, source=SOURCE["AP"], partner=room.locations + order.supplier,
            quantity=1, unit_price=fee / 100.0, status=STATUS["credited"],
            document_type=DOCUMENT_TYPE["credit"], document_id=room.ids.one(Kind.DOCUMENT, body, _DOCUMENT_STEP),
            parent_document_id=delivery.shipment, correlation_id=order.purchase,
        )
