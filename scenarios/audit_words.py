"""Records of the audit trail in words, one line each.

A record says ``by: policy`` where the policy as it stands decided, and ``by: person`` where a rule kept a step from
a machine that could have taken it; the words say which, and never leave open whether a person acted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sim.events import INTERFACES

Record = Mapping[str, Any]
#: Kinds of action that the policy engine asks for itself, in the name of the case that brought them up.
OF_ENGINE: Final = frozenset({"review", "promote"})

_TOLD: Final[Mapping[str, str]] = {
    "model": "classifier {classifier} version {version}, detector {detector}, policy {policy}",
    "opened": "case {case}: {type}, fault {fault}, cause {cause}; confidence {confidence} by {model}; severity "
    "{severity}, {value} at stake; {target}",
    "joined": "{type}, fault {fault}, cause {cause}; confidence {confidence} by {model}; {value} at stake; {target}",
    "diagnosed": "{action} found {units} units: now taken for {type}, fault {fault}, cause {cause}; confidence "
    "{confidence} by {model}; {target}",
    "settled": "{type}, verdict {verdict_told}; {target}",
    "decision": "{kind}: {outcome_told}, {by_told} {rule!r}; {approval}; confidence {confidence} by {model}",
    "action": "{action}, {kind} by {team_told}, {by_told} {rule!r}; {approval}; model {model}; {target}",
    "result": "{action} {outcome} at {done_told}, {units} units changed",
    "closed": "{type}, verdict {verdict_told}",
    "review_due": "{change} announced ({scope}): automation withdrawn there until {role} has reviewed the policy",
    "reviewed": "{change} ({scope}) by {role}, action {action}: automation is back",
    "trial": "{challenger} against {champion} over {cases} cases: Brier {challenger_brier} against {champion_brier}, "
    "{outcome}",
    "promoted": "{version} takes charge after {before}, approved as action {action}",
    "demoted": "{type}: precision {precision} is below {floor}; people decide from now on",
    "restored": "{type}: precision {precision} holds {floor} again",
    "forgotten": "{cases} cases closed more than {days} days ago, with their evidence",
}  # fmt: skip


def line(record: Record) -> str:
    """One record in words."""
    event = str(record["event"])
    told = _TOLD[event].format_map(_Words(record)) if event in _TOLD else ""
    rest = "" if told else " ".join(f"{k} {v}" for k, v in record.items() if k not in ("at", "event"))
    return f"{moment(record['at'])}  {event}: {told or rest}"


def who(record: Record) -> str:
    """Who carries an action out: a team, or the machine, by itself or once a role has approved."""
    team, approver = str(record.get("team") or ""), str(record.get("approver") or "")
    if team:
        return team
    return f"the machine once {approver} approved" if approver else "the machine alone"


def under(record: Record) -> str:
    """How a rule bears on a step: it says who takes it, or it kept a machine from it."""
    is_kept = record.get("by") == "person" and record.get("kind") not in OF_ENGINE
    return "kept from the machine by" if is_kept else "under"


def target(record: Record) -> str:
    """The document and the message that a record is about."""
    parts = [f"document {record['document_id']}"] if "document_id" in record else []
    if "interface" in record:
        number = f" #{record['sequence']}" if "sequence" in record else ""
        parts.append(f"message {INTERFACES[record['interface']]}{number}")
    return ", ".join(parts) or "no document"


def moment(at: int) -> str:
    """Simulated time, microseconds, to the minute."""
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M}"


class _Words(dict[str, Any]):
    """A record as a template takes it: what a code stands for, and a dash where it says nothing."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        team, approver = str(record.get("team") or ""), str(record.get("approver") or "")
        self["team_told"] = team or "the machine"
        self["approval"] = f"approval by {approver}" if approver else "nobody had to approve"
        self["outcome_told"] = {
            "route": f"to {team}",
            "automatic": f"decided by the machine, carried out by {team}" if team else "by the machine",
            "leave": "left alone",
        }.get(str(record.get("outcome")), str(record.get("outcome")))
        self["by_told"] = under(record)
        self["verdict_told"] = record.get("verdict") or "none"
        self["target"] = target(record)
        self["done_told"] = moment(record["done_at"]) if "done_at" in record else "-"

    def __missing__(self, key: str) -> str:
        return "-"
