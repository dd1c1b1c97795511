"""The oracle: perfect detection and diagnosis, through the port any supplied detector uses.

It reads the truth of its own arm and raises each exception at its first evidence, with the type and
the fault behind it. What it cannot do better than any operator is to see before there is evidence,
or to have more people: its arm is what is reachable.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detection.taxonomy import Finding
from sim.events import INTERFACES, NO_CODE, NULL, Vocabulary
from sim.truth import NOT_YET, Truth


class Oracle:
    """A port of alerts that follows the truth of one region.

    Args:
        truth: of the arm's own world.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._seen = 0
        self._waiting: list[tuple[int, int]] = []
        self._told: set[int] = set()

    def read(self, now: int) -> list[Finding]:
        """What has become evident by ``now`` and still is wrong."""
        evident = self._truth.evident
        for pair in evident[self._seen :]:
            heapq.heappush(self._waiting, pair)
        self._seen = len(evident)
        findings = []
        while self._waiting and self._waiting[0][0] <= now:
            _, exception = heapq.heappop(self._waiting)
            if exception not in self._told and self._truth.exceptions.closed_at[exception] == NOT_YET:
                self._told.add(exception)
                findings.append(self._finding(exception))
        return findings

    def _finding(self, exception: int) -> Finding:
        e = self._truth.exceptions
        return Finding(
            type=e.type[exception], location=e.location[exception], item=e.item[exception],
            document_id=e.document_id[exception], interface=e.interface[exception], sequence=e.sequence[exception],
            fault_type=e.fault_type[exception], cause=self._truth.faults.cause[e.faults[exception][0]],
        )


class RecordedOracle:
    """The same over a recording: the truth of one region as its tables tell it.

    Nothing can be repaired in a recording, so it tells of what is over too, as long as an alert still counts: no
    entrant may find what the oracle keeps to itself.

    Args:
        exceptions: truth/exceptions of the region, in the order in which they opened.
        last: of each of them, the last moment at which an alert counts, microseconds since 1970.
        vocabulary: the names of the region.
    """

    def __init__(self, exceptions: pa.Table, last: npt.NDArray[np.int64], vocabulary: Vocabulary) -> None:
        self._last = last
        codes = {
            "location": vocabulary.locations, "item": vocabulary.items, "interface": INTERFACES,
        }  # fmt: skip
        numbers = {name: {text: code for code, text in enumerate(texts)} for name, texts in codes.items()}
        self._evident = _microseconds(exceptions, "first_evidence_at")
        self._rows: list[dict[str, Any]] = [
            {**row, **{name: numbers[name].get(row[name], NO_CODE) for name in numbers}}
            for row in exceptions.select(
                ["type", "location", "item", "interface", "document_id", "sequence", "fault_type", "cause"]
            ).to_pylist()
        ]
        order = np.argsort(self._evident, kind="stable")
        self._waiting = order[self._evident[order] >= 0].tolist()[::-1]

    def read(self, now: int) -> list[Finding]:
        """What has become evident by ``now`` and still counts."""
        findings = []
        while self._waiting and self._evident[self._waiting[-1]] <= now:
            number = self._waiting.pop()
            if now <= self._last[number]:
                findings.append(self._finding(self._rows[number]))
        return findings

    @staticmethod
    def _finding(row: dict[str, Any]) -> Finding:
        return Finding(
            type=row["type"], location=row["location"], item=row["item"], interface=row["interface"],
            document_id=NULL if row["document_id"] is None else row["document_id"],
            sequence=NULL if row["sequence"] is None else row["sequence"],
            fault_type=row["fault_type"] or "", cause=row["cause"] or "",
        )  # fmt: skip


def _microseconds(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """A column of times since 1970; -1 where there is none."""
    return np.asarray(table.column(name).cast(pa.int64()).fill_null(NOT_YET).to_numpy())
