"""The section "Governance" of the page, in words: who decided, under which rules, with whose approval.

Every table stands on a frame of ``governance`` and on keys of the run's configuration; a key that shaped a table is
named beside it, so that a reader knows what to turn. What the run does not hold is said to be missing, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from reports import allowed_section, governance, queues, words
from reports.section import Section, Table
from reports.view import View

#: Rule -> (what it says, who decides then, the keys that set it). The first four are the policy's own.
_RULES: Final[Mapping[str, tuple[str, str, str]]] = {
    "is safe": ("the policy lets a machine take steps of this kind", "machine", "policy"),
    "is for people": ("the policy leaves steps of this kind to people", "people", "policy"),
    "nobody acts": ("the policy acts on nothing", "nobody", "policy"),
    "asks nobody": ("the policy asks nobody", "machine", "policy"),
    "confidence": ("confidence is below the threshold of the type", "people", "policy.confidence_by_type"),
    "severity": ("the tier is a person's to decide", "people", "policy.person_from"),
    "pilot": ("outside the pilot scope", "people", "pilot"),
    "drift": ("precision of the type is below its floor", "people", "policy.precision_floor"),
    "review peak": ("a peak season is not reviewed yet", "people", "policy.reviews"),
    "review assortment": ("a change of the assortment is not reviewed yet", "people", "policy.reviews"),
    "review upgrade": ("a release of an interface is not reviewed yet", "people", "policy.reviews"),
}
#: Those that keep a step from a machine: they are shown where they kept none, too.
_HOLDING: Final = tuple(_RULES)[4:]
_KINDS_MAX: Final = 4
_NONE = words.MISSING


def section(view: View) -> Section:
    """The section for one run; a sentence alone where nothing was decided."""
    found = governance.steps(view)
    if found.empty:
        return Section([], [], [_why_nothing(view)])
    tables = [_tiers(view, found), _deciders(view), _rules(view), _approvals(view)]
    tables += allowed_section.tables(view, found)
    missing = ["Approvals: no step needed one."] if governance.approvals(view).empty else []
    sentences = [_shares(found), _pilot(view, found), _retention(view)]
    return Section(sentences, tables, [*missing, *allowed_section.missing(view)])


def _why_nothing(view: View) -> str:
    if "managed" not in view.arms:
        return f"Not applicable: the run has no managed arm, and in the {view.headline_arm} arm nobody asks a policy."
    return "Not applicable: no case of the managed arm came to a decision."


def _shares(found: pd.DataFrame) -> str:
    """Who decided, in two sentences."""
    is_machine, is_left = found["who"] == governance.MACHINE, found["who"] == governance.NOBODY
    told = {
        "were taken by a machine alone": is_machine & ~found["is_approved"],
        "by a machine once a role had approved": is_machine & found["is_approved"],
        "went to people": ~is_machine & ~is_left,
        "were left alone": is_left,
    }
    parts = [f"{int(chosen.sum()):,} ({chosen.mean():.1%}) {what}" for what, chosen in told.items() if chosen.any()]
    held, cases = int(found["is_held"].sum()), words.count(found["case_id"].nunique(), "case")
    kept = f"Rules kept {words.count(held, 'step')} from a machine." if held else "No rule kept a step from a machine."
    return f"Of {words.count(len(found), 'step')} decided in {cases}, {', '.join(parts)}. {kept}"


def _pilot(view: View, found: pd.DataFrame) -> str:
    """The pilot scope in force."""
    types, places = view.setting("pilot.types") or [], view.setting("pilot.locations") or []
    start, end = view.setting("pilot.start"), view.setting("pilot.end")
    if not (types or places or start or end):
        return "Pilot scope: none set, so automation was on at every location, for every type, on every day."
    parts = [f"at {', '.join(map(str, places))}" if places else "at every location"]
    parts.append("for " + ", ".join(words.plain(str(name)) for name in types) if types else "for every type")
    first = words.date(pd.Timestamp(start)) if start else "the first day"
    last = words.date(pd.Timestamp(end)) if end else "the last day"
    parts.append(f"from {first} to {last}")
    outside = int((found["rule_kind"] == "pilot").sum())
    return f"Pilot scope: automation was on {', '.join(parts)}; outside it people got {words.count(outside, 'step')}."


def _retention(view: View) -> str:
    days = view.setting("policy.retention_days")
    if days is None:
        return "Retention: the run does not say how long closed cases are kept."
    gone = governance.forgotten(view)
    told = "none was older within this run"
    if gone:
        told = f"{words.count(gone, 'case')} closed longer ago than that went, with the evidence"
    return f"Retention: closed cases and their evidence are kept for {words.count(days, 'day')}; {told}."


def _tiers(view: View, found: pd.DataFrame) -> Table:
    least, patience = view.setting("policy.severity") or {}, view.setting("policy.escalate_hours_by_severity") or {}
    usual, floor = view.setting("policy.escalate_hours"), view.setting("policy.person_from")
    cases = queues.cases_of(view)
    rows = []
    for place, tier in enumerate(governance.TIERS):
        mine, steps = cases[cases["severity"] == tier], found[found["severity"] == tier]
        hours = patience.get(tier, usual)
        lowest = 0.0 if tier == governance.TIERS[-1] else math.nan
        rows.append(
            [
                tier,
                words.or_missing(least.get(tier, lowest), ""),
                words.or_missing(hours, "hours"),
                "people" if floor in governance.TIERS[place:] else "as the policy says",
                f"{len(mine):,}",
                f"{int(mine['went_up'].sum()):,}",
                f"{int(mine['is_open'].sum()):,}",
                words.or_missing((steps["who"] == governance.MACHINE).mean(), "share"),
            ]
        )
    titles = ["Tier", "Value at stake from", "Goes up after", "Who decides", "Cases", "Went up", "Open at the end"]
    return Table(
        "Severity tiers",
        [*titles, "Steps a machine took"],
        rows,
        frozenset({3}),
        "The tier of a case follows from its value at stake, in the currency of the prices. A case that is open for "
        "longer than its tier allows goes up to the next level. Set by policy.severity, policy.escalate_hours, "
        "policy.escalate_hours_by_severity and policy.person_from.",
    )


def _deciders(view: View) -> Table:
    names = {governance.MACHINE: "a machine", governance.NOBODY: "nobody: left alone"}
    columns = (*governance.TIERS, "total", "approved", "held")
    rows = [
        [names.get(row["who"], words.plain(str(row["who"]))), *(f"{int(row[name]):,}" for name in columns)]
        for row in governance.deciders(view).to_dict("records")
    ]
    tiers = [tier.capitalize() for tier in governance.TIERS]
    return Table(
        "Who decides",
        ["Decider", *tiers, "Steps in all", "After approval", "Kept from the machine"],
        rows,
        caption="Number of steps by who takes them, a machine or a team, and by the tier of the case. After approval: "
        "another role must agree first. Kept from the machine: it could have taken the step, and a rule of the next "
        "table gave it to people.",
    )


def _rules(view: View) -> Table:
    counted = {str(row["rule"]): row for row in governance.rules(view).to_dict("records")}
    may_hold = "is safe" in counted or any(rule in counted for rule in _HOLDING)
    silent = [rule for rule in _HOLDING if may_hold and rule not in counted]
    rows = []
    for rule in [*counted, *silent]:
        meaning, who, keys = _RULES.get(rule, (rule, _NONE, _NONE))
        row: Mapping[Any, Any] = counted.get(rule, {"steps": 0, "cases": 0, "kinds": {}})
        rows.append([meaning, who, f"{row['steps']:,}", f"{row['cases']:,}", _kinds(row["kinds"]), keys])
    return Table(
        "Decisions by rule",
        ["Rule", "Decides", "Steps", "Cases", "Kinds of step (number)", "Set by"],
        rows,
        frozenset({1, 4, 5}),
        "Number of steps that each rule decided, and of cases that they belong to. Rules that keep a step from a "
        "machine are listed even where they kept none. Whether a role must approve is decided beside it, by value and "
        "kind: see the next table.",
    )


def _approvals(view: View) -> Table:
    minutes = view.setting("people.approval_minutes")
    rows = [
        [
            words.plain(row["role"]),
            *(f"{row[name]:,}" for name in ("asked", "given", "refused", "waiting", "overtaken")),
            *(words.or_missing(row[name], "hours") for name in ("median_hours", "p90_hours", "oldest_hours")),
            words.or_missing(None if minutes is None else row["given"] * float(minutes), "minutes"),
            _kinds(row["kinds"]),
        ]
        for row in governance.approvals(view).to_dict("records")
    ]
    counts = ["Asked", "Given", "Refused", "Waiting at the end", "Case closed first"]
    times = ["Median until done", "90% done within", "Longest waiting"]
    return Table(
        "Approvals by role",
        ["Role", *counts, *times, "Work", "Kinds (number)"],
        rows,
        frozenset({10}),
        "Number of requests that a role had to approve before they were carried out. Nobody approves what their own "
        f"team carries out or counted.{_ladder(view)} Refused: turned down before anyone approved. No request expires: "
        "it waits, while its case goes up once it is older than its tier allows. The times run from the request until "
        "it was carried out; what was not done counts at its age at the end. Adjustments after a count are approved "
        "within counting and make no request.",
    )


def _ladder(view: View) -> str:
    """Who approves up to which value."""
    manager, control = (view.setting(f"policy.{role}_limit") for role in ("store_manager", "inventory_control"))
    if manager is None or control is None:
        return ""
    return (
        f" Corrections of a book are approved by value: up to {words.number(float(manager))} by the store manager, up "
        f"to {words.number(float(control))} by inventory control, above by finance (policy.store_manager_limit, "
        "policy.inventory_control_limit); other kinds by the role that owns them."
    )


def _kinds(counted: Mapping[str, int]) -> str:
    """The most frequent kinds with their numbers."""
    shown = [f"{words.plain(kind)}{words.SPACE}{number:,}" for kind, number in list(counted.items())[:_KINDS_MAX]]
    rest = sum(list(counted.values())[_KINDS_MAX:])
    return ", ".join([*shown, f"others{words.SPACE}{rest:,}"] if rest else shown)
