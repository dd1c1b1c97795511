"""The desk where an operator's actions arrive: carried out at once, queued for people, or refused.

An action without a team is the machine's and acts from the next tick. One with a team waits for its
people; one with an approver costs that role's time first, and no one approves what their own team
raised. Every action is answered by
one ``acting`` row and one row of the action log; delivered again, it is neither done nor answered again.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from sim.actions import TEAMS, Action
from sim.clock import SECOND
from sim.events import NULL, SOURCE, STATUS
from sim.flows.counting import Counting
from sim.flows.mending import Mending, Outcome
from sim.ledger import Belief
from sim.region import Region

#: Role that approves -> the team whose time it takes.
APPROVERS = {"store_manager": "store", "accounts_payable": "finance", **{team: team for team in TEAMS}}


@dataclass
class ActionLog:
    """What became of each action, as columns."""

    action: list[Action] = field(default_factory=list)
    executed_at: list[int] = field(default_factory=list)
    outcome: list[str] = field(default_factory=list)
    refused_reason: list[str] = field(default_factory=list)
    approved_by: list[str] = field(default_factory=list)
    minutes: list[float] = field(default_factory=list)
    delta_units: list[int] = field(default_factory=list)


class Desk:
    """Carries out the operator's actions in one region."""

    def __init__(self, region: Region, mending: Mending, counting: Counting) -> None:
        self._region, self._mending, self._counting = region, mending, counting
        self.log = ActionLog()
        self._taken: set[int] = set()

    def take(self, actions: list[Action]) -> None:
        """Accept the actions of one step."""
        for action in actions:
            if action.action_id in self._taken:
                continue
            self._taken.add(action.action_id)
            row = self._enter(action)
            if not action.team and not action.approver:
                self._finish(row, action, self._do(action))
            else:
                self._region.room.env.process(self._by_people(row, action))

    def _enter(self, action: Action) -> int:
        log = self.log
        log.action.append(action)
        log.executed_at.append(-1)
        log.outcome.append("pending")
        log.refused_reason.append("")
        log.approved_by.append("")
        log.minutes.append(0.0)
        log.delta_units.append(0)
        return len(log.action) - 1

    def _by_people(self, row: int, action: Action) -> Generator[simpy.Event, Any, None]:
        people, log = self._region.people, self.log
        if action.approver:
            if action.approver not in APPROVERS:
                self._finish(row, action, (f"no role {action.approver}", 0))
                return
            if APPROVERS[action.approver] == action.team:
                self._finish(row, action, ("a team does not approve its own work", 0))
                return
            minutes = self._region.room.config.people.approval_minutes
            log.minutes[row] += yield self._region.room.env.process(
                people.work(APPROVERS[action.approver], action.action_id, action.priority, minutes)
            )
            log.approved_by[row] = action.approver
        if action.team:
            log.minutes[row] += yield self._region.room.env.process(
                people.work(action.team, action.action_id, action.priority, self._minutes(action))
            )
        self._finish(row, action, self._do(action))

    @staticmethod
    def _minutes(action: Action) -> float | None:
        """Counting one cell is a short errand; other work draws its time."""
        return 4.0 if action.kind == "count" else None

    def _do(self, action: Action) -> Outcome:
        """Carry one action out; the reason of a refusal, and the units it changed."""
        mending, by = self._mending, action.action_id
        room = self._region.room
        interface, location, item = int(action.interface), int(action.location), int(action.item)
        sequence, document = int(action.sequence), int(action.document_id)
        cell = room.cell(location, item)
        kind = action.kind
        if kind in mending.remedies:
            return mending.remedies[kind](action)
        if kind in {"replay", "suppress"}:
            if interface < 0 or location < 0 or sequence < 0:
                return "it names no message", 0
            return getattr(mending, kind)(interface, location, sequence, by)  # type: ignore[no-any-return]
        if kind == "redrive":
            return mending.redrive(interface, by)
        if kind == "post_receipt":
            return mending.post_receipt(document, by)
        if kind in {"relink", "claim"}:
            return getattr(mending, kind)(document, item, by)  # type: ignore[no-any-return]
        if kind == "trace":
            return mending.trace(document, by)
        if kind == "fix_conversion":
            return mending.fix_conversion(item, by)
        if kind in {"escalate", "wait", "review", "promote"}:
            return "", 0
        if not (0 <= location < room.locations and 0 <= item < room.items):
            return "it names no cell", 0
        return self._do_cell(action, cell)

    def _do_cell(self, action: Action, cell: int) -> Outcome:
        mending, kind = self._mending, action.kind
        if kind == "count":
            sheet = self._counting.count_one(cell, action.action_id)
            return ("it was counted too often today", 0) if sheet is None else ("", int(sheet.delta[0]))
        if kind in {"adjust", "resync"} and not self._region.room.is_approved(action.approver):
            return "an adjustment needs a person's approval", 0
        if kind == "adjust":
            return mending.adjust(Belief(action.system), cell, int(action.units), action.action_id)
        if kind == "resync":
            if not 0 <= action.system < len(Belief):
                return "it names no book", 0
            return mending.resync(Belief(action.system), cell, action.action_id)
        if kind == "hold":
            return mending.hold(cell)
        if kind == "reprioritise":
            return mending.reprioritise(cell)
        return "nothing here can be done that way", 0

    def _finish(self, row: int, action: Action, outcome: Outcome) -> None:
        """Write down what became of an action, and answer with a row."""
        refused, units = outcome
        room, log = self._region.room, self.log
        log.executed_at[row] = room.now
        log.outcome[row] = "refused" if refused else "done"
        log.refused_reason[row] = refused
        log.delta_units[row] = units
        at = np.array([room.now])
        optional: dict[str, Any] = {
            name: value for name, value in (("location", action.location), ("item", action.item),
                                            ("interface", action.interface)) if value >= 0
        }
        if action.sequence != NULL:
            optional["sequence"] = action.sequence
        room.stream.emit(
            "acting", 1, event_id=np.array([action.action_id]), occurred_at=at, recorded_at=at,
            available_at=at + SECOND, source=SOURCE["OPS"], document_id=action.action_id,
            parent_document_id=action.case_id, status=STATUS["refused" if refused else "done"],
            quantity=units, **optional,
        )


