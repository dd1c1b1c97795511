"""The oracle: perfect detection and diagnosis, through the port any supplied detector uses.

It reads the truth of its own arm and raises each exception at its first evidence, with the type and
the fault behind it. What it cannot do better than any operator is to see before there is evidence,
or to have more people: its arm is what is reachable.
"""

from __future__ import annotations

import heapq

from detection.taxonomy import Finding
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
