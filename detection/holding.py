"""Cells kept out of online availability: held from the first case that asks for it to the last that lets go."""

from __future__ import annotations

from detection.cases import Case


class HeldCells:
    """The cases that hold each cell."""

    def __init__(self) -> None:
        self._holders: dict[tuple[int, int], set[int]] = {}

    def take_out(self, case: Case) -> bool:
        """Keep a case's cell out; whether the world must be asked for it."""
        holders = self._holders.setdefault((case.finding.location, case.finding.item), set())
        is_first = not holders
        holders.add(case.case_id)
        case.is_held = True
        return is_first

    def put_back(self, case: Case) -> bool:
        """A case no longer needs its cell held back; whether nobody else does."""
        if not case.is_held:
            return False
        cell = (case.finding.location, case.finding.item)
        holders = self._holders[cell]
        holders.discard(case.case_id)
        case.is_held = False
        if not holders:
            del self._holders[cell]
        return cell not in self._holders
