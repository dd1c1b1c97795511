"""Batches: the nightly files of legacy shops, by the control totals that both sides write down.

The shop says how many lines and units it sent, ERP how many it booked. A file is *failed* when ERP says
that it is missing or partial, when the totals differ, or when nothing was said by the due time.

ERP's book of a legacy shop lags by its day: what the tills have sold since the last file is *pending*,
and the nightly extract knows nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.views.columns import IntArray, integers
from sim.clock import DAY, MINUTE
from sim.events import NULL, SOURCE, STATUS, Block

#: Days for which a file that never came keeps its lines pending.
KEPT_DAYS = 4


@dataclass(slots=True)
class BatchFile:
    """One shop's file of one day.

    Attributes:
        document_id, location: the file, and whose it is.
        day: the day whose lines it holds, days since 1970.
        lines, units: what the shop sent.
        due_at: when ERP must have it.
        event_id: the latest row about it.
        booked: lines that ERP has; -1 while it has said nothing.
        is_failed: whether that was reported.
    """

    document_id: int
    location: int
    day: int
    lines: int
    units: int
    due_at: int
    event_id: int
    booked: int = -1
    is_failed: bool = False


class Batches:
    """The files on their way.

    Attributes:
        files: not yet booked whole, by document.
        legacy: which locations are known to send by files, shape (locations,).
        failed, settled: files that failed, and documents booked whole, in this step.
    """

    def __init__(self, locations: int, grace_minutes: float) -> None:
        self._grace = int(grace_minutes * MINUTE)
        self.files: dict[int, BatchFile] = {}
        self.legacy: npt.NDArray[np.bool_] = np.zeros(locations, dtype=np.bool_)
        self._pending: dict[int, list[tuple[IntArray, IntArray, IntArray]]] = {}
        self._booked: set[tuple[int, int]] = set()
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.failed: list[BatchFile] = []
        self.settled: list[int] = []

    def take(self, block: Block) -> None:
        """Control totals of either side."""
        names = ("document_id", "source", "location", "count", "quantity", "status")
        times = ("due_at", "occurred_at", "event_id")
        columns = (integers(block, name).tolist() for name in (*names, *times))
        for document, source, location, lines, units, status, due, at, event in zip(*columns, strict=True):
            if source != SOURCE["ERP"]:
                known = BatchFile(document, location, at // DAY - 1, lines, units, due, event)
                self.files.setdefault(document, known)
                self.legacy[location] = True
                continue
            file = self.files.get(document)
            if file is not None:
                file.booked, file.event_id = lines, event
                self._compare(file, is_whole=status == STATUS["ok"] and lines >= file.lines)

    def finish(self, now: int) -> None:
        """Find the files of which nothing was heard in time."""
        for file in self.files.values():
            if file.booked < 0 and not file.is_failed and file.due_at != NULL and file.due_at + self._grace <= now:
                self._fail(file)

    def sell(self, now: int, block: Block) -> None:
        """Till lines of legacy shops: ERP hears of them with the next file."""
        if not self.files and not self.legacy.any():
            return
        location = integers(block, "location")
        rows = np.flatnonzero(self.legacy[location])
        if len(rows):
            lines = (location[rows], integers(block, "item")[rows], integers(block, "quantity")[rows])
            self._pending.setdefault(now // DAY, []).append(lines)

    def pending(self, items: int) -> tuple[IntArray, IntArray]:
        """What the tills sold and ERP cannot know: cells and units."""
        cells, units = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for day, parts in self._pending.items():
            location, item, sold = (np.concatenate(column) for column in zip(*parts, strict=True))
            booked = [shop for shop, of_day in self._booked if of_day == day]
            kept = ~np.isin(location, booked)
            cells.append(location[kept] * items + item[kept])
            units.append(sold[kept])
        return np.concatenate(cells), np.concatenate(units)

    def end_day(self, now: int) -> None:
        """Forget the lines of days long past, and files that nobody will send again."""
        horizon = now // DAY - KEPT_DAYS
        self._pending = {day: parts for day, parts in self._pending.items() if day > horizon}
        self._booked = {key for key in self._booked if key[1] > horizon}
        self.files = {document: file for document, file in self.files.items() if file.day > horizon - 2 * KEPT_DAYS}

    def _compare(self, file: BatchFile, *, is_whole: bool) -> None:
        if is_whole:
            self._booked.add((file.location, file.day))
            self.settled.append(file.document_id)
            del self.files[file.document_id]
        elif not file.is_failed:
            self._fail(file)

    def _fail(self, file: BatchFile) -> None:
        file.is_failed = True
        self.failed.append(file)
