"""What the middleware adds to a message on its way, and what a consumer's row lacks where it does not.

A consumer books what it can read, and numbers its bookings itself: a posting's own number is the id of its
row. What ties a posting to the document, the number and the moment of its message stands in the *envelope*
that the middleware puts around it, and nowhere else: correlation id, sequence number, latency.

- Where the enrichment fails, a row says only what its system knows by itself. A posting loses its whole
  envelope; any other row loses its correlation id, since its number and its time are its own.
- Where nobody writes down what the middleware sees of itself, rows of monitoring are missing: traffic by the hour,
  numbers passed over or seen twice, retries, recoveries. What goes wrong goes wrong all the same.

What is lost is drawn by the row's own id, so that no other row is touched, and what a small share loses is lost
at a larger one too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.config import Config
from sim.draws import Purpose, keyed, threshold
from sim.events import EVENT_TYPE, NULL, Block
from sim.middleware.messages import Messages

#: Columns of a posting that it has from its message's envelope.
ENVELOPE = ("correlation_id", "sequence", "latency_ms")
#: What the middleware tells of itself, and not of a business step; a dead letter is a message, not a report.
MONITORING = frozenset(EVENT_TYPE[name] for name in ("telemetry", "sequence_gap", "retrying", "recovered"))
_POSTING = EVENT_TYPE["posting"]


def envelope(messages: Messages, at: npt.NDArray[np.int64]) -> dict[str, Any]:
    """The columns that lines' postings have from the middleware.

    Args:
        messages: the lines.
        at: when they were booked, microseconds, shape (n,).
    """
    return {
        "correlation_id": messages.document_id, "sequence": messages.sequence,
        "latency_ms": (at - messages.sent_at) // 1000,
    }  # fmt: skip


def keeper(config: Config, seed: int) -> Callable[[Block], Block] | None:
    """What the stream keeps of a block, or None where it keeps everything."""
    correlation, telemetry = config.middleware.correlation_loss, config.middleware.telemetry_loss
    return Losses(seed, correlation, telemetry).take if correlation or telemetry else None


@dataclass(frozen=True)
class Losses:
    """What poor discipline loses of the stream.

    Attributes:
        seed: of the run.
        correlation: share of rows whose enrichment fails.
        telemetry: share of rows of monitoring that are never written.
    """

    seed: int
    correlation: float
    telemetry: float

    def take(self, block: Block) -> Block:
        """A block without what is lost of it."""
        if block.event_type in MONITORING:
            return block.take(~self._drawn(block, 0, self.telemetry)) if self.telemetry else block
        if not self.correlation or "correlation_id" not in block.columns:
            return block
        lost = self._drawn(block, 1, self.correlation)
        names = ENVELOPE if block.event_type == _POSTING else ("correlation_id",)
        bare = {name: np.where(lost, NULL, block.get(name)) for name in names if name in block.columns}
        return Block(block.event_type, {**block.columns, **bare}, block.size)

    def _drawn(self, block: Block, what: int, share: float) -> npt.NDArray[np.bool_]:
        bits = keyed(self.seed, Purpose.TELEMETRY, what, block.get("event_id").astype(np.int64))
        drawn: npt.NDArray[np.bool_] = bits < threshold(share)
        return drawn
