"""Does the expected state hold now? Asked of the views, never of whoever repaired it.

A repair that was carried out has proved nothing yet: the posting must be there, the truck must have
come, the book must be above zero. Where the stream cannot show it, the answer is no, and the action's
own result is the proof.
"""

from __future__ import annotations

from detection.cases import Case
from detection.taxonomy import Finding
from detection.views.channels import BACKLOG_HOURS
from detection.views.state import Views
from sim.clock import HOUR
from sim.events import NULL


def holds(case: Case, views: Views) -> bool:
    """Whether the rule that the case says is broken holds now."""
    finding, scope = case.finding, case.subject[0]
    if scope == "message":
        return is_delivered(finding, views)
    if scope == "document":
        return _document_holds(finding, views)
    if scope == "cell":
        return _cell_holds(case, views)
    if scope == "price":
        return finding.location * views.cells.items + finding.item not in views.prices.wrong
    if scope == "clock":
        return finding.location not in views.clocks.skewed
    if scope == "record":
        return finding.item not in views.records.twins
    if scope == "contract":
        return views.channels.rejected_since[finding.interface] == NULL and not views.channels.dead[finding.interface]
    if scope == "interface":
        channels, interface = views.channels, finding.interface
        drained = views.now - channels.recovered_at[interface] >= BACKLOG_HOURS * HOUR
        return not channels.is_down(interface) and channels.dead[interface] == 0 and drained
    return False


def is_delivered(finding: Finding, views: Views) -> bool:
    """Whether a message that was missing has come; a doubled one cannot come undone by itself."""
    if finding.type == "duplicate_message":
        return False
    if (finding.interface, finding.location, finding.sequence) in views.messages.open:
        return False
    return views.channels.gap_over(finding.interface, finding.location, finding.sequence) is None


def _document_holds(finding: Finding, views: Views) -> bool:
    shipments = views.shipments
    if finding.type == "transfer_delay":
        return finding.document_id not in shipments.travelling and finding.document_id not in shipments.unreceived
    if finding.type == "late_asn":
        return finding.document_id not in shipments.waiting
    if finding.type == "carton_mismatch":
        return (finding.document_id, finding.item) not in shipments.parked
    if finding.type == "rtv_gap":
        return _vendor_return_holds(finding.document_id, views)
    return _line_holds(finding, views)


def _line_holds(finding: Finding, views: Views) -> bool:
    """Documents of which a view keeps those that are wrong."""
    document, line = finding.document_id, (finding.document_id, finding.item)
    if finding.type == "missing_disposition":
        return document not in views.returned.undecided
    if finding.type == "batch_failure":
        return document not in views.batches.files
    if finding.type == "out_of_order":
        return not views.versions.is_stale(*line)
    if finding.type == "reservation_leak":
        return line not in views.reservations.open
    if finding.type == "short_pick":
        return line not in views.picks.open
    return False


def _vendor_return_holds(document: int, views: Views) -> bool:
    """Posted whole, and its credit here or not yet due."""
    credit = views.credits.open.get(document)
    is_posted = all(line.document_id != document for line in views.messages.open.values())
    return is_posted and (credit is None or not credit.is_told)


def _cell_holds(case: Case, views: Views) -> bool:
    finding, cells = case.finding, views.cells
    if case.type == "negative_inventory":
        return bool(cells.erp[finding.location * cells.items + finding.item] >= 0)
    if case.type == "phantom_stock":
        is_alive = int(cells.mark[finding.location * cells.items + finding.item]) > case.life_mark
        return is_alive or (finding.location, finding.item) in views.counts.moved_cells
    return (finding.location, finding.item) in views.counts.adjusted_cells
