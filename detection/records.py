"""What the harness writes down: alerts, cases and what they were taken for, actions and decisions, as columns.

Plug-ins never record. Locations, items and interfaces are codes (-1 for none), ids and times
integers (:data:`sim.events.NULL` for none); types, kinds, statuses and roles are strings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from detection.cases import Case
from detection.layout import Layout
from detection.policy import Decision
from detection.taxonomy import Finding
from sim.actions import Action
from sim.clock import HOUR
from sim.events import NULL, STATUSES

Table = dict[str, list[Any]]
#: How a confidence fared against outcomes, by exception type and location.
CALIBRATION_COLUMNS: tuple[str, ...] = ("type", "location", "cases", "confidence", "confirmed", "refuted", "false_rate")

ALERT_COLUMNS: tuple[str, ...] = (
    "alert_id", "raised_at", "detector", "type", "location", "item", "document_id", "interface", "sequence", "score",
    "deadline", "evidence",
)  # fmt: skip
CASE_COLUMNS: tuple[str, ...] = (
    "case_id", "opened_at", "closed_at", "status", "type", "fault_type", "cause", "confidence", "priority", "team",
    "alerts", "location", "item", "document_id", "interface", "sequence", "origin", "severity", "verdict",
    "model_version", "next_step",
)  # fmt: skip
#: What a case was taken for, from when on; the last row of a case is its diagnosis. Rows with an alert say what that
#: one member of a family was taken for.
DIAGNOSIS_COLUMNS: tuple[str, ...] = (
    "case_id", "diagnosed_at", "type", "fault_type", "cause", "confidence", "model_version", "alert_id",
)  # fmt: skip
ACTION_COLUMNS: tuple[str, ...] = (
    "action_id", "case_id", "kind", "target", "requested_at", "executed_at", "outcome", "refused_reason", "decided_by",
    "rule", "model_version", "approved_by", "minutes", "delta_units", "verified_at", "location", "item", "document_id",
    "interface", "sequence", "team",
)  # fmt: skip
DECISION_COLUMNS: tuple[str, ...] = (
    "case_id", "decided_at", "kind", "outcome", "team", "approver", "decided_by", "rule", "confidence", "severity",
    "model_version",
)  # fmt: skip
#: Signals of an hour, and the case that took them; null where no case did.
SIGNAL_COLUMNS: tuple[str, ...] = ("hour", "interface", "kind", "case_id", "count")


class Recorder:
    """Tables that only grow, and action rows that are filled in when their answer comes."""

    def __init__(self, layout: Layout, detector: str) -> None:
        self._layout, self._detector = layout, detector
        self._alerts: list[tuple[Any, ...]] = []
        self._decisions: list[tuple[Any, ...]] = []
        self._diagnoses: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._actions: dict[int, list[Any]] = {}
        self._signals: Counter[tuple[int, int, str, int]] = Counter()
        self._row_of_alert: dict[int, int] = {}
        #: Rows of cases that are forgotten, each with the family that the case was filed under.
        self._forgotten: list[tuple[int, tuple[Any, ...]]] = []

    def alert(self, alert_id: int, raised_at: int, finding: Finding) -> None:
        """One alert."""
        self._row_of_alert[alert_id] = len(self._alerts)
        self._alerts.append(
            (
                alert_id, raised_at, self._detector, finding.type, finding.location, finding.item,
                finding.document_id, finding.interface, finding.sequence, finding.score, finding.deadline,
                finding.evidence,
            )
        )  # fmt: skip

    def signals(self, at: int, interface: int, kind: str, count: int, case_id: int) -> None:
        """What the systems complained of, and the case that it belongs to."""
        self._signals[at // HOUR * HOUR, interface, kind, case_id] += count

    def diagnosis(self, case: Case, at: int) -> None:
        """What a case is taken for from now on; of several in one step the last one stands."""
        alert_id = NULL if case.filed_under == case.case_id else case.alerts[0]
        self._diagnoses[case.case_id, at] = (
            case.filed_under, at, case.type, case.fault_type, case.cause, case.confidence, case.model_version, alert_id,
        )  # fmt: skip

    def decision(self, case: Case, decided_at: int, kind: str, decision: Decision) -> None:
        """One decision of the policy."""
        self._decisions.append(
            (
                case.filed_under, decided_at, kind, decision.outcome, decision.team, decision.approver,
                decision.decided_by, decision.rule, case.confidence, case.severity, case.model_version,
            )
        )  # fmt: skip

    def action(self, action: Action) -> None:
        """One action as requested."""
        self._actions[action.action_id] = [
            action.action_id, action.case_id, action.kind, self._target(action), action.requested_at, NULL,
            "pending", "", action.decided_by, action.rule, action.model_version, action.approver, 0.0, 0, NULL,
            action.location, action.item, action.document_id, action.interface, action.sequence, action.team,
        ]  # fmt: skip

    def result(self, action_id: int, executed_at: int, outcome: int, units: int) -> str:
        """The world's answer to an action; returns the outcome's name."""
        row, name = self._actions[action_id], STATUSES[outcome]
        row[_OUTCOME] = name
        if name != "pending":
            row[_EXECUTED_AT] = executed_at
        if name == "refused":
            row[_REFUSED_REASON] = "refused by the world"
        row[_DELTA_UNITS] = 0 if units == NULL else units
        return name

    def verified(self, action_id: int, at: int) -> None:
        """When an action's effect was seen to hold."""
        row = self._actions[action_id]
        if row[_OUTCOME] == "done" and row[_VERIFIED_AT] == NULL:
            row[_VERIFIED_AT] = at

    def forget(self, case: Case) -> None:
        """A case leaves the operator's memory: what came of it stays on record, the evidence behind it does not."""
        self._forgotten.append((case.family, _case_row(case)))
        for alert_id in case.alerts if case.filed_under == case.case_id else ():
            row = self._row_of_alert.pop(alert_id)
            self._alerts[row] = (*self._alerts[row][:_EVIDENCE], (), *self._alerts[row][_EVIDENCE + 1 :])

    def knows(self, action_id: int) -> bool:
        """Whether an answer is to one of our own actions."""
        return action_id in self._actions

    def tables(self, cases: Mapping[int, Case]) -> dict[str, Table]:
        """All tables, the cases as they stand; members of a family have no row, but count in the calibration."""
        worked = [*self._forgotten, *((case.family, _case_row(case)) for case in cases.values())]
        filed = [row for family, row in worked if family in {NULL, row[0]}]
        # What a storm is taken for is no claim of its own.
        claims = [row for family, row in worked if family != row[0]]
        return {
            "alerts": _table(ALERT_COLUMNS, self._alerts, lists=("evidence",)),
            "cases": _table(CASE_COLUMNS, filed, lists=("alerts",)),
            "diagnoses": _table(DIAGNOSIS_COLUMNS, list(self._diagnoses.values())),
            "actions": _table(ACTION_COLUMNS, list(self._actions.values())),
            "decisions": _table(DECISION_COLUMNS, self._decisions),
            "signals": _table(SIGNAL_COLUMNS, [(*key, count) for key, count in self._signals.items()]),
            "calibration": _table(CALIBRATION_COLUMNS, _calibration(claims)),
        }

    def _target(self, action: Action) -> str:
        """What the action is aimed at, in words."""
        layout = self._layout
        parts = (
            layout.location_name(action.location),
            layout.item_name(action.item),
            layout.vocabulary.strings("interface")[action.interface] if action.interface >= 0 else "",
            f"#{action.sequence}" if action.sequence != NULL else "",
            f"document {action.document_id}" if action.document_id != NULL else "",
        )
        return " ".join(part for part in parts if part)


def _case_row(case: Case) -> tuple[Any, ...]:
    """A case as it stands."""
    finding = case.finding
    return (
        case.case_id, case.opened_at, case.closed_at, case.status, case.type, case.fault_type, case.cause,
        case.confidence, case.priority, case.team, case.alerts, finding.location, finding.item, finding.document_id,
        finding.interface, finding.sequence, "operator", case.severity, case.verdict, case.model_version,
        case.next_step,
    )  # fmt: skip


def _calibration(cases: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Cases, mean confidence, verdicts and the share refuted of each type at each location; None without a verdict."""
    of_type, of_location, of_confidence, of_verdict = (
        CASE_COLUMNS.index(name) for name in ("type", "location", "confidence", "verdict")
    )
    tally: dict[tuple[str, int], list[float]] = {}
    for case in cases:
        row = tally.setdefault((case[of_type], case[of_location]), [0, 0.0, 0, 0])
        row[0] += 1
        row[1] += case[of_confidence]
        row[2] += case[of_verdict] == "confirmed"
        row[3] += case[of_verdict] == "refuted"
    return [
        (*key, int(number), total / number, int(confirmed), int(refuted),
         refuted / (confirmed + refuted) if confirmed + refuted else None)
        for key, (number, total, confirmed, refuted) in sorted(tally.items())
    ]  # fmt: skip


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]], lists: tuple[str, ...] = ()) -> Table:
    """Rows as columns; the tuples of the columns ``lists`` become lists."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    table = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return {**table, **{name: [list(ids) for ids in table[name]] for name in lists}}


_EVIDENCE = ALERT_COLUMNS.index("evidence")
_OUTCOME, _EXECUTED_AT, _REFUSED_REASON, _DELTA_UNITS, _VERIFIED_AT = (
    ACTION_COLUMNS.index(name) for name in ("outcome", "executed_at", "refused_reason", "delta_units", "verified_at")
)
