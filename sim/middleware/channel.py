"""A channel: one source's journal, and the two interfaces that carry it to ERP and OMS."""

from __future__ import annotations

import numpy as np

from sim.clock import DAY, TICK
from sim.events import INTERFACE
from sim.ledger import Belief
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
        self.feeds = tuple(
            Feed(room, INTERFACE[f"{name}_{consumer}"], beliefs, self.journal, by_document=by_document)
            for consumer, beliefs in INTERFACE_BELIEFS.items()
        )

    def send(self, messages: Messages) -> np.ndarray:
        """Number lines and put them on both wires; returns their sequence numbers."""
        if not len(messages):
            return np.zeros(0, np.int64)
        numbered = self.journal.number(messages, self.room.now // TICK)
        for feed in self.feeds:
            feed.send(numbered)
        assert numbered.sequence is not None
        return numbered.sequence
