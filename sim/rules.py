"""When a cell is an exception: the rules of stock, tested only where something was touched.

- ``negative_inventory``: an on-hand belief below zero.
- ``phantom_stock``: nothing sellable, an on-hand belief above zero, an inventory position above the
  reorder point, nothing on its way, and an expected loss over the window above a floor. A delivery
  unfreezes such a cell without mending it. Goods that stand where nobody looks are not sellable.

No exception opens without a fault behind it: an unpaid entry, an ambient error (promoted now), goods that
a fault misplaced, or a message that a fault holds up. A sale that posts before its receipt, in time, is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import DAY
from sim.ledger import ON_HAND_BELIEFS, Belief, Cells, Ledger, Place
from sim.ledger import Kind as StockKind
from sim.truth import Truth

#: A silence this improbable contradicts the book: -ln(1e-4) expected units. Assumption.
_SILENCE_UNITS = 9.21
#: Days over which a frozen or negative cell costs sales. Assumption.
WINDOW_DAYS = 7
#: Least expected loss (margin over the window) of a phantom; below it the error stays ambient. Assumption.
PHANTOM_FLOOR = 15.0
#: The rows of the beliefs about stock on hand.
_ON_HAND = slice(0, len(ON_HAND_BELIEFS))
#: The reorder point of what is not replenished: no position is as low.
NEVER = -(2**30)


@dataclass(frozen=True)
class Economy:
    """What a unit of each cell is worth; arrays of shape (cells,).

    Attributes:
        rate: true mean demand, units a day (0 in a DC).
        margin: lost with a unit not sold.
        reorder_point: of the replenishment rule; :data:`NEVER` where nothing is ever ordered.
    """

    rate: npt.NDArray[np.float32]
    margin: npt.NDArray[np.float32]
    reorder_point: npt.NDArray[np.int32]


class Rules:
    """Opens and closes the exceptions of cells.

    Args:
        ledger, truth: of the region.
        economy: rates, margins and reorder points.
        items: items of the catalogue.
    """

    def __init__(self, ledger: Ledger, truth: Truth, economy: Economy, items: int) -> None:
        self._ledger, self._truth, self._economy, self._items = ledger, truth, economy, items
        self._touched: list[Cells] = []
        self._lowered: dict[Belief, list[Cells]] = {b: [] for b in ON_HAND_BELIEFS}
        self._open: dict[str, dict[int, int]] = {"negative_inventory": {}, "phantom_stock": {}}
        self._is_open = {name: np.zeros(ledger.cells, np.bool_) for name in self._open}
        self._ordinal: dict[str, dict[int, int]] = {name: {} for name in self._open}
        # All False between two uses: see _distinct.
        self._mark = np.zeros(ledger.cells, np.bool_)
        self._late_count = np.zeros(ledger.cells, np.int16)
        self._late: dict[int, tuple[int, Cells]] = {}
        self._late_next = 0
        self._misplaced: dict[int, dict[int, int]] = {}

    # -- what a fault holds up -----------------------------------------------------------------------

    def hold_up(self, fault: int, cells: Cells) -> int:
        """Messages about ``cells`` are late because of ``fault``; returns a ticket for :meth:`let_go`."""
        self._truth.hold(fault)
        np.add.at(self._late_count, cells, 1)
        self._late[self._late_next] = (fault, cells)
        self._late_next += 1
        return self._late_next - 1

    def let_go(self, ticket: int, by: int = -1) -> None:
        """What :meth:`hold_up` held has arrived."""
        fault, cells = self._late.pop(ticket)
        np.subtract.at(self._late_count, cells, 1)
        self._truth.release(fault, by)

    def fault_of(self, ticket: int) -> int:
        """The fault behind a ticket of :meth:`hold_up`."""
        return self._late[ticket][0]

    def misplace(self, fault: int, cell: int, units: int) -> None:
        """Goods of a cell stand in the wrong place because of ``fault``, until :meth:`put_back`."""
        self._truth.hold(fault)
        self._misplaced.setdefault(cell, {})[fault] = units

    def put_back(self, fault: int, cell: int, by: int = -1) -> None:
        """Goods that ``fault`` misplaced are back where they belong."""
        del self._misplaced[cell][fault]
        if not self._misplaced[cell]:
            del self._misplaced[cell]
        self._truth.release(fault, by)

    def misplaced(self, cell: int) -> dict[int, int]:
        """What stands in the wrong place of a cell: units by fault."""
        return self._misplaced.get(cell, {})

    # -- testing -----------------------------------------------------------------------------------

    def touch(self, cells: Cells) -> None:
        """Stock or books of these cells changed; they are tested at the end of the tick."""
        if len(cells):
            self._touched.append(cells)

    def lowered(self, cells: Cells, belief: Belief) -> None:
        """Only one book of these cells changed, and only downwards: that can freeze none of them."""
        self._lowered[belief].append(cells)

    def contradicted(self, cells: Cells, at: int) -> None:
        """A row (a nil pick, a count) contradicts the book of these cells at ``at``."""
        phantoms = self._open["phantom_stock"]
        for cell in cells[self._is_open["phantom_stock"][cells]].tolist():
            self._truth.evidence(phantoms[cell], at)

    def test(self, now: int) -> None:
        """Open and close the exceptions of what was touched since the last call."""
        for belief, parts in self._lowered.items():
            if parts:
                cells = np.concatenate(parts) if len(parts) > 1 else parts[0]
                parts.clear()
                self._ledger.check_cells(cells, (belief,))
                self._test_negative(cells, (belief,), now)
                self._close(cells, now)
        if self._touched:
            cells = self._distinct(self._touched)
            self._touched = []
            self._ledger.check_cells(cells)
            self._test_negative(cells, ON_HAND_BELIEFS, now)
            self._test_phantom(cells, now)
            self._close(cells, now)

    def _distinct(self, parts: list[Cells]) -> Cells:
        """The cells of all parts, each once and in order: whoever reads the books of them walks one way."""
        for cells in parts:
            self._mark[cells] = True
        distinct = np.flatnonzero(self._mark)
        self._mark[distinct] = False
        return distinct

    def _test_negative(self, cells: Cells, beliefs: Sequence[Belief], now: int) -> None:
        below = self._ledger.belief[beliefs[0]].take(cells) < 0
        for b in beliefs[1:]:
            below |= self._ledger.belief[b].take(cells) < 0
        if below.any():
            fresh, faults = self._fresh("negative_inventory", cells[below], now, -1)
            self._start("negative_inventory", fresh, faults, now, [now] * len(fresh))

    def _test_phantom(self, cells: Cells, now: int) -> None:
        place = self._ledger.place
        sellable = place[Place.SHELF].take(cells) + place[Place.BACKROOM].take(cells)
        empty = cells[(sellable == 0) & (cells >= self._items)]
        if not len(empty):
            return
        fresh, faults = self._fresh("phantom_stock", empty[self._is_frozen(empty)], now, 1)
        silence = [now + int(_SILENCE_UNITS / rate * DAY) for rate in self._economy.rate[fresh].tolist()]
        self._start("phantom_stock", fresh, faults, now, silence)

    def _is_frozen(self, cells: Cells) -> npt.NDArray[np.bool_]:
        ledger, economy = self._ledger, self._economy
        belief = ledger.belief
        book = np.maximum(belief[0].take(cells), np.maximum(belief[1].take(cells), belief[2].take(cells)))
        position = belief[Belief.ERP_ON_HAND].take(cells) + belief[Belief.ERP_ON_ORDER].take(cells)
        worth = economy.rate.take(cells) * economy.margin.take(cells) * WINDOW_DAYS
        frozen: npt.NDArray[np.bool_] = (
            (book > 0)
            & (position > economy.reorder_point.take(cells))
            & (ledger.fact[StockKind.ON_ORDER].take(cells) == 0)
            & (worth >= PHANTOM_FLOOR)
        )
        return frozen

    def _fresh(self, name: str, cells: Cells, now: int, sign: int) -> tuple[list[int], list[list[int]]]:
        """Cells, each once and in order, that newly break a rule with a fault behind it, and those faults.

        Args:
            name: the rule.
            cells: where it is broken.
            now: when.
            sign: 1 where a book too high breaks it, -1 where one too low does.
        """
        # Most of what is broken has been open for long.
        cells = cells[~self._is_open[name].take(cells)]
        if not len(cells):
            return [], []
        cells, ledger = np.unique(cells), self._ledger
        # One row a belief; those of stock on hand are the first.
        bad = sign * ledger.belief[_ON_HAND, cells] > 0
        wrong = bad & (sign * (ledger.named[_ON_HAND, cells] + ledger.ambient.take(cells, axis=1).sum(axis=0)) > 0)
        erring = wrong.any(axis=0)
        if erring.any():
            ledger.promote(cells[erring], now)
        late = self._late_count[cells] > 0
        behind = np.flatnonzero(erring | (ledger.place[Place.MISPLACED, cells] > 0) | late)
        if not len(behind):
            return [], []
        cells, late, bad = cells[behind], late[behind], bad[:, behind]
        # The promoted error stands in the named entries by now.
        named = bad & (sign * ledger.named[_ON_HAND, cells] > 0)
        is_bad = np.any(bad, axis=0)
        held_up = self._held_up(cells[late & is_bad])
        rows = zip(cells.tolist(), is_bad.tolist(), named.T.tolist(), strict=True)
        found = [(row[0], faults) for row in rows
                 if (faults := self._faults_behind(*row, held_up.get(row[0], ()), sign))]
        return [cell for cell, _ in found], [faults for _, faults in found]

    def _held_up(self, cells: Cells) -> dict[int, list[int]]:
        """Faults that hold up messages about some cells, each of which something holds up; by cell."""
        found: dict[int, list[int]] = {}
        if not len(cells):
            return found
        self._mark[cells] = True
        for fault, late in self._late.values():
            for cell in late[self._mark[late]].tolist():
                found.setdefault(cell, []).append(fault)
        self._mark[cells] = False
        return found

    def _faults_behind(self, cell: int, bad: bool, wrong: list[bool], late: Sequence[int], sign: int) -> list[int]:
        """Faults whose error pushes a book of the cell that way, the largest first, then the oldest.

        Args:
            cell: the cell.
            bad: whether any book of it breaks the rule.
            wrong: by on-hand belief, whether it does so with a named error of that sign.
            late: faults that hold up messages about the cell, where a book of it breaks the rule.
            sign: as for :meth:`_fresh`.
        """
        entries = self._ledger.entries
        weight: dict[int, int] = {}
        for entry in entries.of(cell):
            belief, rest = entries.belief[entry], sign * entries.rest[entry]
            if rest > 0 and belief < len(wrong) and wrong[belief]:
                fault = entries.fault[entry]
                if rest > weight.get(fault, 0):
                    weight[fault] = rest
        for fault in late:
            weight.setdefault(fault, 1)
        if bad and sign > 0 and cell in self._misplaced:
            weight.update(self._misplaced[cell])
        if len(weight) < 2:
            return list(weight)
        return sorted(weight, key=lambda fault: (-weight[fault], fault))

    # -- opening and closing -------------------------------------------------------------------------

    def _start(self, name: str, cells: list[int], faults: list[list[int]], now: int, evidence: list[int]) -> None:
        """Open an exception of each of some cells, whose faults and first evidence stand in the lists."""
        if not cells:
            return
        ordinals = self._ordinal[name]
        ordinal = [ordinals.get(cell, 0) for cell in cells]
        for cell, before in zip(cells, ordinal, strict=True):
            ordinals[cell] = before + 1
        rate, margin = (worth[cells].astype(np.float64) for worth in (self._economy.rate, self._economy.margin))
        first = self._truth.open_broken(name, cells, ordinal, faults, now, first_evidence_at=evidence,
                                        loss_at_stake=(rate * margin * WINDOW_DAYS).tolist())
        self._open[name].update(zip(cells, range(first, first + len(cells)), strict=True))
        self._is_open[name][cells] = True

    def _close(self, touched: Cells, now: int) -> None:
        """Close what no longer breaks its rule; only a touched cell can have changed."""
        ledger = self._ledger
        for name, open_now in self._open.items():
            if not open_now:
                continue
            cells = touched[self._is_open[name].take(touched)]
            if not len(cells):
                continue
            cells = np.unique(cells)
            if name == "negative_inventory":
                holds = np.all([ledger.belief[b].take(cells) >= 0 for b in ON_HAND_BELIEFS], axis=0)
            else:
                sellable = ledger.place[Place.SHELF, cells] + ledger.place[Place.BACKROOM, cells]
                holds = (sellable > 0) | ~self._is_frozen(cells)
            for cell in cells[holds].tolist():
                self._truth.close(open_now.pop(cell), now)
                self._is_open[name][cell] = False
