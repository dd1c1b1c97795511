"""The evidence of a case: what the views say of its cell and its message, as numbers with names.

Each number is what an analyst would look up before saying what is behind a case, and nothing else: how much the
book says is there and how long that would last, how improbable the silence is, what earlier counts of the cell, the
item and the shop found, whether ERP's book differs from the shop's, what other cases touch the cell, whether the
message's neighbours came. Units of stock, money, days and odds span decades, so they enter as logarithms; shares of
few counts are drawn towards a half of :data:`_DOUBT` counts. What a case does not have (a cell's case no gap, a
message's case no book) is 0, and a classifier that has a model for each type never sees the two together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detection.cases import Case
from detection.taxonomy import TYPES_OF_SEVERAL_FAULTS
from detection.views.state import Views
from sim.clock import DAY, HOUR
from sim.events import NULL

FloatArray = npt.NDArray[np.float64]
#: Days after which a look at a cell tells no more.
_STALE_DAYS = 60.0
#: Days for which goods that were found in the wrong place speak of more of the kind.
MISPLACED_DAYS = 14
#: Shares of the searches for a case's goods that come upon some, where goods in the wrong place are behind the case
#: and where they are not: of 909 searches in three scenarios of a development seed.
FOUND_IF_MISPLACED, FOUND_IF_NOT = 0.99, 0.12
#: Counts that a share of counts is worth before there are any.
_DOUBT = 4.0
_BESIDE = ("dropped_message", "posting_lag", "duplicate_message", "unit_of_measure", "count_variance")

#: What is told of a cell.
CELL_EVIDENCE: tuple[str, ...] = (
    # The book, and how it would last.
    "book", "below_zero", "book_in_packs", "lines_a_day", "cover", "price", "own_rate", "in_flight_in",
    "in_flight_out", "late_in", "units", "is_dc",
    # The silence, and who ran into it.
    "silence", "days_silent", "strikes", "is_first_strike", "is_picked",
    # What counts found.
    "days_since_count", "is_counted", "found_before", "counted_gain", "counted_share", "is_all_gone", "item_gains",
    "item_losses", "place_gains", "place_losses", "chain_gains", "chain_losses",
    # What was found in the wrong place.
    "moved_here", "moved_nearby", "chain_moves",
    # How the books compare.
    "erp_differs", "erp_above", "erp_below", "oms_differs", "item_below_zero", "place_below_zero", "chain_below_zero",
    # What else is open on the cell.
    *(f"beside_{name}" for name in _BESIDE), "beside_any",
)
#: What is told of a message.
MESSAGE_EVIDENCE: tuple[str, ...] = (
    "is_down", "has_gap", "is_line_gap", "gap_length", "hours_since_recovery", "is_draining", "has_letters",
    "is_buried", "lines_late", "hours_late", "units",
)  # fmt: skip


def names_of(type_name: str) -> tuple[str, ...]:
    """The names of the evidence on cases of a type."""
    return CELL_EVIDENCE if type_name in TYPES_OF_SEVERAL_FAULTS else MESSAGE_EVIDENCE


def evidence_of(case: Case, related: Sequence[Case], views: Views) -> dict[str, float]:
    """What the views say of a case, by name; the names are those of :func:`names_of`.

    Args:
        case: just opened.
        related: cases that touch the same cell.
        views: as of now.
    """
    if case.finding.type in TYPES_OF_SEVERAL_FAULTS:
        return _of_cell(case, related, views)
    return _of_message(case, views)


def search_odds(case: Case, faults: Sequence[str]) -> FloatArray:
    """How probable what a search came upon is under each fault, shape (faults,); 1 where nobody searched."""
    if case.searched_units == NULL:
        return np.ones(len(faults))
    found = np.array([FOUND_IF_MISPLACED if fault == "misplacement" else FOUND_IF_NOT for fault in faults])
    return found if case.searched_units else 1.0 - found


def _of_cell(case: Case, related: Sequence[Case], views: Views) -> dict[str, float]:
    finding, cells = case.finding, views.cells
    cell = finding.location * cells.items + finding.item
    book, clock = int(cells.erp[cell]), int(cells.clock[finding.location])
    rate = float(cells.lines_a_day(np.array([cell], dtype=np.int64))[0])
    lines_here = clock / max(1, cells.trading_days)
    # A count is a sign of life, and what it found is of the silence before it.
    mark = int((cells.mark_before_count if finding.type == "count_variance" else cells.mark)[cell])
    silent = (clock - mark) / max(1.0, lines_here)
    strikes = len(views.strikes(finding.location, finding.item))
    others = {other.type for other in related if other is not case}
    flight = int(cells.flight[cell])
    return {
        "book": math.log1p(max(0, book)),
        "below_zero": math.log1p(max(0, -book)),
        "book_in_packs": math.log1p(max(0, book) / float(cells.pack[finding.item])),
        "lines_a_day": math.log(max(1e-3, rate)),
        "cover": math.log1p(max(0, book)) - math.log(max(1e-3, rate)),
        "price": math.log(max(0.01, float(cells.price[finding.item]))),
        "own_rate": math.log((float(cells.lines[cell]) + _DOUBT) / (cells.pooled_lines(cell) + _DOUBT)),
        "silence": min(30.0, -cells.silence(cell, mark)),
        "days_silent": math.log1p(silent),
        "strikes": math.log1p(strikes),
        "is_first_strike": float(strikes <= 1),
        "is_dc": float(finding.location == 0),
        "units": math.log1p(abs(finding.units)),
        "is_picked": float(finding.source >= 0),
        "in_flight_in": math.log1p(max(0, flight)),
        "in_flight_out": math.log1p(max(0, -flight)),
        "late_in": math.log1p(sum(max(0, line.change) for line in views.messages.open.values()
                                  if line.item == finding.item and line.location == finding.location)),
        **{f"beside_{name}": float(name in others) for name in _BESIDE},
        "beside_any": float(bool(others)),
        **_of_counts(case, cell, views),
        **_of_books(cell, views),
    }


def _of_counts(case: Case, cell: int, views: Views) -> dict[str, float]:
    """What people found here, of this item and in this shop."""
    counts, location, item = views.counts, case.finding.location, case.finding.item
    counted_at = int(counts.counted_at[cell])
    age = min(_STALE_DAYS, (views.now - counted_at) / DAY) if counted_at != NULL else _STALE_DAYS
    found, book = int(counts.found_units[cell]), int(counts.counted_book[cell])
    horizon = views.now - MISPLACED_DAYS * DAY
    gains, losses = counts.shares(_DOUBT, item=item)
    place_gains, place_losses = counts.shares(_DOUBT, location=location)
    chain_gains, chain_losses = counts.shares(_DOUBT)
    days = min(MISPLACED_DAYS, max(1, views.cells.trading_days))
    lines_here, lines = (float(n) / max(1, views.cells.trading_days) * days
                         for n in (views.cells.clock[location], views.cells.clock.sum()))
    return {
        "days_since_count": math.log1p(age),
        "is_counted": float(age < _STALE_DAYS),
        "found_before": math.copysign(math.log1p(abs(found)), found),
        "counted_gain": float(found > 0),
        "counted_share": min(2.0, abs(found) / max(1, book)),
        "is_all_gone": float(counted_at != NULL and found == -book),
        "item_gains": gains, "item_losses": losses, "place_gains": place_gains, "place_losses": place_losses,
        "moved_here": float(counts.moved_at.get(cell, NULL) > horizon),
        "moved_nearby": math.log((counts.moves_since(horizon, location) + 0.5) / (lines_here + 100.0)),
        "chain_gains": chain_gains, "chain_losses": chain_losses,
        "chain_moves": math.log((counts.moves_since(horizon) + 0.5) / (lines + 100.0)),
    }  # fmt: skip


def _of_books(cell: int, views: Views) -> dict[str, float]:
    """Whether the books differed last night: an error that all share is none of the messages'."""
    erp, oms = (views.counts.differences_of(book).get(cell, 0) for book in ("ERP", "OMS"))
    item_below, place_below, chain_below = views.cells.below_zero_shares(cell)
    return {
        "erp_differs": float(erp != 0),
        "erp_above": math.log1p(max(0, erp)),
        "erp_below": math.log1p(max(0, -erp)),
        "oms_differs": float(oms != 0),
        "item_below_zero": math.log1p(100.0 * item_below),
        "place_below_zero": math.log1p(100.0 * place_below),
        "chain_below_zero": math.log1p(100.0 * chain_below),
    }


def _of_message(case: Case, views: Views) -> dict[str, float]:
    finding, channels = case.finding, views.channels
    interface = finding.interface
    gap = channels.gap_over(interface, finding.location, finding.sequence)
    recovered = channels.recovered_at[interface] if interface >= 0 else NULL
    hours = min(96.0, (views.now - recovered) / HOUR) if recovered != NULL else 96.0
    line = views.messages.open.get((interface, finding.location, finding.sequence))
    late = (views.now - line.due_at) / HOUR if line is not None and line.due_at != NULL else 0.0
    return {
        "is_down": float(channels.is_down(interface)),
        "has_gap": float(gap is not None),
        "is_line_gap": float(gap is not None and gap.is_line),
        "gap_length": math.log1p(gap.count if gap is not None else 0),
        "hours_since_recovery": math.log1p(max(0.0, hours)),
        "is_draining": float(hours < views.spec.service_hours),
        "has_letters": float(interface >= 0 and channels.dead[interface] > 0),
        "is_buried": float(interface >= 0 and channels.is_buried(interface, finding.document_id)),
        "lines_late": math.log1p(max(0.0, finding.score)),
        "hours_late": math.log1p(max(0.0, late)),
        "units": math.log1p(abs(finding.units)),
    }
