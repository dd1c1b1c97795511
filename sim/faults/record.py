"""One type of what can go wrong, as a frozen record.

A *fault* (F) is a mechanism with a rate; an *exception* (X) is a broken rule that some fault lies
behind; most types are both (FX). A type is *announced* when a row of the stream says so by itself,
and *inferred* when an operator must find it. The records stand in one file a family (documents,
messages, records, goods) and together in :mod:`sim.faults.types`; they act on nothing and import nothing.

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
        other_cause: root cause of those that came about the other way, as the mechanism tells; empty for none.
        scope: what an alert has to name.
        mechanism: what happens, and how it shows.
        remedy: what puts it right.
        approvers: roles that answer for the remedy, in the order of its steps: ``auto`` for nobody, ``ladder`` for
            whoever the value of the adjustment calls for.
        team: who should get the case first.
        rate_unit: what the rate of ``faults.NAME.rate`` counts; empty for exceptions without one.
        comes_of: for exceptions without a rate, the faults that mostly make them.
        magnitude_unit: what ``faults.NAME.magnitude`` scales; empty where it scales nothing.
        duration: what ``faults.NAME.hours`` and ``sigma`` are of; empty where nothing lasts.
        confined_to: what ``faults.NAME.only`` may name: location, item, supplier, interface.
        places: the kind of location it strikes: ``shop``, ``dc`` or ``any``.
        interfaces: those it strikes, where ``only`` may name one.
        basis: where the default rate comes from.
        self_closing: ends by itself in time; its time to restore says little of an operator.
        ambient: most of it is kept as dense everyday error until its cell becomes an exception.
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
    approvers: tuple[str, ...]
    team: str
    other_cause: str = ""
    rate_unit: str = ""
    comes_of: tuple[str, ...] = ()
    magnitude_unit: str = ""
    duration: str = ""
    confined_to: tuple[str, ...] = ()
    places: str = "any"
    interfaces: tuple[str, ...] = ()
    basis: str = "declared assumption"
    self_closing: bool = False
    ambient: bool = False
    window_hours: float = 72.0
    gap_hours: float = 24.0
    grace_hours: float = 1.0


#: Interfaces that post line by line; those that carry lines at once; all that a release can break; all that can fail.
POSTING = ("store_erp", "wms_erp")
DIRECT = ("pos_erp", "pos_oms", "store_erp", "store_oms", "wms_erp", "wms_oms")
MAPPED = (*DIRECT, "pos_batch", "edi_wms", "portal_wms", "edi_ap")
CALLED = (*MAPPED, "web_oms")

DATA_SYNCHRONIZATION = "data_synchronization"
BUSINESS_RULE = "business_rule"
TIMING_DELAY = "timing_delay"
PHYSICAL_DISCREPANCY = "physical_discrepancy"
CAUSES: tuple[str, ...] = (DATA_SYNCHRONIZATION, BUSINESS_RULE, TIMING_DELAY, PHYSICAL_DISCREPANCY)
