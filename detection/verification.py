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


def holds(case: Case, views: Views) -> bool:
    """Whether the rule that the case says is broken holds now."""
    finding, scope = case.finding, case.subject[0]
    if scope == "message":
        return is_delivered(finding, views)
    if scope == "document":
        return _document_holds(finding, views)
    if scope == "cell":
        return _cell_holds(case, views)
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
        return finding.document_id not in shipments.travelling
    if finding.type == "late_asn":
        return finding.document_id not in shipments.waiting
    if finding.type == "carton_mismatch":
        return (finding.document_id, finding.item) not in shipments.parked
    return False


def _cell_holds(case: Case, views: Views) -> bool:
    finding, cells = case.finding, views.cells
    if case.type == "negative_inventory":
        return bool(cells.erp[finding.location * cells.items + finding.item] >= 0)
    if case.type == "phantom_stock":
        return int(cells.mark[finding.location * cells.items + finding.item]) > case.life_mark
    return (finding.location, finding.item) in views.counts.adjusted_cells
