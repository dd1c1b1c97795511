"""A channel: one source's journal, and the interfaces that carry it to ERP and OMS.

Tills tell both of every line at once, but for legacy shops: those tell ERP by a nightly batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.clock import DAY, TICK
from sim.events import INTERFACE
from sim.ledger import Belief
from sim.middleware.batch import Batch
from sim.middleware.feed import Feed
from sim.middleware.messages import Journal, Messages
from sim.room import Room

#: Days past the idempotency window that a source keeps its journal; a replay in them applies again. Assumption.
_KEPT_DAYS = 2

INTERFACE_BELIEFS: dict[str, tuple[Belief, ...]] = {
    "erp": (Belief.ERP_ON_HAND, Belief.ERP_ON_ORDER, Belief.ERP_BLOCKED),
    "oms": (Belief.OMS_ON_HAND,),
}


class Channel:
    """A source's journal and its two consumers.

    Args:
        room: the region.
        name: ``pos``, ``store`` or ``wms``.
    """

    def __init__(self, room: Room, name: str) -> None:
        self.room = room
        by_document = name != "pos"
        days = room.config.middleware.idempotency_days + _KEPT_DAYS
        self.journal = Journal(room.locations, days * DAY // TICK)
        self.feeds: tuple[Feed, ...] = tuple(
            Feed(room, INTERFACE[f"{name}_{consumer}"], beliefs, self.journal, by_document=by_document)
            for consumer, beliefs in INTERFACE_BELIEFS.items()
        )
        self.batch = Batch(room, INTERFACE_BELIEFS["erp"], self.journal) if name == "pos" else None
        self._some_legacy = self.batch is not None and bool(self.batch.legacy.any())
        if self.batch is not None:
            self.feeds += (self.batch,)
        #: Told of every batch of lines that a source sends, with their numbers.
        self.listeners: list[Callable[[Messages], None]] = []
        #: What ERP takes a source's lines for, where its master data is not the source's.
        self.reading: Callable[[Messages], Messages] | None = None

    def send(self, messages: Messages) -> np.ndarray:
        """Number lines and put them on both wires; returns their sequence numbers."""
        if not len(messages):
            return np.zeros(0, np.int64)
        numbered = self.journal.number(messages, self.room.now // TICK)
        for tell in self.listeners:
            tell(numbered)
        read = numbered if self.reading is None else self.reading(numbered)
        erp, oms = self.feeds[:2]
        if self._some_legacy:
            self._send_split(read)
        else:
            erp.send(read)
        oms.send(numbered)
        if self.batch is not None:
            self._note_repeats(numbered)
        assert numbered.sequence is not None
        return numbered.sequence

    def _note_repeats(self, messages: Messages) -> None:
        """Two sales of one article in a row are real, and look like one that was told twice."""
        cell, units, room = messages.cell, messages.on_hand, self.room
        for row in np.flatnonzero((cell[1:] == cell[:-1]) & (units[1:] == units[:-1])).tolist():
            location, item = divmod(int(cell[row]), room.items)
            at = int(messages.sent_at[row + 1])
            room.truth.decoy("repeat_sale", (int(messages.key[row + 1]),), at, at + DAY, location=location, item=item,
                             document_id=int(messages.document_id[row + 1]))

    def _send_split(self, messages: Messages) -> None:
        """ERP hears of legacy shops by their batch."""
        assert self.batch is not None
        is_legacy = self.batch.legacy[messages.location]
        erp = self.feeds[0]
        if not is_legacy.any():
            erp.send(messages)
        else:
            self.batch.collect(messages.take(is_legacy))
            if not is_legacy.all():
                erp.send(messages.take(~is_legacy))
