"""Goods that go back to their vendor, and the credit that must come for them.

Once a week each vendor collects what lies blocked for him: one return document a vendor, its lines posted by
122, and a credit due ``returns.credit_days`` later. An ``rtv_gap`` takes one of two forms: ERP parks the
document and still shows the goods as blocked (an entry in its book), or the vendor sends no credit (a
state). Both end late by themselves; a credit that stays out too long lapses, and its value is lost.
Without an operator, accounts payable looks at a return two weeks after its credit was due.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import simpy

from sim.clock import DAY, HOUR, SECOND, TICK, weekday_of
from sim.draws import STEP_SHIFT, WORLD_IDS, Kind, Paper, Purpose, keyed_int, lognormal_int, paper, uniform_int
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.reverse_logistics import Returned, join

I64 = npt.NDArray[np.int64]

#: Vendors collect on Fridays.
_FRIDAY = 4
#: And at this hour. Assumption.
_COLLECT_HOUR = 10
_SENT_STEP = 3
_SUPPLIER_SHIFT = 16
#: Days after it was due in which an unclaimed credit lapses, by vendor contract, and when payables look. Assumptions.
_LAPSE_DAYS, _LOOK_DAYS = (7.0, 28.0), 14
#: A vendor who is chased pays so much later. Assumption.
_CHASED = DAY


class Payables(Protocol):
    """What finance must be told of returns to vendors."""

    def credit_return(self, item: int, units: int) -> None:
        """The vendor's credit came."""
        ...

    def lapse_return(self, item: int, units: int) -> None:
        """The credit is written off."""
        ...


@dataclass
class VendorReturn:
    """One return document on its way to its credit.

    Attributes:
        number: body of its key.
        document: its id.
        supplier: whose.
        goods: what went back.
        due: when the credit is due.
        value: of the credit, at cost.
        parked: lines that ERP has parked, by channel.
        fault: of the gap, or -1.
        overdue: whether its credit is missing and could still come.
        settled: whether its credit came or lapsed.
        exception: number, or -1.
    """

    number: int
    document: int
    supplier: int
    goods: Returned
    due: int
    value: float
    parked: dict[str, Messages] = field(default_factory=dict)
    fault: int = -1
    overdue: bool = False
    settled: bool = False
    exception: int = -1


class VendorReturns:
    """Returns to the vendors of a region.

    Args:
        region: where the goods lie.
        mending: its repairs.
        manual: its manual process.
        payables: finance's accounts.
    """

    def __init__(self, region: Region, mending: Mending, manual: Manual, payables: Payables) -> None:
        self._region, self._manual, self._payables = region, manual, payables
        self._pile: list[Returned] = []
        self._open: dict[int, VendorReturn] = {}
        mending.remedies["post_return"] = lambda action: self.post_return(int(action.document_id), action.action_id)
        mending.remedies["chase_credit"] = lambda action: self.chase(int(action.document_id), action.action_id)

    def collect(self, goods: Returned) -> None:
        """Blocked goods wait for their vendor."""
        self._pile.append(goods)

    def weekly(self) -> Generator[simpy.Event, Any, None]:
        """Every Friday the vendors collect."""
        room = self._region.room
        yield room.env.timeout(_COLLECT_HOUR * HOUR)
        while True:
            if self._pile and weekday_of(room.now) == _FRIDAY:
                goods = join(self._pile)
                self._pile.clear()
                supplier = room.catalogue.supplier[goods.item]
                for number in np.unique(supplier).tolist():
                    self._ship(number, goods.take(supplier == number))
            yield room.env.timeout(DAY)

    def _ship(self, supplier: int, goods: Returned) -> None:
        """One vendor's truck leaves with his goods."""
        room = self._region.room
        goods = goods.take(np.lexsort((goods.base, goods.location)))
        cell = goods.location * np.int32(room.items) + goods.item
        number = (supplier << _SUPPLIER_SHIFT) | room.day_of(room.now)
        value = float(room.catalogue.cost[goods.item] @ goods.units)
        back = VendorReturn(number, room.ids.one(Kind.DOCUMENT, paper(Paper.VENDOR_RETURN, number), 15), supplier,
                            goods, room.now + room.config.returns.credit_days * DAY, value)
        self._open[back.document] = back
        room.ledger.tell(StockKind.BLOCKED, cell, -goods.units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        room.figures["sent_back_units"] += float(goods.units.sum())
        gap, hours = self._gap(back)
        self._send(back, cell, parked=gap == "posting")
        self._credit_row(back, "pending", 0)
        if gap == "posting":
            service = self._region.channels["store"].erp.service
            room.at(room.now + service, lambda: self._breach(back, room.now))
            room.at(room.now + service + round(hours * HOUR), lambda: self._post_late(back))
            room.at(back.due + _LOOK_DAYS * DAY, lambda: self._look(back))
        self._await_credit(back, hours if gap == "credit" else 0.0)

    def _gap(self, back: VendorReturn) -> tuple[str, float]:
        """Which gap this return has, if any, and how many hours it lasts by itself."""
        room = self._region.room
        bits = keyed_int(room.seed, Purpose.VENDOR_RETURN, room.region, back.number)
        if bits >= int(room.plan.below("rtv_gap")):
            return "", 0.0
        fault_id = room.truth.fault_id("rtv_gap", back.number)
        if not room.plan.strikes("rtv_gap", fault_id, room.now, supplier=back.supplier):
            return "", 0.0
        spec, more = room.config.faults.rtv_gap, keyed_int(bits, Purpose.VENDOR_RETURN)
        hours = lognormal_int(more, spec.hours, spec.sigma)
        back.fault = room.truth.fault("rtv_gap", fault_id, room.now, document_id=back.document, magnitude=hours,
                                      units=int(back.goods.units.sum()))
        return ("posting" if more & 1 else "credit"), hours

    def _send(self, back: VendorReturn, cell: npt.NDArray[np.integer], *, parked: bool) -> None:
        """Tell ERP of the goods that left, and show them."""
        region, room, goods = self._region, self._region.room, back.goods
        key = goods.base + np.int64(_SENT_STEP << STEP_SHIFT)
        if back.fault >= 0:
            room.truth.lineage(room.ids.scramble(key), back.fault)
        for name, rows in (("wms", goods.location == 0), ("store", goods.location > 0)):
            n = int(np.count_nonzero(rows))
            if not n:
                continue
            at = np.full(n, room.now)
            messages = Messages(
                location=goods.location[rows], cell=cell[rows], on_hand=np.zeros(n, np.int32),
                blocked=-goods.units[rows], key=key[rows], sent_at=at, document_id=np.full(n, back.document),
                document_type=DOCUMENT_TYPE["vendor_return"], code=CODE["122"],
            )
            sequence = self._park(back, name, messages) if parked else region.channels[name].send(messages)
            room.stream.emit(
                "shipping", n, event_id=room.ids.scramble(key[rows]), occurred_at=at, recorded_at=at,
                available_at=at + 30 * SECOND, due_at=at + region.channels[name].erp.service,
                source=SOURCE["WMS" if name == "wms" else "STORE"], interface=INTERFACE[f"{name}_erp"],
                sequence=sequence, location=goods.location[rows], partner=room.locations + back.supplier,
                item=goods.item[rows], quantity=goods.units[rows], code=CODE["122"],
                document_type=DOCUMENT_TYPE["vendor_return"], document_id=np.full(n, back.document),
                correlation_id=back.document,
            )

    def _park(self, back: VendorReturn, name: str, messages: Messages) -> I64:
        """ERP takes the lines and does not post them: its book still shows the goods as blocked."""
        room, channel = self._region.room, self._region.channels[name]
        numbered = channel.journal.number(messages, room.now // TICK)
        channel.oms.send(numbered)
        for row, cell in enumerate(numbered.cell.tolist()):
            room.ledger.drop(Belief.ERP_BLOCKED, cell, numbered.units_of(row, Belief.ERP_BLOCKED), back.fault, room.now)
        back.parked[name] = numbered
        assert numbered.sequence is not None
        return numbered.sequence

    def _breach(self, back: VendorReturn, now: int) -> None:
        """What should have come is missing: the exception opens."""
        if not (back.parked or back.overdue):
            return
        truth = self._region.room.truth
        back.exception = truth.open_exception(
            "rtv_gap", (back.number,), "rtv_gap", [back.fault], now, document_id=back.document, first_evidence_at=now,
            loss_at_stake=back.value,
        )

    def _look(self, back: VendorReturn) -> None:
        """Accounts payable goes through returns that are long overdue."""
        if back.parked:
            self._manual.found("rtv_gap", "finance", 0, lambda: self.post_return(back.document, -1),
                               document_id=back.document)
        elif back.overdue:
            self._manual.found("rtv_gap", "finance", 0, lambda: self.chase(back.document, -1),
                               document_id=back.document)

    def _post_late(self, back: VendorReturn) -> None:
        """ERP's clerks come to the document at last."""
        self.post_return(back.document, -1)

    def post_return(self, document: int, by: int) -> Outcome:
        """Post the lines that ERP has parked."""
        back = self._open.get(document)
        if back is None or not back.parked:
            return "nothing of it waits to be posted", 0
        room, units = self._region.room, 0
        if by >= WORLD_IDS:
            room.truth.lineage(by, back.fault)
        for name, lines in back.parked.items():
            feed = self._region.channels[name].erp
            for row, cell in enumerate(lines.cell.tolist()):
                told = lines.units_of(row, Belief.ERP_BLOCKED)
                _, rest = room.ledger.repair(Belief.ERP_BLOCKED, cell, told, room.now, by, -1, back.fault)
                room.ledger.post(Belief.ERP_BLOCKED, np.array([cell]), np.array([told - rest], np.int32))
                units += told - rest
            feed.tell(lines)
            room.truth.lineage(feed.emit_postings(lines, np.full(len(lines), room.now)), back.fault)
        back.parked.clear()
        return "", units

    # -- the credit ------------------------------------------------------------------------------

    def _await_credit(self, back: VendorReturn, hours_late: float) -> None:
        """The vendor's credit comes before it is due, or late, or lapses."""
        room = self._region.room
        bits = keyed_int(room.seed, Purpose.VENDOR_RETURN, room.region, 1, back.number)
        if not hours_late:
            early = int((back.due - room.now) * 0.5 * uniform_int(bits))
            room.at(back.due - early, lambda: self._credit(back, -1))
            return
        back.overdue = True
        room.truth.hold(back.fault)
        low, high = _LAPSE_DAYS
        lapses = back.due + round((low + (high - low) * uniform_int(bits)) * DAY)
        room.at(back.due, lambda: self._breach(back, back.due))
        room.at(back.due + round(hours_late * HOUR), lambda: self._credit(back, -1))
        room.at(lapses, lambda: self._lapse(back))
        room.at(back.due + _LOOK_DAYS * DAY, lambda: self._look(back))

    def chase(self, document: int, by: int) -> Outcome:
        """Ask the vendor for a credit that is overdue; it comes the next day."""
        back, room = self._open.get(document), self._region.room
        if back is None or not back.overdue or room.now < back.due:
            return "no credit of it is overdue", 0
        if by >= WORLD_IDS:
            room.truth.lineage(by, back.fault)
        room.at(room.now + _CHASED, lambda: self._credit(back, by))
        return "", 0

    def _credit(self, back: VendorReturn, by: int) -> None:
        """The credit comes, unless it came or lapsed before."""
        if back.settled:
            return
        back.settled = True
        self._credit_row(back, "credited", 1)
        if back.overdue:
            back.overdue = False
            self._region.room.truth.release(back.fault, by)
        self._account(self._payables.credit_return, back)

    def _lapse(self, back: VendorReturn) -> None:
        """The vendor no longer owes the credit."""
        if back.settled:
            return
        room = self._region.room
        back.settled, back.overdue = True, False
        room.figures["lapsed_credits"] += back.value
        if back.exception >= 0:
            room.truth.close(back.exception, room.now)
        self._account(self._payables.lapse_return, back)

    def _account(self, entry: Callable[[int, int], None], back: VendorReturn) -> None:
        for item, units in zip(back.goods.item.tolist(), back.goods.units.tolist(), strict=True):
            entry(item, units)

    def _credit_row(self, back: VendorReturn, status: str, step: int) -> None:
        """A row of accounts payable about the credit of a return."""
        room = self._region.room
        at = np.array([room.now])
        body = paper(Paper.CREDIT, back.number)
        room.stream.emit(
            "crediting", 1, event_id=np.array([room.ids.one(Kind.DOCUMENT, body, step)]), occurred_at=at,
            recorded_at=at, available_at=at + 60 * SECOND, due_at=back.due, source=SOURCE["AP"],
            partner=room.locations + back.supplier, quantity=int(back.goods.units.sum()),
            unit_price=round(back.value / int(back.goods.units.sum()), 2), status=STATUS[status],
            document_type=DOCUMENT_TYPE["credit"], document_id=room.ids.one(Kind.DOCUMENT, body, 15),
            parent_document_id=back.document, correlation_id=back.document,
        )
