"""Returns of which nobody says what becomes of them.

Such a return lies in the cage while the till has told the OMS that the units are back on sale: the web
shop offers what no picker may take. The fault has an entry in the OMS' book and, as its state, the missing
disposition; both clear when someone decides. Taking the cell out of ATP stops the harm without a cure.
Whoever lets unfit goods be sold again without looking at them loses their value with the next customer.
Without an operator, store managers empty the cage shelf once a week; what they finish in a tick is booked
together at its end.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, MINUTE, SECOND, weekday_of
from sim.draws import STEP_SHIFT, WORLD_IDS, Purpose, keyed
from sim.events import DOCUMENT_TYPE, SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.flows.returning import Disposition, Returning
from sim.ledger import Belief
from sim.region import Region
from sim.systems.reverse_logistics import Returned, join

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

_MONDAY = 0
#: When the cage is looked through on it. Assumption.
_CAGE_HOUR = 9
_LOOKED_STEP = 4


@dataclass
class Forgotten:
    """One return without a disposition.

    Attributes:
        goods: one row.
        fault: number.
        inspected: whether someone has looked at it.
    """

    goods: Returned
    fault: int
    inspected: bool = False

    @property
    def item(self) -> int:
        """Its code."""
        return int(self.goods.item[0])

    @property
    def units(self) -> int:
        """How many of it."""
        return int(self.goods.units[0])


class Undecided:
    """The forgotten returns of a region.

    Args:
        region: where they lie.
        returning: carries out what is decided.
        mending: its repairs.
        manual: its manual process.
    """

    def __init__(self, region: Region, returning: Returning, mending: Mending, manual: Manual) -> None:
        self._region, self._returning, self._manual = region, returning, manual
        self._below = region.room.plan.below("missing_disposition")
        self._forgotten: dict[int, Forgotten] = {}
        self._blocked: dict[int, Returned] = {}
        #: Documents for which a manager has a case already; one that still waits its turn gets no second.
        self._queued: set[int] = set()
        #: Documents that store managers have gone through since the last tick.
        self._gone_through: list[int] = []
        mending.remedies |= {"inspect": self.inspect, "set_disposition": self.set_disposition, "scrap": self.scrap}
        returning.undecided = self.take

    def take(self, goods: Returned, event: I64, at: I64, due: int) -> npt.NDArray[np.bool_]:
        """Which returns of a tick nobody will inspect.

        Args:
            goods: just taken in.
            event: ids of their rows.
            at: when each was.
            due: when their inspection is due.
        """
        room = self._region.room
        bits = keyed(room.seed, Purpose.DISPOSITION, room.region, 0, goods.base)
        forgotten = bits < self._below
        rows = np.flatnonzero(forgotten)
        chosen = goods.take(rows)
        told = zip(self._returning.document(chosen).tolist(), event[rows].tolist(), at[rows].tolist(), strict=True)
        forgotten[rows] = [self._forget(chosen.take(slice(row, row + 1)), *words, due)
                           for row, words in enumerate(told)]
        room.rules.touch(chosen.location * np.int32(room.items) + chosen.item)
        return forgotten

    def _forget(self, goods: Returned, document: int, event: int, at: int, due: int) -> bool:
        room = self._region.room
        location, item, units, base = (int(c[0]) for c in (goods.location, goods.item, goods.units, goods.base))
        fault_id = room.truth.fault_id("missing_disposition", base)
        if not room.plan.strikes("missing_disposition", fault_id, at, location=location, item=item):
            return False
        cell = room.cell(location, item)
        fault = room.truth.fault("missing_disposition", fault_id, at, location=location, item=item,
                                 document_id=document, magnitude=units, units=units)
        room.truth.hold(fault)
        room.ledger.post_again(Belief.OMS_ON_HAND, cell, units, fault, room.now)
        room.truth.lineage(event, fault)
        room.truth.open_exception(
            "missing_disposition", (base,), "missing_disposition", [fault], room.now, location=location, item=item,
            document_id=document, first_evidence_at=due,
            loss_at_stake=units * float(room.catalogue.price[item]),
        )
        self._forgotten[document] = Forgotten(goods, fault)
        return True

    # -- repair ----------------------------------------------------------------------------------

    def inspect(self, action: Action) -> Outcome:
        """Look at a forgotten return, and show in which state it is."""
        found = self._forgotten.get(int(action.document_id))
        if found is None:
            return "no such return lies undecided", 0
        self._look([found])
        return "", found.units

    def _look(self, found: Sequence[Forgotten]) -> None:
        """Show in which state returns are that nobody had looked at."""
        unseen = [one for one in found if not one.inspected]
        if not unseen:
            return
        for one in unseen:
            one.inspected = True
        room, goods = self._region.room, join([one.goods for one in unseen])
        n = len(goods)
        at, document = np.full(n, room.now), self._returning.document(goods)
        fit = self._returning.fitting(goods) == Disposition.SELL
        room.stream.emit(
            "inspecting", n, event_id=room.ids.scramble(goods.base + np.int64(_LOOKED_STEP << STEP_SHIFT)),
            occurred_at=at, recorded_at=at, available_at=at + 30 * SECOND,
            source=np.where(goods.location > 0, SOURCE["STORE"], SOURCE["WMS"]).astype(np.int32),
            location=goods.location, item=goods.item, quantity=goods.units,
            status=np.where(fit, STATUS["sellable_accessible"], STATUS["non_sellable_other"]).astype(np.int32),
            document_type=DOCUMENT_TYPE["return"], document_id=document, correlation_id=document,
        )

    def set_disposition(self, action: Action) -> Outcome:
        """Say what becomes of a forgotten return: the action's units are a :class:`Disposition`."""
        if action.units not in set(Disposition):
            return "no such disposition", 0
        if action.units == Disposition.SCRAP and not self._region.room.is_approved(action.approver):
            return "scrapping needs a person's approval", 0
        return self.decide(int(action.document_id), Disposition(action.units), action.action_id)

    def scrap(self, action: Action) -> Outcome:
        """Scrap returned goods that lie in the cage, undecided or blocked."""
        if not self._region.room.is_approved(action.approver):
            return "scrapping needs a person's approval", 0
        document = int(action.document_id)
        goods = self._blocked.pop(document, None)
        if goods is None:
            return self.decide(document, Disposition.SCRAP, action.action_id)
        self._returning.destroy(goods, np.array([self._region.room.now]))
        return "", int(goods.units[0])

    def decide(self, document: int, disposition: Disposition, by: int) -> Outcome:
        """Decide on a forgotten return: the OMS' book is put right, and the goods go where they should."""
        found, room = self._forgotten.get(document), self._region.room
        if found is None:
            return "no such return lies undecided", 0
        if disposition is Disposition.SELL and self._fitting([found])[0] != Disposition.SELL:
            if found.inspected:
                return "it was found unfit for sale", 0
            room.figures["unfit_resold"] += found.units * float(room.catalogue.price[found.item])
        self._carry_out({document: found}, np.array([disposition], np.int32), by)
        return "", found.units

    def _fitting(self, found: Sequence[Forgotten]) -> I32:
        return self._returning.fitting(join([one.goods for one in found]))

    def _carry_out(self, found: Mapping[int, Forgotten], dispositions: I32, by: int) -> None:
        """Put the OMS' book right for returns by document, each with a disposition, and send them on."""
        room, goods = self._region.room, join([one.goods for one in found.values()])
        cells, told = goods.location * np.int32(room.items) + goods.item, -goods.units
        for row, (document, one) in enumerate(found.items()):
            del self._forgotten[document]
            self._queued.discard(document)
            if by >= WORLD_IDS:
                room.truth.lineage(by, one.fault)
            told[row] -= room.ledger.repair(Belief.OMS_ON_HAND, int(cells[row]), -one.units, room.now, by, -1,
                                            one.fault)[1]
            room.truth.release(one.fault, by)
            if dispositions[row] == Disposition.BLOCK:
                self._blocked[document] = one.goods
        room.ledger.post(Belief.OMS_ON_HAND, cells, told)
        room.rules.touch(cells)
        self._returning.dispose(goods, dispositions)

    # -- the manual process ------------------------------------------------------------------------

    def empty_cages(self) -> Generator[simpy.Event, Any, None]:
        """Every Monday store managers go through what has lain in the cage for a week-end or longer."""
        room = self._region.room
        yield room.env.timeout(_CAGE_HOUR * HOUR)
        while True:
            if weekday_of(room.now) == _MONDAY:
                for document, found in self._forgotten.items():
                    if document in self._queued:
                        continue
                    self._queued.add(document)
                    location, item = int(found.goods.location[0]), found.item
                    self._manual.found(
                        "missing_disposition", "store" if location else "dc", 15 * MINUTE,
                        lambda d=document: self._gone_through.append(d),  # type: ignore[misc]
                        location=location, item=item, document_id=document,
                    )
            yield room.env.timeout(DAY)

    def tick(self) -> None:
        """Do what the state of each return asks for that a store manager has just gone through."""
        found = {document: self._forgotten[document] for document in self._gone_through if document in self._forgotten}
        self._gone_through.clear()
        if found:
            goods = list(found.values())
            self._look(goods)
            self._carry_out(found, self._fitting(goods), -1)
