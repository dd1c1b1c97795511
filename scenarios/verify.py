"""Checks that a run folder still is what the run wrote, and that what it wrote is consistent.

Integrity: the manifest's own digest and bytes, every file's hash, no file more or less, rows as
counted, the audit chain, the hashes of the recorded streams. Consistency: the ledger's identity
(belief = fact + in flight + errors), the conservation of units and ERP's trial balance, on every recorded day.
What a folder does not hold cannot be checked, and is said so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detection.audit import GENESIS, verify_chain
from scenarios.manifest import MANIFEST, digest_of, file_hash, files_below, manifest_bytes
from scenarios.reader import RunFolderError, RunReader
from scenarios.stream_check import hash_stream
from scenarios.tables import EVENTS, open_parquet
from sim.hashing import NULL, combine_digests

#: Sides of the conservation of units: all that came must be somewhere.
CAME: Final = ("opening_units", "supplied_units", "returned_units")
WENT: Final = (
    "placed_units",
    "transit_units",
    "sold_units_physical",
    "lost_units_physical",
    "scrapped_units",
    "sent_back_units",
)
#: Columns of the accounts that hold money.
MONEY: Final = ("debit_cents", "credit_cents", "balance_cents")
#: What names one belief of one region.
BELIEF: Final = ("arm", "region", "system", "kind")
DAY: Final = 24 * 3600 * 1_000_000
NEVER: Final = 2**62
#: Findings of one kind that are listed.
SHOWN_MAX: Final = 10


@dataclass
class VerifyReport:
    """What was checked.

    Attributes:
        passed: checks that hold, one line each.
        findings: what is wrong, one line each; empty if the run is sound.
        unchecked: what could not be checked, and why.
    """

    passed: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def lines(self) -> list[str]:
        """The report as text."""
        return [
            *(f"ok      {line}" for line in self.passed),
            *(f"absent  {line}" for line in self.unchecked),
            *(f"WRONG   {line}" for line in self.findings),
        ]

    def note(self, passed: str, findings: list[str]) -> None:
        """Record one check: its findings, or that it passed."""
        if findings:
            self.findings.extend(findings)
        else:
            self.passed.append(passed)


def verify(folder: str | Path) -> VerifyReport:
    """Check a run folder.

    Raises:
        RunFolderError: if ``folder`` has no manifest at all, and so is no run folder.
    """
    report = VerifyReport()
    folder = Path(folder)
    if not (folder / MANIFEST).exists():
        raise RunFolderError(f"{folder} is no run folder: it has no {MANIFEST}")
    try:
        reader = RunReader(folder)
        findings = _check_manifest(reader)
    except (RunFolderError, TypeError, AttributeError) as error:
        report.findings.append(str(error))
        return report
    report.note("manifest: digest and bytes", findings)
    if findings:
        # nothing that a damaged manifest says is worth comparing with
        return report
    files = reader.manifest["files"]
    report.note(f"files: {len(files)} hashes", _check_files(reader))
    report.note(f"rows: {len(reader.manifest['tables'])} tables", _check_rows(reader))
    if report.ok:
        report.note("audit: chain unbroken", _check_audit(reader))
        _check_streams(reader, report)
        _check_identity(reader, report)
        _check_conservation(reader, report)
        _check_accounts(reader, report)
        for run in reader.replications():
            inner = verify(run.folder)
            report.note(
                f"replication {run.folder.name}: {len(inner.passed)} checks",
                [f"replication {run.folder.name}: {finding}" for finding in inner.findings],
            )
    return report


def _check_manifest(reader: RunReader) -> list[str]:
    raw = (reader.folder / MANIFEST).read_bytes()
    findings = []
    if reader.manifest.get("digest") != digest_of(reader.manifest):
        findings.append(f"{MANIFEST}: its digest is not that of its content")
    if raw != manifest_bytes(reader.manifest):
        findings.append(f"{MANIFEST}: its bytes are not those that were written")
    return findings


def _check_files(reader: RunReader) -> list[str]:
    expected: dict[str, str] = reader.manifest["files"]
    found = set(files_below(reader.folder))
    findings = [f"{path}: missing" for path in sorted(set(expected) - found)]
    findings += [f"{path}: not in the manifest" for path in sorted(found - set(expected))]
    for path in sorted(found & set(expected)):
        if file_hash(reader.folder / path) != expected[path]:
            findings.append(f"{path}: its hash is not the manifest's")
    return findings


def _check_rows(reader: RunReader) -> list[str]:
    findings = []
    for path, expected in sorted(reader.manifest["tables"].items()):
        if not (reader.folder / path).exists():
            continue
        try:
            with open_parquet(reader.folder / path) as file:
                found = sum(batch.num_rows for batch in file.iter_batches(columns=_first_column(file)))
        except (OSError, ValueError, pa.ArrowException) as error:
            findings.append(f"{path}: cannot be read ({str(error).splitlines()[0]})")
            continue
        if found != expected:
            findings.append(f"{path}: {found} rows, the manifest says {expected}")
    return findings


def _first_column(file: Any) -> list[str]:
    return [file.schema_arrow.names[0]]


def _check_audit(reader: RunReader) -> list[str]:
    path = reader.folder / "audit.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    heads = reader.manifest.get("audit_head") or []
    heads = [heads] if isinstance(heads, str) else list(heads)
    chains: list[list[str]] = []
    for line in lines:
        if not chains or f'"prev":"{GENESIS}"' in line:
            chains.append([])
        chains[-1].append(line)
    if len(chains) != len([head for head in heads if head != GENESIS]):
        return [f"audit.jsonl: {len(chains)} chains, the manifest has {len(heads)} heads"]
    for number, (chain, head) in enumerate(zip(chains, heads, strict=False)):
        broken = verify_chain(chain, head)
        if broken is not None:
            return [f"audit.jsonl: chain {number} is broken at its line {broken + 1}"]
    return []


def _check_streams(reader: RunReader, report: VerifyReport) -> None:
    arms: dict[str, str] = reader.manifest.get("arms", {})
    regions: dict[str, list[str]] = {}
    for arm, region, _ in reader.event_parts():
        if region not in regions.setdefault(arm, []):
            regions[arm].append(region)
    for arm, expected in arms.items():
        if arm not in regions:
            report.unchecked.append(
                f"stream of arm {arm}: not recorded (record=full keeps unmanaged and managed, summary none)"
            )
            continue
        digests, findings = [], []
        for region in regions[arm]:
            seen = hash_stream(reader.events(arm, region, EVENTS.names))
            digests.append(seen.digest)
            if seen.twice:
                findings.append(f"stream of arm {arm}, region {region}: {seen.twice} event ids are borne by two rows")
            if not seen.ordered:
                findings.append(f"stream of arm {arm}, region {region}: rows out of order")
        if combine_digests(digests) != expected:
            findings.append(f"stream of arm {arm}: its hash is not the manifest's")
        report.note(f"stream of arm {arm}: hash of {len(digests)} regions", findings)
    if arms and reader.manifest.get("event_hash") != arms.get("unmanaged"):
        report.findings.append("manifest: event_hash is not the hash of the unmanaged arm")


def _check_identity(reader: RunReader, report: VerifyReport) -> None:
    ledger = reader.table("truth/ledger")
    if not ledger.num_rows:
        report.unchecked.append("identity: no ledger recorded")
        return
    accounted = pc.add(pc.add(ledger["fact"], ledger["in_flight"]), ledger["error"])
    wrong = ledger.filter(pc.not_equal(ledger["belief"], accounted)).slice(0, SHOWN_MAX).to_pylist()
    findings = [
        f"identity: arm {row['arm']}, {row['region']}, {row['system']} {row['kind']} on {row['day']:%Y-%m-%d}: "
        f"belief {row['belief']} is not {row['fact']} + {row['in_flight']} + {row['error']}"
        for row in wrong
    ]
    report.note(f"identity: {ledger.num_rows} daily sums of beliefs", findings)
    if ledger["ambient"].null_count or not reader.table("truth/errors", ["error_id"]).num_rows:
        report.unchecked.append("named errors: the ledger has no ambient column, or there are none")
        return
    report.note("named errors: open entries add up to the ledger", _check_errors(reader, ledger))


def _check_errors(reader: RunReader, ledger: pa.Table) -> list[str]:
    """Named entries open at the end of each day against the ledger's errors without the ambient ones."""
    entries: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    errors = reader.table("truth/errors", [*BELIEF, "opened_at", "cleared_at", "units"])
    opened, cleared = (
        errors[name].cast(pa.int64()).fill_null(missing).to_pylist()
        for name, missing in (("opened_at", NULL), ("cleared_at", NEVER))
    )
    for *key, start, end, units in zip(
        *(errors[name].to_pylist() for name in BELIEF), opened, cleared, errors["units"].to_pylist(), strict=True
    ):
        entries.setdefault(tuple(key), []).extend([(start, units), (end, -units)])
    changes = {key: np.array(sorted(steps), dtype=np.int64) for key, steps in entries.items()}
    totals = {key: np.concatenate([[0], steps[:, 1].cumsum()]) for key, steps in changes.items()}
    findings = []
    for row in ledger.set_column(
        ledger.schema.get_field_index("day"), "day", ledger["day"].cast(pa.int64())
    ).to_pylist():
        belief = tuple(row[name] for name in BELIEF)
        named = 0
        if belief in changes:
            named = int(totals[belief][np.searchsorted(changes[belief][:, 0], row["day"] + DAY, side="right")])
        if named != row["error"] - row["ambient"]:
            findings.append(
                f"named errors: {' '.join(belief)}, day {row['day'] // DAY}: {named} units open, "
                f"the ledger has {row['error'] - row['ambient']}"
            )
    return findings[:SHOWN_MAX]


def _check_conservation(reader: RunReader, report: VerifyReport) -> None:
    for arm in reader.arms:
        days = reader.table(f"arms/{arm}")
        needed = [*CAME, *WENT]
        if any(days[name].null_count for name in needed):
            report.unchecked.append(f"conservation in arm {arm}: units not recorded")
            continue
        came, went = (sum(days[name].to_numpy() for name in names) for names in (CAME, WENT))
        findings = [
            f"conservation: arm {arm}, {row['region']} on {row['day']:%Y-%m-%d}: units appear or vanish"
            for row in days.filter(pa.array(came != went)).slice(0, SHOWN_MAX).to_pylist()
        ]
        report.note(f"conservation in arm {arm}: {days.num_rows} region-days", findings)


def _check_accounts(reader: RunReader, report: VerifyReport) -> None:
    """Debits are credits, balances add up to 0.00, and each follows from the day before."""
    accounts = reader.table("accounts")
    if not accounts.num_rows:
        report.unchecked.append("trial balance: no accounts recorded")
        return
    days = accounts.group_by(["arm", "region", "day"]).aggregate([(name, "sum") for name in MONEY])
    debit, credit, balance = (days[f"{name}_sum"].to_numpy() for name in MONEY)
    findings = [
        f"trial balance: arm {row['arm']}, {row['region']} on {row['day']:%Y-%m-%d}: debits "
        f"{row['debit_cents_sum'] / 100:.2f}, credits {row['credit_cents_sum'] / 100:.2f}, "
        f"balances {row['balance_cents_sum'] / 100:.2f}"
        for row in days.filter(pa.array((debit != credit) | (balance != 0))).slice(0, SHOWN_MAX).to_pylist()
    ]
    stood: dict[tuple[str, ...], int] = {}
    for row in accounts.sort_by("day").to_pylist():
        account = (row["arm"], row["region"], row["account"])
        stood[account] = stood.get(account, 0) + row["debit_cents"] - row["credit_cents"]
        if stood[account] != row["balance_cents"]:
            findings.append(f"accounts: {' '.join(account)} on {row['day']:%Y-%m-%d}: balance "
                            f"{row['balance_cents'] / 100:.2f}, the days before say {stood[account] / 100:.2f}")
            stood[account] = row["balance_cents"]
    report.note(f"trial balance: 0.00 on {days.num_rows} region-days", findings[: 2 * SHOWN_MAX])
