"""The life of a message: numbered, sent, delivered once. And of an interface: up, down, back, and understood."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import message_finding
from detection.taxonomy import Finding
from detection.views.channels import Gap, Signal
from detection.views.messages import MessageLine
from detection.views.state import Views
from sim.events import NULL, Rows


class ChannelLifeCycle:
    """Outages, broken mappings, gaps past their service level, numbers applied twice, and dead letters."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """What the middleware's own signals say is wrong."""
        del rows
        channels = views.channels
        for outage in channels.outages:
            yield Finding("api_outage", interface=outage.interface, evidence=(outage.event_id,))
        for rejection in channels.rejections:
            yield Finding("schema_drift", interface=rejection.interface, evidence=(rejection.event_id,))
        for second in views.redelivered.applied:
            yield _finding("duplicate_message", second.signal, second.line)
        for signal in channels.dead_letters:
            if not channels.is_disturbed(views.now, signal.interface):
                line = views.messages.source_of(signal.interface, signal.location, signal.sequence)
                yield _finding("dropped_message", signal, line)
        for gap in channels.gaps_due:
            # A whole batch of documents is late, not lost: the detector of its life cycle knows when it is due.
            if gap.is_line or (gap.count == 1 and not views.messages.is_posted_journal(gap.interface)):
                yield _missing(views, gap)


def _missing(views: Views, gap: Gap) -> Finding:
    """A number that did not come and will not."""
    signal = Signal(gap.interface, gap.location, gap.first, NULL, gap.event_id)
    return _finding("dropped_message", signal, views.messages.source_of(gap.interface, gap.location, gap.first))


def _finding(type_name: str, signal: Signal, line: MessageLine | None) -> Finding:
    if line is None:
        return Finding(
            type_name, location=signal.location, interface=signal.interface, sequence=signal.sequence,
            evidence=(signal.event_id,),
        )  # fmt: skip
    # The line's own interface is that of the journal's rows; the message is the signal's.
    known = MessageLine(
        signal.interface, signal.location, signal.sequence, line.document_id, line.item, line.quantity,
        line.event_id, source=line.source,
    )  # fmt: skip
    evidence = (signal.event_id, line.event_id) if type_name == "dropped_message" else (signal.event_id,)
    return message_finding(type_name, known, evidence)
