"""A channel: one source's journal, and the interfaces that carry it to its consumers.

Lines are numbered, read in the words of who hears of them (:mod:`sim.middleware.transformation`) and put on every
route of their source (:mod:`sim.middleware.routing`). Tills tell ERP and OMS of every line at once, but for legacy
shops: those tell ERP by a nightly batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.clock import DAY, TICK
from sim.events import DOCUMENT_TYPE, INTERFACE
from sim.middleware.batch import Batch
from sim.middleware.feed import Feed
from sim.middleware.messages import Journal, Messages
from sim.middleware.postings import PostingQueue
from sim.middleware.routing import routes_of
from sim.middleware.transformation import Transformation
from sim.room import Room

#: Days past the idempotency window that a source keeps its journal; a replay in them applies again. Assumption.
_KEPT_DAYS = 2


class Channel:
    """A source's journal and its two consumers.

    Args:
        room: the region.
        name: of the source, as in the routes.
        queue: of ERP.

    Attributes:
        erp, oms: the feeds of the two consumers.
        batch: the nightly one of the legacy shops, or None.
        feeds: all of them.
        transformation: how its lines are read.
    """

    def __init__(self, room: Room, name: str, queue: PostingQueue) -> None:
        self.room = room
        days = room.config.middleware.idempotency_days + _KEPT_DAYS
        self.journal = Journal(room.locations, days * DAY // TICK)
        self.transformation = Transformation(room.catalogue.case)
        self.batch: Batch | None = None
        by_consumer: dict[str, Feed] = {}
        for route in routes_of(name):
            if route.is_nightly:
                self.batch = Batch(room, route.beliefs, self.journal, queue)
            else:
                by_consumer[route.consumer] = Feed(room, INTERFACE[route.interface], route.beliefs, self.journal,
                                                   by_document=route.by_document,
                                                   queue=queue if route.consumer == "erp" else None)
        self.erp, self.oms = by_consumer["erp"], by_consumer["oms"]
        self.feeds: tuple[Feed, ...] = (self.erp, self.oms) if self.batch is None else (self.erp, self.oms, self.batch)
        self._carried = frozenset(DOCUMENT_TYPE[kind] for route in routes_of(name) for kind in route.documents)
        self._some_legacy = self.batch is not None and bool(self.batch.legacy.any())
        #: Told of every batch of lines that a source sends, with their numbers.
        self.listeners: list[Callable[[Messages], None]] = []

    def send(self, messages: Messages) -> np.ndarray:
        """Number lines and put them on the wires of their routes; returns their sequence numbers.

        Raises:
            ValueError: for a kind of document that no route of the source carries.
        """
        if not len(messages):
            return np.zeros(0, np.int64)
        if messages.document_type not in self._carried:
            raise ValueError(f"no route carries documents of type {messages.document_type} from here")
        numbered = self.journal.number(messages, self.room.now // TICK)
        for tell in self.listeners:
            tell(numbered)
        read = self.transformation.for_erp(numbered)
        if self._some_legacy:
            self._send_split(read)
        else:
            self.erp.send(read)
        self.oms.send(numbered)
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
        if not is_legacy.any():
            self.erp.send(messages)
        else:
            self.batch.collect(messages.take(is_legacy))
            if not is_legacy.all():
                self.erp.send(messages.take(~is_legacy))
