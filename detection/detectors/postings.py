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

#: Rows cited for one document, at most.
EVIDENCE_MAX = 20
#: Movement codes of each life cycle.
RECEIPT_CODES = frozenset({CODE["101"], CODE["102"]})
TRANSFER_CODES = frozenset({CODE["303"], CODE["305"]})
RETURN_CODES = frozenset({CODE["651"], CODE["653"], CODE["657"]})
COUNT_CODES = frozenset({CODE["701"], CODE["702"]})
ORDER_CODES = frozenset({CODE["601"], CODE["551"], NO_CODE})
VENDOR_CODES = frozenset({CODE["122"]})


def overdue_postings(views: Views, codes: frozenset[int]) -> Iterator[Finding]:
    """What ERP should have posted by now, of one life cycle.

    A goods document is posted whole, so its lines are late together: one finding a document. Other
    lines past due are lost, unless the middleware's own gap said so before. What an outage holds back
    is the outage's, and what lies with the dead letters waits for its redrive.
    """
    late: dict[tuple[int, int, int], list[MessageLine]] = {}
    for line in views.messages.overdue:
        if line.code not in codes or views.channels.is_explained(line.interface, line.sent_at):
            continue
        if views.channels.is_buried(line.interface, line.document_id):
            continue
        gap = views.channels.gap_over(line.interface, line.location, line.sequence)
        if gap is not None and gap.is_line:
            continue
        if not line.travels_by_document:
            evidence = (line.event_id,) if gap is None else (line.event_id, gap.event_id)
            yield message_finding("dropped_message", line, evidence)
        else:
            late.setdefault((line.interface, line.location, line.document_id), []).append(line)
    for lines in late.values():
        first = min(lines, key=lambda line: line.sequence)
        yield Finding(
            "posting_lag", location=first.location, document_id=first.document_id, interface=first.interface,
            sequence=first.sequence, score=float(len(lines)), units=sum(abs(line.quantity) for line in lines),
            evidence=tuple(line.event_id for line in lines[:EVIDENCE_MAX]), source=first.source,
        )  # fmt: skip


def wrong_postings(views: Views, codes: frozenset[int]) -> Iterator[Finding]:
    """Lines of one life cycle that ERP posted twice, or in another unit."""
    for line in views.messages.doubled:
        if line.code in codes:
            yield message_finding("duplicate_message", line, (line.event_id,))
    for line in views.messages.mismatched:
        if line.code in codes and is_unit_ratio(line.quantity, line.posted_quantity):
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


def is_unit_ratio(sent: int, posted: int) -> bool:
    """Whether two quantities can be one, measured in two units: a ratio of two or more, whole but for rounding."""
    low, high = sorted((abs(sent), abs(posted)))
    return low > 0 and high >= 2 * low


def is_whole_ratio(one: int, other: int) -> bool:
    """Whether one quantity is a whole multiple, at least twofold, of the other."""
    low, high = sorted((abs(one), abs(other)))
    return low > 0 and high > low and high % low == 0


