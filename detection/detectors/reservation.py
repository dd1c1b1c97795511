"""The life of a reservation: promised against a book, cancelled or picked in full, shipped.

A pick that finds too little breaks a promise: the line needs another source. It also speaks against the book
of its cell, but one such pick may be the picker's own mistake. A cell is suspected when it happens again
before anything is sold or found there, or when it was silent for too long to be chance. A cell that sells
too little for its loss to matter is left to the scheduled counts. And what the OMS still holds for a line
that was cancelled is held for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.picks import ShortPick
from detection.views.state import Views
from sim.events import EVENT_TYPE, Rows

#: Short picks on one cell that make it suspect.
STRIKES_MIN = 2
_PICKING = EVENT_TYPE["picking"]


class ReservationLifeCycle:
    """Reports short picks, cells on which they speak against the book, and reservations that nobody waits for."""

    def __init__(self, context: DetectorContext) -> None:
        spec = context.spec
        self._floor, self._horizon_days = spec.short_pick_floor, spec.horizon_days
        self._strikes = int(spec.parameter("short_pick_strikes", STRIKES_MIN))
        self._log_silence = float(np.log(spec.parameter("short_pick_silence", 0.01)))

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Broken promises, and what they say of a cell."""
        del rows
        for pick in views.picks.short:
            yield Finding(
                "short_pick", location=pick.location, item=pick.item, document_id=pick.document_id,
                evidence=(pick.event_id,), source=_PICKING,
            )  # fmt: skip
            yield from self._suspect(views, pick)
        for line in views.reservations.leaked:
            yield Finding(
                "reservation_leak", location=line.location, item=line.item, document_id=line.document_id,
                units=line.units, evidence=(line.event_id,),
            )  # fmt: skip

    def _suspect(self, views: Views, pick: ShortPick) -> Iterator[Finding]:
        """The cell of a short pick, where the pick is not the only thing that speaks against its book."""
        cells = views.cells
        cell = pick.location * cells.items + pick.item
        strikes, book = views.strikes(pick.location, pick.item), int(cells.erp[cell])
        if book <= 0 or (len(strikes) < self._strikes and cells.silence(cell) > self._log_silence):
            return
        number = np.array([cell], dtype=np.int64)
        at_risk = float(cells.lines_a_day(number)[0]) * float(cells.price[pick.item]) * self._horizon_days
        if at_risk >= self._floor or cells.trading_days < 1:
            yield Finding(
                "phantom_stock", location=pick.location, item=pick.item, score=10.0 * len(strikes), units=book,
                evidence=tuple(strikes), source=_PICKING,
            )  # fmt: skip
