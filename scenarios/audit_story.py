"""The story of an action or a case: who or what did this, under which rule and version, on what evidence.

The audit trail holds one chain for each arm and region, each record sealed by the one before. A story begins with
the answer in short, then gives the records that name the case or the action, joined to the run's tables (the alerts
and the rows they rest on, who approved, what it took), then what the systems told of its documents and messages,
where the stream was kept. A chain whose seals do not hold tells no story: what it says may not be what was written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from detection.audit import GENESIS, verify_chain
from scenarios.audit_rows import Rows, Trail, find_rows, told
from scenarios.audit_words import OF_ENGINE, Record, line, target, under, who
from scenarios.errors import UserError
from scenarios.operator_tables import GOVERNANCE
from scenarios.reader import RunReader

#: Arms in which something was done come first.
_ARMS: Final = ("managed", "oracle", "fcfs", "unmanaged")
_ROWS_SHOWN: Final = 8
#: Rows of documents and messages that are told: the first and, where there are more, the last ones.
_LIFE_FIRST: Final = 6
_LIFE_LAST: Final = 18
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Chain:
    """The trail of one arm and region.

    Attributes:
        arm, region: whose it is.
        records: what was written, oldest first.
    """

    arm: str
    region: str
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """Whose it is, in words; the operator beside the unmanaged arm acts on nothing."""
        shadow = " (in shadow: nothing of this was carried out)" if self.arm == "unmanaged" else ""
        return f"{self.arm} {self.region}{shadow}"


@dataclass(frozen=True)
class Tables:
    """What the run's tables hold of one case.

    Attributes:
        case: its row.
        diagnosis: what it was taken for, when an action was asked for or else last.
        alerts: their rows, none that came later than that.
        actions: their rows.
    """

    case: Row
    diagnosis: Row
    alerts: tuple[Row, ...]
    actions: tuple[Row, ...]

    def action(self, number: int) -> Row:
        """One of its actions; empty where it was not carried out."""
        return next((row for row in self.actions if row["action_id"] == number), {})


def chains(reader: RunReader) -> list[Chain]:
    """Every chain of a run folder, those of arms in which something was done first.

    Raises:
        UserError: a chain is broken, or there are none.
    """
    path = reader.folder / "audit.jsonl"
    lines: list[list[str]] = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if not lines or f'"prev":"{GENESIS}"' in text:
            lines.append([])
        lines[-1].append(text)
    heads, names = reader.manifest.get("audit_head") or [], reader.manifest.get("audit_chains") or []
    if not lines:
        raise UserError(f"{reader.folder}: has no audit trail of its own; where it has replications, name one of them")
    if not len(lines) == len(heads) == len(names):
        raise UserError(f"{path}: {len(lines)} chains, the manifest has {len(heads)}")
    found = []
    for chain, head, name in zip(lines, heads, names, strict=True):
        broken = verify_chain(chain, head)
        if broken is not None:
            raise UserError(f"{path}: the chain of {name} is broken at its line {broken + 1}")
        arm, _, region = name.partition("/")
        found.append(Chain(arm, region, tuple(json.loads(text)["record"] for text in chain)))
    return sorted(found, key=lambda chain: (_ARMS.index(chain.arm), chain.region))


def summary(reader: RunReader) -> Iterator[str]:
    """What each chain holds: who did how much under which rule, and every change of what is allowed."""
    for chain in chains(reader):
        events = Counter(str(record["event"]) for record in chain.records)
        counted = ", ".join(f"{count:,} {event}" for event, count in sorted(events.items()))
        yield f"{chain.name}: {len(chain.records):,} records, chain unbroken: {counted}"
        actions = [record for record in chain.records if record["event"] == "action"]
        rules = Counter((who(record), record["kind"], record["rule"]) for record in actions)
        if rules:
            yield "  actions, by whom and under which rule:"
        for (actor, kind, rule), count in sorted(rules.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0])):
            yield f"  {count:>7,}  {kind} by {actor}, under {rule!r}"
        yield "  changes of what is allowed:"
        yield from (f"  {line(record)}" for record in chain.records if record["event"] in GOVERNANCE)


def story(reader: RunReader, number: int) -> Iterator[str]:
    """The answer in short, the records about an action or a case, and what the systems told, in plain lines.

    Raises:
        UserError: nothing in the run has this id.
    """
    for chain in chains(reader):
        about = [r for r in chain.records if number in (r.get("case"), r.get("action"))]
        if not about:
            continue
        case = int(next(record["case"] for record in about if "case" in record))
        records = [r for r in chain.records if case == r.get("case") or number == r.get("action")]
        is_case = case == number
        if not is_case:
            records = list(_of_action(records, number))
            if _asked(records)["kind"] in OF_ENGINE:
                yield from _of_engine(chain, records, _tables(reader, chain, case).action(number))
                return
        own = {alert for record in records if record["event"] == "joined" for alert in record["alerts"]}
        tables = _tables(reader, chain, case) if is_case else _tables(reader, chain, case, _asked(records), own)
        rows = find_rows(reader, chain.arm, chain.region, _trail(tables, None if is_case else number))
        yield f"{'case' if is_case else 'action'} {number} in {chain.name}, chain unbroken"
        yield from _short(reader, records, tables, is_case=is_case)
        yield "the sealed records, with what the tables add:"
        for record in records:
            yield f"  {line(record)}"
            yield from _joined(record, tables, rows)
        yield from _systems(reader, chain, tables, rows)
        return
    raise UserError(f"{number}: no action or case of this run; ids are in actions.parquet and cases.parquet")


def _of_action(records: Iterable[Record], number: int) -> Iterator[Record]:
    """Of a case's records: its opening, what its subject was last taken for, and what led to and came of one action."""
    # The last decision on each kind of step: a review may be asked for between one and its action.
    pending: dict[str, Record] = {}
    taken: list[Record] = []
    for record in records:
        if record["event"] in {"joined", "diagnosed"}:
            taken.append(record)
        if record["event"] == "opened" or (record["event"] != "decision" and record.get("action") == number):
            if record["event"] == "action":
                yield from [one for one in taken if _subject(one) == _subject(record)][-1:]
                decision = pending.get(record["kind"])
                yield from [decision] if decision is not None and decision["at"] == record["at"] else []
            yield record
        if record["event"] == "decision":
            pending[record["kind"]] = record


def _subject(record: Record) -> tuple[int | None, ...]:
    """What a record is about, by its codes."""
    return tuple(record.get(name) for name in ("document_id", "interface", "location", "item", "sequence"))


def _of_engine(chain: Chain, records: list[Record], row: Row) -> Iterator[str]:
    """A review or a promotion: what it rests on is a change that was announced, or a trial."""
    asked = _asked(records)
    scope = next((record["scope"] for record in records if record["event"] == "reviewed"), None)
    if asked["kind"] == "promote":
        grounds = [r for r in chain.records if r["event"] == "trial" and r["at"] == asked["at"]]
    else:
        change = str(asked["rule"]).split()[1]
        due = [r for r in chain.records if r["event"] == "review_due" and r["at"] <= asked["at"]]
        grounds = [r for r in due if r["change"] == change and scope in (None, r["scope"])]
    yield f"action {asked['action']} in {chain.name}, chain unbroken"
    yield f"  what:      {asked['kind']}, brought up by case {asked['case']}"
    yield f"  who:       {who(asked)}; {_approval(asked, row)}"
    yield f"  rule:      {under(asked)} {asked['rule']!r}"
    yield f"  outcome:   {row['outcome'] if row else 'not carried out: in shadow'}"
    yield "the sealed records:"
    yield from (f"  {line(record)}" for record in [*grounds[-1:], *records])


def _asked(records: Iterable[Record]) -> Record:
    """The record of an action's request."""
    return next(record for record in records if record["event"] == "action")


def _tables(
    reader: RunReader, chain: Chain, case: int, asked: Record | None = None, own: Collection[int] = ()
) -> Tables:
    """What the tables hold of a case; of an action, what was known when it was asked for, and of its own subject.

    A family's case holds many members (:mod:`detection.storms`): an action for one of them rests on that one's alerts
    (``own``) and diagnosis, which is told with an alert's id, and not on what the whole is taken for.
    """
    (row,) = _rows(reader, "cases", chain, "case_id", [case])
    alerts = _rows(reader, "alerts", chain, "alert_id", row["alerts"] or [])
    told = _rows(reader, "diagnoses", chain, "case_id", [case])
    diagnoses = [diagnosis for diagnosis in told if diagnosis["alert_id"] is None]
    if asked is not None:
        alerts = [alert for alert in alerts if _microseconds(alert["raised_at"]) <= asked["at"]]
        if own:
            alerts = [alert for alert in alerts if alert["alert_id"] in own]
            diagnoses = [diagnosis for diagnosis in told if diagnosis["alert_id"] in own]
        diagnoses = [diagnosis for diagnosis in diagnoses if _microseconds(diagnosis["diagnosed_at"]) <= asked["at"]]
    actions = _rows(reader, "actions", chain, "case_id", [case])
    return Tables(row, diagnoses[-1] if diagnoses else row, tuple(alerts), tuple(actions))


def _rows(reader: RunReader, name: str, chain: Chain, key: str, wanted: list[int]) -> list[Row]:
    table = reader.table(name, arm=chain.arm)
    table = table.filter(pc.is_in(table[key], value_set=pa.array(wanted, pa.int64())))
    return [row for row in table.to_pylist() if row["region"] == chain.region]


def _trail(tables: Tables, only: int | None) -> Trail:
    """What to look for in the stream: of all of a case's actions, or of one."""
    actions = [row for row in tables.actions if only in (None, row["action_id"])]
    subjects = [tables.case, *actions]
    return Trail(
        evidence=frozenset(row for alert in tables.alerts for row in alert["evidence"] or []),
        documents=frozenset(int(row["document_id"]) for row in subjects if row["document_id"] is not None),
        messages=frozenset(
            (str(row["interface"]), str(row["location"]), int(row["sequence"]))
            for row in subjects
            if row["interface"] and row["location"] and row["sequence"] is not None
        ),
        moments=frozenset(
            (str(row["location"]), str(row["item"]), _microseconds(row["executed_at"]))
            for row in actions
            if row["location"] and row["item"] and row["executed_at"] is not None
        ),
    )


def _microseconds(at: Any) -> int:
    return int(pa.scalar(at, pa.timestamp("us")).value)


def _short(reader: RunReader, records: list[Record], tables: Tables, *, is_case: bool) -> Iterator[str]:
    """Who or what, under which rule and version, on what evidence, with what outcome."""
    case, diagnosis = tables.case, tables.diagnosis
    place = " ".join(str(case[name]) for name in ("location", "item") if case[name]) or "no one place"
    subject = f"{diagnosis['type']} at {place}"
    if is_case:
        done = [f"{row['kind']} by {who(row)} ({row['outcome']})" for row in tables.actions]
        outcome = case["status"]
        if case["closed_at"] is not None:
            outcome = f"closed {case['closed_at']:%Y-%m-%d %H:%M}, {case['verdict'] or 'no verdict'}"
        yield f"  what:      {subject}; {target(records[0])}"
        yield f"  severity:  {case['severity']}, {records[0]['value']} at stake; in the queue of {case['team']}"
        yield f"  steps:     {', '.join(done) or 'none was carried out'}"
        if case["next_step"]:
            yield f"  next:      {case['next_step']}"
    else:
        asked = _asked(records)
        row = tables.action(int(asked["action"]))
        outcome = f"{row['outcome']}, {row['delta_units'] or 0} units changed" if row else "not carried out: in shadow"
        yield f"  what:      {asked['kind']} for case {case['case_id']}: {subject}; {target(asked)}"
        yield f"  who:       {who(asked)}; {_approval(asked, row)}"
        yield f"  rule:      {under(asked)} {asked['rule']!r}"
    policy, cited = reader.config.get("policy") or {}, sum(len(alert["evidence"] or []) for alert in tables.alerts)
    floor = (policy.get("confidence_by_type") or {}).get(diagnosis["type"], policy.get("confidence"))
    acts_from = f"; a machine acts from {floor:g}" if floor is not None else ""
    sure = f"confidence {diagnosis['confidence']:.3f} that {diagnosis['fault_type']} is behind it"
    yield f"  model:     {diagnosis['model_version']}, {sure}{acts_from}"
    yield f"  evidence:  {_count(cited, 'row')} of {_count(len(tables.alerts), 'alert')}"
    yield f"  outcome:   {outcome}"


def _approval(asked: Record, row: Row) -> str:
    """Who approved an action, or has yet to."""
    if row and row["approved_by"]:
        return f"approved by {row['approved_by']}"
    return f"{asked['approver']} must approve, and had not" if asked["approver"] else "nobody had to approve"


def _joined(record: Record, tables: Tables, rows: Rows) -> Iterator[str]:
    """What the tables and the stream add to a record."""
    if record["event"] == "opened":
        for alert in tables.alerts:
            evidence = alert["evidence"] or []
            cited = _count(len(evidence), "row") if evidence else "no row (an absence, or evidence no longer kept)"
            raised = f"{alert['raised_at']:%Y-%m-%d %H:%M}"
            yield f"      alert {alert['alert_id']} by {alert['detector']} at {raised}: {cited}"
            shown = evidence[:_ROWS_SHOWN]
            yield from (f"        row {row} {told(rows.evidence[row])}" for row in shown if row in rows.evidence)
    if record["event"] == "result":
        action = tables.action(int(record["action"]))
        if action:
            by = f"approved by {action['approved_by']}" if action["approved_by"] else "nobody had to approve"
            held = action["verified_at"]
            seen = "not seen to hold" if held is None else f"seen to hold {held:%Y-%m-%d %H:%M}"
            why = f", because {action['refused_reason']}" if action["refused_reason"] else ""
            yield f"      {by}, {action['minutes']:.0f} minutes of people, {seen}{why}"


def _systems(reader: RunReader, chain: Chain, tables: Tables, rows: Rows) -> Iterator[str]:
    """What each system told of the documents and messages."""
    if not reader.event_parts(chain.arm):
        yield "the stream of this arm was not kept (record=summary): no rows of documents and messages can be told"
        return
    life, item = rows.life, tables.case["item"]
    if len(life) > _LIFE_FIRST + _LIFE_LAST and item:
        life = [row for row in life if row["item"] in (None, item)]
    if not life:
        yield "no document or message: the case is about a place or an interface, and nothing was booked for it"
        return
    beside = "; beside its own it touched " + ", ".join(map(str, sorted(rows.touched))) if rows.touched else ""
    yield f"its documents and messages, as the systems told them ({_count(len(life), 'row')}{beside}):"
    left_out = len(life) - _LIFE_FIRST - _LIFE_LAST
    for number, row in enumerate(life):
        if left_out <= 0 or not _LIFE_FIRST <= number < _LIFE_FIRST + left_out:
            yield f"  {told(row)}"
        elif number == _LIFE_FIRST:
            yield f"  ... {_count(left_out, 'row')} left out ..."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
