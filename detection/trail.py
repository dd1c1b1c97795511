"""What the audit trail tells of a case: that it was opened, what was decided, asked for and came of it.

Together the records of a case answer who or what did something, under which rule and which version of the
model, and on which alerts; ids join them to the tables, the ERP documents and the messages of the stream.
"""

from __future__ import annotations

from detection.audit import AuditLog
from detection.cases import Case
from detection.policy import Decision
from detection.taxonomy import Finding
from sim.actions import Action


def opened(audit: AuditLog, case: Case, now: int) -> None:
    """A case, with its diagnosis and the alerts behind it."""
    audit.append(
        now, "opened", case=case.case_id, type=case.type, fault=case.fault_type, cause=case.cause,
        confidence=round(case.confidence, 6), model=case.model_version, severity=case.severity,
        value=round(case.value, 2), team=case.team, alerts=list(case.alerts), **_target(case.finding),
    )  # fmt: skip


def joined(audit: AuditLog, member: Case) -> None:
    """What a family's case took in, with its own diagnosis."""
    audit.append(
        member.opened_at, "joined", case=member.filed_under, type=member.type, fault=member.fault_type,
        cause=member.cause, confidence=round(member.confidence, 6), model=member.model_version,
        value=round(member.value, 2), alerts=list(member.alerts), **_target(member.finding),
    )  # fmt: skip


def diagnosed(audit: AuditLog, case: Case, now: int, action_id: int, units: int) -> None:
    """What an open case is taken for from now on, by what an action of people who looked has found."""
    audit.append(
        now, "diagnosed", case=case.filed_under, action=action_id, units=units, type=case.type, fault=case.fault_type,
        cause=case.cause, confidence=round(case.confidence, 6), model=case.model_version, **_target(case.finding),
    )  # fmt: skip


def settled(audit: AuditLog, case: Case, now: int) -> None:
    """The end of a case, or of one that a family's case had taken in."""
    event = "closed" if case.case_id == case.filed_under else "settled"
    target = {} if event == "closed" else _target(case.finding)
    audit.append(
        now, event, case=case.filed_under, type=case.type, verdict=case.verdict, claimed=case.claimed,
        fault_verdict=case.fault_verdict, **target,
    )  # fmt: skip


def decided(audit: AuditLog, case: Case, now: int, kind: str, decision: Decision, reason: str = "") -> None:
    """What the policy said to one step of a case."""
    audit.append(
        now, "decision", case=case.filed_under, kind=kind, outcome=decision.outcome, by=decision.decided_by,
        rule=reason or decision.rule, approver=decision.approver, team=decision.team,
        confidence=round(case.confidence, 6), model=case.model_version, severity=case.severity,
    )  # fmt: skip


def asked(audit: AuditLog, case: Case, now: int, kind: str, action: Action) -> None:
    """What the world was asked to do."""
    audit.append(
        now, "action", action=action.action_id, case=case.filed_under, kind=kind, by=action.decided_by,
        rule=action.rule, model=action.model_version, team=action.team, approver=action.approver, **_target(action),
    )  # fmt: skip


def answered(audit: AuditLog, now: int, action_id: int, case_id: int, outcome: str, done_at: int, units: int) -> None:
    """What came of it."""
    audit.append(now, "result", action=action_id, case=case_id, outcome=outcome, done_at=done_at, units=units)


def _target(about: Finding | Action) -> dict[str, int]:
    """The document, the message and the cell, as far as there are any."""
    names = ("document_id", "interface", "location", "item", "sequence")
    return {name: value for name in names if (value := getattr(about, name)) >= 0}
