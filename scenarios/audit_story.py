"""The story of an action or a case: who or what did this, under which rule and version, on what evidence.

The audit trail holds one chain for each arm and region, each record sealed by the one before. A story takes
the records that name a case or an action and joins them to the run's tables (the alerts and the rows they rest
on, who approved, what it took) and to the stream where that was kept. A chain whose seals do not hold tells no
story: what it says may not be what was written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from detection.audit import GENESIS, verify_chain
from scenarios.errors import UserError
from scenarios.reader import RunReader
from sim.events import INTERFACES

#: Arms in which something was done come first.
_ARMS = ("managed", "oracle", "fcfs", "unmanaged")
_ROWS_SHOWN = 8
Record = Mapping[str, Any]


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


def chains(reader: RunReader) -> list[Chain]:
    """Every chain of a run folder, those of arms in which something was done first.

    Raises:
        UserError: a chain is broken, or there are none.
    """
    path = reader.folder / "audit.jsonl"
    lines: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if not lines or f'"prev":"{GENESIS}"' in line:
            lines.append([])
        lines[-1].append(line)
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
        found.append(Chain(arm, region, tuple(json.loads(line)["record"] for line in chain)))
    return sorted(found, key=lambda chain: (_ARMS.index(chain.arm), chain.region))


def summary(reader: RunReader) -> Iterator[str]:
    """What each chain holds, and every change of what is allowed."""
    for chain in chains(reader):
        events = Counter(str(record["event"]) for record in chain.records)
        told = ", ".join(f"{count:,} {event}" for event, count in sorted(events.items()))
        yield f"{chain.arm} {chain.region}: {len(chain.records):,} records, chain unbroken: {told}"
        rules = Counter((r["kind"], r["rule"]) for r in chain.records if r["event"] == "action")
        yield from (f"  {count:>7,}  {kind}: {rule}" for (kind, rule), count in sorted(rules.items()))
        yield from (f"  {_line(record)}" for record in chain.records if record["event"] in _OF_RULES)


def story(reader: RunReader, number: int) -> Iterator[str]:
    """The records about an action or a case, in plain lines.

    Raises:
        UserError: nothing in the run has this id.
    """
    for chain in chains(reader):
        about = [r for r in chain.records if number in (r.get("case"), r.get("action"))]
        if not about:
            continue
        case = int(next(record["case"] for record in about if "case" in record))
        records = [r for r in chain.records if r.get("case") == case]
        if case != number:
            records = list(_of_action(records, number))
        yield f"{'case' if case == number else 'action'} {number} in {chain.arm} {chain.region}, chain unbroken"
        for record in records:
            yield _line(record)
            yield from _joined(reader, chain, record)
        return
    raise UserError(f"{number}: no action or case of this run; ids are in actions.parquet and cases.parquet")


def _of_action(records: Iterable[Record], number: int) -> Iterator[Record]:
    """Of a case's records: its opening, and what led to and came of one action."""
    pending: list[Record] = []
    for record in records:
        if record["event"] == "opened" or (record["event"] != "decision" and record.get("action") == number):
            yield from (r for r in pending if r["kind"] == record.get("kind") and r["at"] == record["at"])
            yield record
        pending = [record] if record["event"] == "decision" else pending


def _line(record: Record) -> str:
    """One record in words."""
    at, event = _time(record["at"]), str(record["event"])
    words = _TOLD[event].format_map(_Words(record)) if event in _TOLD else ""
    rest = "" if words else " ".join(f"{k} {v}" for k, v in record.items() if k not in ("at", "event"))
    return f"{at}  {event}: {words or rest}"


class _Words(dict[str, Any]):
    """A record as a template takes it: empty where nobody is named, a machine where no team is."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self["team"] = record.get("team") or "the machine"
        self["approver"] = record.get("approver") or "nobody"
        self["target"] = _target(record)

    def __missing__(self, key: str) -> str:
        return "-"


#: Records that change what is allowed.
_OF_RULES = frozenset({"model", "review_due", "reviewed", "trial", "promoted", "demoted", "restored", "forgotten"})
_TOLD: dict[str, str] = {
    "model": "classifier {classifier} version {version}, detector {detector}, policy {policy}",
    "opened": "{type}, fault {fault}, cause {cause}; confidence {confidence} by {model}; severity {severity}, "
    "{value} at stake; {target}",
    "joined": "{type}, fault {fault}, cause {cause}; confidence {confidence} by {model}; {value} at stake; {target}",
    "settled": "{type} verdict {verdict}; {target}",
    "decision": "{kind}: {outcome} to {team}, decided by {by} under {rule!r}; approval by {approver}; "
    "confidence {confidence} by {model}",
    "action": "{action} {kind} by {team}, approval by {approver}, under {rule!r}, model {model}; {target}",
    "result": "{action} {outcome}, {units} units",
    "closed": "{type} verdict {verdict}",
    "review_due": "{change} announced ({scope}): automation withdrawn there until {role} has reviewed the policy",
    "reviewed": "{change} ({scope}) by {role}, action {action}: automation is back",
    "trial": "{challenger} against {champion} over {cases} cases: Brier {challenger_brier} against {champion_brier}, "
    "{outcome}",
    "promoted": "{version} takes charge after {before}, approved as action {action}",
    "demoted": "{type}: precision {precision} is below {floor}; people decide from now on",
    "restored": "{type}: precision {precision} holds {floor} again",
    "forgotten": "{cases} cases closed more than {days} days ago, with their evidence",
}


def _joined(reader: RunReader, chain: Chain, record: Record) -> Iterator[str]:
    """What the tables add to a record."""
    if record["event"] == "opened":
        for case in _rows(reader, "cases", chain, "case_id", [record["case"]]):
            yield f"    at {case['location'] or 'no one place'}, item {case['item'] or 'none'}, now {case['status']}"
        for alert in _rows(reader, "alerts", chain, "alert_id", record["alerts"]):
            evidence = alert["evidence"] or []
            told = f"{len(evidence)} rows" if evidence else "no row (an absence, or evidence no longer kept)"
            yield f"    alert {alert['alert_id']} by {alert['detector']} at {alert['raised_at']:%Y-%m-%d %H:%M}: {told}"
            yield from _stream(reader, chain, evidence[:_ROWS_SHOWN])
    if record["event"] == "result":
        for action in _rows(reader, "actions", chain, "action_id", [record["action"]]):
            by = action["approved_by"] or "nobody"
            seen = "not seen to hold" if action["verified_at"] is None else f"seen to hold {action['verified_at']}"
            why = f", because {action['refused_reason']}" if action["refused_reason"] else ""
            yield f"    approved by {by}, {action['minutes']:.0f} minutes of people, {seen}{why}"


def _rows(reader: RunReader, name: str, chain: Chain, key: str, wanted: list[int]) -> list[dict[str, Any]]:
    table = reader.table(name, arm=chain.arm)
    table = table.filter(pc.is_in(table[key], value_set=pa.array(wanted, pa.int64())))
    return [row for row in table.to_pylist() if row["region"] == chain.region]


def _stream(reader: RunReader, chain: Chain, evidence: list[int]) -> Iterator[str]:
    """The rows of the stream behind an alert, where it was kept."""
    names = ["event_id", "occurred_at", "event_type", "source", "location", "item", "document_id", "quantity", "status"]
    wanted = pa.array(evidence, pa.int64())
    for batch in reader.events(chain.arm, chain.region, names) if evidence else ():
        for row in batch.filter(pc.is_in(batch["event_id"], value_set=wanted)).to_pylist():
            told = [str(row[name]) for name in names[2:] if row[name] is not None]
            yield f"      row {row['event_id']} {row['occurred_at']:%Y-%m-%d %H:%M} {' '.join(told)}"


def _target(record: Record) -> str:
    """The document and the message that a record is about."""
    parts = [f"document {record['document_id']}"] if "document_id" in record else []
    if "interface" in record:
        number = f" #{record['sequence']}" if "sequence" in record else ""
        parts.append(f"message {INTERFACES[record['interface']]}{number}")
    return ", ".join(parts) or "no document"


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M}"
