"""What three life cycles share: a document line that ERP had to post, and did not, or did wrongly.

A line's life cycle is that of the step that sent it: a receipt of goods, a transfer, a return put
back on the shelf, a count's adjustment. Each has its detector; the test is the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.taxonomy import Finding
from detection.views.messages import MessageLine
from detection.views.state import Views
from sim.events import CODE, NO_CODE

#: Movement codes of each life cycle.
RECEIPT_CODES = frozenset({CODE["101"], CODE["102"]})
TRANSFER_CODES = frozenset({CODE["303"], CODE["305"]})
RETURN_CODES = frozenset({CODE["651"], CODE["653"]})
COUNT_CODES = frozenset({CODE["701"], CODE["702"]})
ORDER_CODES = frozenset({CODE["601"], CODE["551"], NO_CODE})


def overdue_postings(views: Views, codes: frozenset[int]) -> Iterator[Finding]:
    """Lines of one life cycle that ERP should have posted by now."""
    for line in views.messages.overdue:
        if line.code in codes:
            # A gap in the numbers means that the message itself is lost; without one it lags.
            gap = views.channels.gap_over(line.interface, line.location, line.sequence)
            evidence = (line.event_id,) if gap is None else (line.event_id, gap.event_id)
            yield message_finding("posting_lag" if gap is None else "dropped_message", line, evidence)


def wrong_postings(views: Views, codes: frozenset[int]) -> Iterator[Finding]:
    """Lines of one life cycle that ERP posted twice, or in another unit."""
    for line in views.messages.doubled:
        if line.code in codes:
            yield message_finding("duplicate_message", line, (line.event_id,))
    for line in views.messages.mismatched:
        if line.code in codes and is_whole_ratio(line.quantity, line.posted_quantity):
            yield Finding(
                "unit_of_measure", location=0, item=line.item, units=abs(line.posted_quantity - line.quantity),
                evidence=(line.event_id,),
            )  # fmt: skip


def message_finding(type_name: str, line: MessageLine, evidence: tuple[int, ...], score: float = 1.0) -> Finding:
    """A finding about one message."""
    return Finding(
        type_name, location=line.location, item=line.item, document_id=line.document_id, interface=line.interface,
        sequence=line.sequence, score=score, units=abs(line.quantity) if line.item >= 0 else 0,
        evidence=evidence, source=line.source,
    )  # fmt: skip


def is_whole_ratio(one: int, other: int) -> bool:
    """Whether one quantity is a whole multiple, at least twofold, of the other."""
    low, high = sorted((abs(one), abs(other)))
    return low > 0 and high > low and high % low == 0


