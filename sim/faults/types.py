"""What can go wrong, as data: one frozen record a type.

A *fault* (F) is a mechanism with a rate; an *exception* (X) is a broken rule that some fault lies
behind; most types are both (FX). A type is *announced* when a row of the stream says so by itself,
and *inferred* when an operator must find it. This table is what the documents, the command's
``list faults`` and the measures' windows are made of; it acts on nothing and imports nothing.

Windows, gaps and graces belong to the measures: an alert counts for an exception when it comes
between its opening and ``min(closed, opened + window) + grace``; alerts of one subject closer than
the gap are one incident. They are declared assumptions: a window is the time after which finding
the exception no longer helps.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FaultType:
    """One type of fault or exception.

    Attributes:
        name: as in files, keys and tables.
        kind: ``F``, ``X`` or ``FX``.
        inferred: no row says it outright.
        plane: ``physical``, ``information`` or ``both``.
        cause: root cause; empty where the fault behind the exception decides.
        scope: what an alert has to name.
        mechanism: what happens, and how it shows.
        remedy: what puts it right.
        approver: role that must agree; ``auto`` for none.
        team: who should get the case first.
        rate_unit: what the rate of ``faults.NAME.rate`` counts; empty for exceptions without one.
        basis: where the default rate comes from.
        self_closing: ends by itself in time; its time to restore says little of an operator.
        ambient: kept as dense everyday error until its cell becomes an exception.
        window_hours: length of the detection window.
        gap_hours: alerts on one subject closer than this are one incident.
        grace_hours: added to the window's end.
    """

    name: str
    kind: str
    inferred: bool
    plane: str
    cause: str
    scope: str
    mechanism: str
    remedy: str
    approver: str
    team: str
    rate_unit: str = ""
    basis: str = "declared assumption"
    self_closing: bool = False
    ambient: bool = False
    window_hours: float = 72.0
    gap_hours: float = 24.0
    grace_hours: float = 1.0


DATA_SYNCHRONIZATION = "data_synchronization"
BUSINESS_RULE = "business_rule"
TIMING_DELAY = "timing_delay"
PHYSICAL_DISCREPANCY = "physical_discrepancy"
CAUSES: tuple[str, ...] = (DATA_SYNCHRONIZATION, BUSINESS_RULE, TIMING_DELAY, PHYSICAL_DISCREPANCY)

_DOCUMENTS: tuple[FaultType, ...] = (
    FaultType(
        name="receiving_variance",
        kind="FX",
        inferred=False,
        plane="physical",
        cause=PHYSICAL_DISCREPANCY,
        scope="receipt and item",
        mechanism="a carton comes short or over: the receipt differs from the ASN and the order",
        remedy="recount, accept in part, claim from the supplier",
        approver="finance",
        team="inventory_control",
        rate_unit="share of cartons",
        basis="RVCF 2010: 3% of units shipped in error",
        window_hours=72.0,
    ),
    FaultType(
        name="carton_mismatch",
        kind="FX",
        inferred=False,
        plane="information",
        cause=DATA_SYNCHRONIZATION,
        scope="receipt and item",
        mechanism="the SSCC on the carton is not on the ASN: the carton is parked and not in stock",
        remedy="relink the carton to its order",
        approver="dc",
        team="dc",
        rate_unit="share of cartons",
        window_hours=72.0,
    ),
    FaultType(
        name="late_asn",
        kind="FX",
        inferred=True,
        plane="information",
        cause=TIMING_DELAY,
        scope="purchase order",
        mechanism="the advice comes after the truck, or never: goods wait on the dock, replenishment orders twice",
        remedy="receive without advice",
        approver="inventory_control",
        team="dc",
        rate_unit="share of ASNs",
        self_closing=True,
        window_hours=48.0,
    ),
    FaultType(
        name="posting_lag",
        kind="FX",
        inferred=True,
        plane="information",
        cause=TIMING_DELAY,
        scope="document line",
        mechanism="ERP posts a receipt long after the goods came; quantities agree later by themselves",
        remedy="wait or expedite; never adjust",
        approver="auto",
        team="integration",
        rate_unit="share of document lines",
        self_closing=True,
        window_hours=48.0,
    ),
    FaultType(
        name="transfer_delay",
        kind="FX",
        inferred=True,
        plane="both",
        cause=TIMING_DELAY,
        scope="transfer",
        mechanism="a transfer is shipped and not received within its service level",
        remedy="trace the truck, then receive",
        approver="inventory_control",
        team="supply_chain",
        rate_unit="share of transfers",
        self_closing=True,
        window_hours=72.0,
    ),
    FaultType(
        name="unit_of_measure",
        kind="FX",
        inferred=True,
        plane="information",
        cause=BUSINESS_RULE,
        scope="DC and item",
        mechanism="eaches are booked as cases: records are off by a whole ratio",
        remedy="fix the conversion, reverse and post again",
        approver="inventory_control",
        team="inventory_control",
        rate_unit="share of items",
        window_hours=168.0,
    ),
)
_MESSAGES: tuple[FaultType, ...] = (
    FaultType(
        name="dropped_message",
        kind="FX",
        inferred=True,
        plane="information",
        cause=DATA_SYNCHRONIZATION,
        scope="interface, location and sequence number",
        mechanism="a message is lost: a gap in the sequence, a posting on one side only",
        remedy="replay the original from its source",
        approver="auto",
        team="integration",
        rate_unit="share of messages",
        window_hours=72.0,
    ),
    FaultType(
        name="duplicate_message",
        kind="FX",
        inferred=False,
        plane="information",
        cause=DATA_SYNCHRONIZATION,
        scope="interface, location and sequence number",
        mechanism="a message is delivered twice and applied twice",
        remedy="reverse the second posting",
        approver="auto",
        team="integration",
        rate_unit="share of messages",
        window_hours=72.0,
    ),
    FaultType(
        name="api_outage",
        kind="FX",
        inferred=False,
        plane="information",
        cause=TIMING_DELAY,
        scope="interface",
        mechanism="an interface answers 503 for hours: a backlog, then a burst and dead letters",
        remedy="back off, drain, redrive the dead letters",
        approver="auto",
        team="integration",
        rate_unit="outages a region and 30 days",
        self_closing=True,
        window_hours=24.0,
    ),
)
_CELLS: tuple[FaultType, ...] = (
    FaultType(
        name="phantom_stock",
        kind="X",
        inferred=True,
        plane="both",
        cause="",
        scope="location and item",
        mechanism="the book is above zero and nothing is there: no sale, so no reorder",
        remedy="count, and correct by the count",
        approver="store_manager",
        team="store",
        window_hours=168.0,
    ),
    FaultType(
        name="negative_inventory",
        kind="X",
        inferred=True,
        plane="information",
        cause="",
        scope="location and item",
        mechanism="sold before its receipt was posted, or scanned as another item: the book is below zero",
        remedy="post what is missing or count; never set to zero blindly",
        approver="inventory_control",
        team="store",
        window_hours=72.0,
    ),
    FaultType(
        name="count_variance",
        kind="X",
        inferred=False,
        plane="physical",
        cause="",
        scope="location and item",
        mechanism="a posted count is off by more than the tolerance of its class",
        remedy="count again blind, then correct by the ladder of approvals",
        approver="inventory_control",
        team="store",
        window_hours=72.0,
    ),
)
_AMBIENT: tuple[FaultType, ...] = (
    FaultType(
        name="shrink",
        kind="F",
        inferred=True,
        plane="physical",
        cause=PHYSICAL_DISCREPANCY,
        scope="location and item",
        mechanism="units are stolen, lost or spoilt unseen; no row at all",
        remedy="count, write off, loss-prevention case",
        approver="store_manager",
        team="store",
        rate_unit="units lost per unit sold",
        basis="NRF FY2021-22: 1.4-1.6% of sales",
        ambient=True,
        window_hours=168.0,
    ),
    FaultType(
        name="scan_error",
        kind="F",
        inferred=True,
        plane="information",
        cause=PHYSICAL_DISCREPANCY,
        scope="location and item",
        mechanism="a till line is scanned as a sibling item: one book too high, one too low",
        remedy="count both items",
        approver="store_manager",
        team="store",
        rate_unit="share of till lines",
        ambient=True,
        window_hours=168.0,
    ),
)

#: Every type of this version, documents first; the position is its code.
TYPES: tuple[FaultType, ...] = _DOCUMENTS + _MESSAGES + _CELLS + _AMBIENT
BY_NAME: dict[str, FaultType] = {entry.name: entry for entry in TYPES}
#: Types with a mechanism and a rate.
FAULTS: tuple[str, ...] = tuple(entry.name for entry in TYPES if "F" in entry.kind)
#: Types with a rule that can break.
EXCEPTIONS: tuple[str, ...] = tuple(entry.name for entry in TYPES if "X" in entry.kind)
