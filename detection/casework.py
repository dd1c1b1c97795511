"""What a case waits for: which news concern it, how long it sleeps, and what its outcome says of its diagnosis."""

from __future__ import annotations

from collections.abc import Iterator

from detection import remedies
from detection.cases import Case
from detection.taxonomy import TYPES_OF_SEVERAL_FAULTS, Subject
from detection.views.channels import BACKLOG_HOURS
from detection.views.columns import integers, join
from detection.views.state import Views
from sim.clock import HOUR, TICK
from sim.events import NO_CODE, NULL, Rows

#: How long a case sleeps between looks: one on a cell, of which no row says that it holds again, and others.
CELL_SLEEP_HOURS, SLEEP_HOURS = 8, 24


def nap(case: Case) -> int:
    """How long until a case is looked at again, if no news wakes it before."""
    scope = case.subject[0]
    if case.status == "verifying":
        # That a message, a document or a count's adjustment came is told by a row; of the rest one has to ask.
        is_told = scope in {"message", "document"} or case.type == "count_variance"
        return remedies.verify_span(case.step_kind) if is_told else HOUR
    return (CELL_SLEEP_HOURS if scope == "cell" else SLEEP_HOURS) * HOUR


def answers(rows: Rows) -> Iterator[tuple[int, int, int, int, int]]:
    """The world's answers in a step: action, case, status (code), units, and when it was done."""
    blocks = rows.of("acting")
    if blocks:
        block = join(blocks)
        names = ("document_id", "parent_document_id", "status", "quantity", "occurred_at")
        yield from zip(*(integers(block, name).tolist() for name in names), strict=True)


def not_before(case: Case, kind: str, views: Views) -> int:
    """When a step can be taken; now, or earlier, where nothing is in its way."""
    now = views.now
    if kind == "redrive" and case.subject[0] == "interface":
        interface = case.finding.interface
        if views.channels.is_down(interface):
            return now + HOUR
        drained_at = views.channels.recovered_at[interface] + BACKLOG_HOURS * HOUR
        return drained_at if views.channels.dead[interface] == 0 else now
    if kind == "set_disposition" and now - case.done_at < HOUR:
        goods = views.returned.undecided.get(case.finding.document_id)
        # What the inspection saw is told a moment after it was done.
        return now + TICK if goods is not None and goods.state == NO_CODE else now
    return now


def has_failed(case: Case, views: Views) -> bool:
    """Whether a step that was done has had its time to show, or showed that something else is missing."""
    was_traced = case.type == "transfer_delay" and case.step_kind == "trace"
    if was_traced and views.shipments.is_unconfirmed(case.finding.document_id, views.now):
        return True
    return views.now >= case.done_at + remedies.verify_span(case.step_kind)


def verdict(case: Case, views: Views) -> str:
    """What the outcome says of the diagnosis: confirmed, refuted, or nothing."""
    if case.type == "duplicate_message" and case.done_at == NULL:
        return "refuted" if case.actions else ""
    if case.subject[0] != "cell":
        return "confirmed" if case.done_at != NULL and case.actions else ""
    finding = case.finding
    cell = finding.location * views.cells.items + finding.item
    if case.searched_units > 0 or views.counts.moved_at.get(cell, NULL) >= case.opened_at:
        return "confirmed"
    if views.counts.counted_at[cell] >= case.opened_at:
        return "confirmed" if views.counts.found_units[cell] else "refuted"
    return "refuted" if case.type == "phantom_stock" else ""


def fault_verdict(case: Case, views: Views) -> str:
    """What the outcome says of the fault that was claimed at first, which is what its confidence was about.

    A count or a substitute shows that a record was wrong, and not what put it wrong: of what is wrong with a cell
    only a search tells, and only whether it is goods in the wrong place.
    """
    if case.type not in TYPES_OF_SEVERAL_FAULTS:
        return verdict(case, views)
    if case.claimed != "misplacement" or case.searched_units == NULL:
        return ""
    return "confirmed" if case.searched_units else "refuted"


def lost_units(case: Case, views: Views) -> int:
    """Units that a count found gone of a cell that loses its goods; 0 where it found no such loss."""
    if case.subject[0] != "cell" or case.fault_type != "shrink":
        return 0
    finding, counts = case.finding, views.counts
    cell = finding.location * views.cells.items + finding.item
    since = counts.counted_at[cell] >= case.opened_at
    found = int(counts.found_units[cell]) if since else counts.adjusted_cells.get((finding.location, finding.item), 0)
    return max(0, -found)


def news(views: Views) -> Iterator[Subject]:
    """Subjects of which the step brought something that may settle a case."""
    yield from _of_messages(views)
    yield from _of_documents(views)
    for interface in views.channels.recoveries:
        yield ("interface", interface, NO_CODE, 0)
    for location, item in (*views.counts.adjusted_cells, *views.counts.moved_cells):
        yield ("cell", location, item, 0)
    for cell in views.prices.righted:
        yield ("price", *divmod(cell, views.cells.items), 0)
    for location in views.clocks.righted:
        yield ("clock", location, 0, 0)
    for item in views.records.merged:
        yield ("record", item, 0, 0)


def _of_messages(views: Views) -> Iterator[Subject]:
    for line in views.messages.settled:
        yield ("message", *line.key)
        yield ("document", line.document_id, NO_CODE, 0)
    for gap in views.channels.gaps_closed:
        for ordinal in range(gap.count):
            yield ("message", gap.interface, gap.location, gap.first + ordinal)


def _of_documents(views: Views) -> Iterator[Subject]:
    shipments = views.shipments
    trucks = (*shipments.arrived, *shipments.received, *shipments.unconfirmed)
    for document in (*trucks, *views.batches.settled, *views.credits.settled):
        yield ("document", document, NO_CODE, 0)
    lines = (
        *views.shipments.resolved, *views.versions.ordered, *views.reservations.freed, *views.picks.resolved,
        *views.returned.decided,
    )  # fmt: skip
    for document, item in lines:
        yield ("document", document, item, 0)
