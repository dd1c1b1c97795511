"""The pick wave: what of the promised lines is found, and what leaves the house.

A picker takes from the shelf first, then from the backroom. Three things can go wrong: the goods are not
there, the picker misses what is there (fault ``short_pick``), or in the DC takes the sibling of an
article (an everyday two-way error, like a mis-scan at a till). ERP is told what was meant to be picked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import SECOND
from sim.draws import Kind, Paper, Purpose, keyed, paper, threshold
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.ledger import Belief, Cause, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.oms import OrderLines
from sim.systems.reverse_logistics import Returned, ReturnPlan
from sim.systems.store import serve

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Steps of an order line's key, by how often it was promised before: the pick, and the shipment.
_PICK_STEPS, _SHIP_STEPS = (1, 6), (2, 4)
#: Wrong picks in the DC, as a share of the rate of mis-scans (WERC 2020: 99% to 99.95% of lines are right). Assumption.
_WRONG_PICKS = 0.025
#: Share of online returns that are brought to the customer's shop; the rest goes to the DC. Assumption.
_BROUGHT_SHARE = 0.6


@dataclass(frozen=True)
class Shortfall:
    """Lines of a wave that were not found whole; arrays of shape (n,).

    Attributes:
        lines: with the units that are missing.
        fault: number of the short_pick fault behind each, or -1.
        event: id of each line's pick row.
        at: when it was picked.
    """

    lines: OrderLines
    fault: I64
    event: I64
    at: I64


class Picking:
    """The pickers of a region."""

    def __init__(self, region: Region, returns: ReturnPlan) -> None:
        self._region, self._returns = region, returns
        room = region.room
        self._scratch = np.zeros(room.ledger.cells, np.int32)
        self._miss_below = room.plan.below("short_pick")
        self._wrong_below = room.plan.below("scan_error", _WRONG_PICKS)
        self._return_below = threshold(room.config.demand.online_return_rate)
        self._brought_below = threshold(_BROUGHT_SHARE)

    def pick(self, lines: OrderLines) -> Shortfall:
        """Pick and ship a wave; answers with what is missing."""
        room, ledger = self._region.room, self._region.room.ledger
        lines = lines.take(np.lexsort((lines.key, lines.cell // room.items)))
        cell, units, place = lines.cell, lines.units, ledger.place
        shelf = serve(cell, units, place[Place.SHELF], self._scratch).astype(np.int32)
        there = shelf + serve(cell, units - shelf, place[Place.BACKROOM], self._scratch).astype(np.int32)
        fault, missed = self._miss(lines, there)
        picked = there - missed
        shelf = np.minimum(shelf, picked)
        ledger.tell(StockKind.RESERVED, cell, -units, posted=(Belief.OMS_RESERVED,))
        location, item = room.split(cell)
        at = room.now + np.arange(len(cell)) % 1500 * SECOND
        event = room.ids.scramble(self._row_key(lines, _PICK_STEPS))
        status = np.where(picked == units, STATUS["complete"], np.where(picked > 0, STATUS["short"], STATUS["nil"]))
        room.stream.emit(
            "picking", len(cell), event_id=event, occurred_at=at, recorded_at=at, available_at=at + 20 * SECOND,
            source=np.where(location == 0, SOURCE["WMS"], SOURCE["STORE"]).astype(np.int32), location=location,
            item=item, quantity=picked, status=status.astype(np.int32), document_type=DOCUMENT_TYPE["order"],
            document_id=lines.document, correlation_id=lines.document,
        )
        went = np.flatnonzero(picked)
        self._ship(lines.take(went), shelf[went], picked[went], at[went] + 120 * SECOND)
        short = np.flatnonzero(picked < units)
        rest = OrderLines(**{**vars(lines), "units": units - picked}).take(short)
        return Shortfall(rest, fault[short], event[short], at[short])

    def _miss(self, lines: OrderLines, there: I32) -> tuple[I64, I32]:
        """What pickers do not see although it is there: the fault behind each line, and units missed."""
        room = self._region.room
        fault, missed = np.full(len(lines), -1), np.zeros(len(lines), np.int32)
        bits = keyed(room.seed, Purpose.PICK, room.region, lines.key, lines.attempt)
        for row in np.flatnonzero((bits < self._miss_below) & (there > 0)).tolist():
            key, attempt = int(lines.key[row]), int(lines.attempt[row])
            location, item = divmod(int(lines.cell[row]), room.items)
            fault_id = room.truth.fault_id("short_pick", key, attempt)
            if not room.plan.strikes("short_pick", fault_id, room.now, location=location, item=item):
                continue
            # Of several units a picker may see one and miss the rest.
            seen = 1 if there[row] > 1 and int(bits[row]) & 1 else 0
            missed[row] = there[row] - seen
            fault[row] = room.truth.fault("short_pick", fault_id, room.now, location=location, item=item,
                                          document_id=int(lines.document[row]), magnitude=float(missed[row]),
                                          units=int(missed[row]))
        return fault, missed

    def _ship(self, lines: OrderLines, shelf: I32, picked: I32, at: I64) -> None:
        """Goods that were found leave the house."""
        ledger, cell = self._region.room.ledger, lines.cell
        right = self._take_siblings(lines, picked)
        for place, units in ((Place.SHELF, shelf), (Place.BACKROOM, picked - shelf)):
            some = (units > 0) & right
            ledger.tell(StockKind.ON_HAND, cell[some], -units[some], place=place, posted=(Belief.SITE_ON_HAND,))
        self.send(cell, picked, self._row_key(lines, _SHIP_STEPS), lines.document, at)
        self._plan_returns(lines, picked)

    def send(self, cell: npt.NDArray[np.intp], units: I32, row_key: I64, document: I64, at: I64) -> None:
        """Tell and show goods of online orders that have left, sorted by location."""
        region, room = self._region, self._region.room
        location, item = room.split(cell)
        room.figures["sold_units"] += float(units.sum())
        room.figures["sold_units_physical"] += float(units.sum())
        room.figures["sold_value"] += float(room.catalogue.price[item] @ units)
        room.rules.touch(cell)
        for name, rows in (("wms", location == 0), ("store", location > 0)):
            if not rows.any():
                continue
            where = location[rows]
            sequence = region.channels[name].send(Messages(
                location=where, cell=cell[rows], on_hand=-units[rows], key=row_key[rows], sent_at=at[rows],
                document_id=document[rows], document_type=DOCUMENT_TYPE["order"], code=CODE["601"],
            ))
            room.stream.emit(
                "shipping", len(where), event_id=room.ids.scramble(row_key[rows]), occurred_at=at[rows],
                recorded_at=at[rows], available_at=at[rows] + 20 * SECOND,
                due_at=at[rows] + region.channels[name].erp.service,
                source=SOURCE["WMS" if name == "wms" else "STORE"], interface=INTERFACE[f"{name}_erp"],
                sequence=sequence, location=where, item=item[rows], quantity=units[rows], code=CODE["601"],
                document_type=DOCUMENT_TYPE["order"], document_id=document[rows], correlation_id=document[rows],
                status=STATUS["complete"],
            )

    def _take_siblings(self, lines: OrderLines, picked: I32) -> npt.NDArray[np.bool_]:
        """Take the wrong article for some lines in the DC; answers with the lines that are right."""
        room, ledger = self._region.room, self._region.room.ledger
        right = np.ones(len(lines), np.bool_)
        centre = np.flatnonzero(lines.cell < room.items)
        if not len(centre):
            return right
        bits = keyed(room.seed, Purpose.PICK, room.region, 1, lines.key[centre], lines.attempt[centre])
        for row in centre[bits < self._wrong_below].tolist():
            cell, units = lines.cell[row : row + 1], picked[row : row + 1]
            sibling = room.catalogue.siblings[cell, 0].astype(np.intp)
            # Whoever picks a sibling must find it; goods that this wave still has to take are not touched.
            wanted = int(picked[lines.cell == sibling[0]].sum()) + int(units[0])
            if sibling[0] == cell[0] or ledger.place[Place.BACKROOM, sibling[0]] < wanted:
                continue
            right[row] = False
            none = np.zeros(1, np.int32)
            ledger.tell(StockKind.ON_HAND, sibling, -units, none, Place.BACKROOM, Cause.SCAN_ERROR)
            ledger.tell(StockKind.ON_HAND, cell, none, -units, None, Cause.SCAN_ERROR, posted=(Belief.SITE_ON_HAND,))
            room.rules.touch(sibling)
        room.gauges.add("pick_lines_dc", float(np.count_nonzero(right[centre])), float(len(centre)))
        return right

    def _plan_returns(self, lines: OrderLines, units: I32) -> None:
        """Customers who will bring back or send in what they got: the day and the place belong to the line."""
        room = self._region.room
        # What came in two parts comes back once.
        first = lines.attempt == 0
        lines, units = lines.take(first), units[first]
        _, item = room.split(lines.cell)
        value = room.catalogue.price[item] * units
        back = np.flatnonzero(keyed(room.seed, Purpose.RETURN, room.region, lines.key) < self._return_below)
        room.gauges.add("returned_value_online", float(value[back].sum()), float(value.sum()))
        if not len(back):
            return
        key = lines.key[back]
        brought = keyed(room.seed, Purpose.RETURN, room.region, 1, key) < self._brought_below
        bits = keyed(room.seed, Purpose.RETURN, room.region, 2, key)
        base = key + np.int64(room.ids.prefix(Kind.DOCUMENT) + paper(Paper.ONLINE_RETURN))
        self._returns.expect(bits, Returned(
            np.where(brought, lines.home[back], 0).astype(np.int32), item[back], units[back], base,
            lines.document[back]))

    def _row_key(self, lines: OrderLines, steps: tuple[int, int]) -> I64:
        """The packed key of a row of each line, by how often it was promised before."""
        prefixes = [np.int64(self._region.room.ids.prefix(Kind.ORDER, step)) for step in steps]
        return lines.key + np.where(lines.attempt == 0, prefixes[0], prefixes[1])
