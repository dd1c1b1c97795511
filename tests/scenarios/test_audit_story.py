"""The command tells who did something, under which rule and version, on what evidence; a broken trail tells nothing."""

import json
from collections import Counter

import pandas as pd
import pytest

from reports import governance, view
from scenarios.cli import main
from scenarios.record import RunReader


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("audit") / "run"
    sizes = ["world.stores=3", "world.items=40", "world.days=5", "oracle=false"]
    # What was sent twice has a fault that its outcome shows.
    words = [*sizes, "policy.promotion_cases=2", "faults.duplicate_message.rate=0.01", f"out={out}"]
    assert main(["run", *words]) == 0
    return out


def test_an_action_is_told_with_its_case_rule_model_approval_and_rows(run, capsys):
    actions = RunReader(run).table("actions", arm="managed").to_pylist()
    cases = {case["case_id"]: case for case in RunReader(run).table("cases", arm="managed").to_pylist()}
    # What the engine asks for itself rests on a change or a trial, and on no alert.
    mine = [action for action in actions if action["outcome"] == "done" and action["kind"] not in {"promote", "review"}]
    for action in mine[:5]:
        capsys.readouterr()
        assert main(["audit", str(run), str(action["action_id"])]) == 0
        text = capsys.readouterr().out
        case = cases[action["case_id"]]
        for word in (case["type"], action["rule"], action["model_version"], action["approved_by"] or "nobody"):
            assert word in text
        assert f"alert {case['alerts'][0]}" in text
        assert text.count("action: ") == text.count("decision: ") == text.count("result: ") == 1
        assert main(["audit", str(run), str(action["case_id"])]) == 0
        assert str(action["action_id"]) in capsys.readouterr().out


def trail_of(run, arm):
    """The records of an arm, straight from the log: chains stand in the order that the manifest names."""
    chains = []
    for line in (run / "audit.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if set(entry["prev"]) == {"0"}:
            chains.append([])
        chains[-1].append(entry["record"])
    names = json.loads((run / "manifest.json").read_text())["audit_chains"]
    return [r for name, chain in zip(names, chains, strict=True) if name.startswith(arm) for r in chain]


def test_a_story_answers_first_and_follows_the_document_through_the_systems(run, capsys):
    actions = RunReader(run).table("actions", arm="managed").to_pylist()
    (part,) = (run / "events/arm=managed").rglob("*.parquet")
    stream = pd.read_parquet(part)
    on_documents = [action for action in actions if action["document_id"] and action["outcome"] == "done"]
    assert on_documents
    booked = 0
    for action in on_documents[:6]:
        capsys.readouterr()
        assert main(["audit", str(run), str(action["action_id"])]) == 0
        lines = capsys.readouterr().out.splitlines()
        short = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in lines[1:7]}
        assert list(short) == ["what", "who", "rule", "model", "evidence", "outcome"]
        assert f"case {action['case_id']}" in short["what"]
        assert short["who"].startswith(action["team"] or "the machine")
        assert repr(action["rule"]) in short["rule"]
        assert ("kept from the machine" in short["rule"]) == (action["decided_by"] == "person")
        ties = ("document_id", "parent_document_id", "correlation_id")
        tied = stream[(stream[list(ties)] == action["document_id"]).any(axis=1)]
        told = lines[next(number for number, line in enumerate(lines) if line.startswith("its documents")) + 1 :]
        booked += (tied["event_type"] == "posting").sum()
        for row in tied.head(6).itertuples():
            begin = f"  {row.occurred_at:%Y-%m-%d %H:%M} {row.source} {row.event_type}"
            assert any(line.startswith(begin) for line in told)
    assert booked


def test_what_came_after_an_action_is_no_evidence_of_it(run, capsys):
    reader = RunReader(run)
    alerts = {alert["alert_id"]: alert for alert in reader.table("alerts", arm="managed").to_pylist()}
    cases = {case["case_id"]: case for case in reader.table("cases", arm="managed").to_pylist()}
    for action in reader.table("actions", arm="managed").to_pylist()[:8]:
        capsys.readouterr()
        assert main(["audit", str(run), str(action["action_id"])]) == 0
        text = capsys.readouterr().out
        for alert in cases[action["case_id"]]["alerts"]:
            is_before = alerts[alert]["raised_at"] <= action["requested_at"]
            assert (f"alert {alert}" in text) == (is_before and action["kind"] not in {"promote", "review"})


def test_the_tables_and_the_page_count_what_the_trail_tells(run):
    reader, trail = RunReader(run), trail_of(run, "managed")
    rules = ("model", "trial", "promoted", "demoted", "restored", "review_due", "reviewed", "forgotten")
    told = reader.table("governance", arm="managed").to_pylist()
    kept = [record for record in trail if record["event"] in rules]
    assert [row["event"] for row in told] == [record["event"] for record in kept]
    assert {row["event"] for row in told} >= {"model", "trial"}
    briers = [record["challenger_brier"] for record in kept if record["event"] == "trial"]
    assert [row["value"] for row in told if row["event"] == "trial"] == briers
    asked = {record["action"]: record["approver"] or None for record in trail if record["event"] == "action"}
    actions = reader.table("actions", arm="managed").to_pylist()
    assert {row["action_id"]: row["approver"] for row in actions} == asked

    seen, own = view.load(run), ("review", "promote")
    steps = [record for record in trail if record["event"] == "decision" and record["kind"] not in own]
    who = Counter("machine" if step["outcome"] == "automatic" else step["team"] for step in steps)
    table = governance.deciders(seen).set_index("who")
    assert table["total"].to_dict() == dict(who)
    assert table["approved"].sum() == sum(bool(step["approver"]) for step in steps)
    assert table["held"].sum() == sum(step["by"] == "person" for step in steps)
    roles = Counter(role for role in asked.values() if role)
    assert governance.approvals(seen).set_index("role")["asked"].to_dict() == dict(roles)
    days = Counter((pd.Timestamp(step["at"], unit="us") - seen.start).days for step in steps)
    totals = governance.by_day(seen).sum(axis=1)
    assert totals[totals > 0].to_dict() == dict(days)


def test_the_tables_of_the_run_hold_decisions_and_calibration(run):
    reader = RunReader(run)
    decisions, cases = reader.table("decisions").to_pylist(), reader.table("cases", arm="managed").to_pylist()
    assert {row["case_id"] for row in decisions} <= {case["case_id"] for case in cases}
    told = reader.table("calibration", arm="managed").to_pylist()
    mine = [case for case in cases if case["origin"] == "operator"]
    assert sum(row["cases"] for row in told) == len(mine) > 0
    assert sum(row["confirmed"] for row in told) == sum(case["verdict"] == "confirmed" for case in mine)


def test_what_a_case_was_taken_for_last_is_its_diagnosis(run):
    reader = RunReader(run)
    names = ("type", "fault_type", "cause", "confidence", "model_version")
    for arm in ("unmanaged", "managed"):
        told = {}
        rows = reader.table("diagnoses", arm=arm).to_pylist()
        # What a member of a family was taken for stands beside what the family was.
        for row in (one for one in rows if one["alert_id"] is None):
            told.setdefault(row["case_id"], []).append(row)
        mine = [case for case in reader.table("cases", arm=arm).to_pylist() if case["origin"] == "operator"]
        assert len(mine) == len(told) > 0
        for case in mine:
            first, last = told[case["case_id"]][0], told[case["case_id"]][-1]
            assert first["diagnosed_at"] == case["opened_at"]
            assert [last[name] for name in names] == [case[name] for name in names]


def test_the_whole_is_summed_up_and_what_is_unknown_is_refused(run, capsys):
    assert main(["audit", str(run)]) == 0
    assert "chain unbroken" in capsys.readouterr().out
    for words in (["5"], ["five"], ["1", "2"]):
        assert main(["audit", str(run), *words]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_changed_trail_tells_nothing(run, capsys):
    path = run / "audit.jsonl"
    lines = path.read_text().splitlines()
    entry = json.loads(lines[3])
    entry["record"]["at"] += 1
    path.write_text("\n".join([*lines[:3], json.dumps(entry, separators=(",", ":")), *lines[4:]]) + "\n")
    try:
        assert main(["audit", str(run)]) == 2
        assert "broken at its line 4" in capsys.readouterr().err
    finally:
        path.write_text("\n".join(lines) + "\n")


def test_an_action_of_a_family_rests_on_its_own_member(tmp_path, capsys):
    # Whatever tells of an interface is a storm here, so that its messages are members of one case.
    out = tmp_path / "run"
    words = ["world.stores=3", "world.items=40", "world.days=6", "oracle=false", "faults.dropped_message.rate=0.02",
             "policy.storm_alerts=1", "policy.storm_findings=1", "policy.storm_share=0", f"out={out}"]
    assert main(["run", *words]) == 0
    actions = pd.DataFrame(RunReader(out).table("actions", arm="managed").to_pylist())
    told = pd.DataFrame(RunReader(out).table("diagnoses", arm="managed").to_pylist())
    alerts = pd.DataFrame(RunReader(out).table("alerts", arm="managed").to_pylist())
    message = ["region", "interface", "location", "sequence"]
    members = told[told["alert_id"].notna()].merge(alerts[[*message, "alert_id"]], on=["region", "alert_id"])
    asked = actions[actions["sequence"].notna()].merge(members, on=[*message, "case_id"]).drop_duplicates("action_id")
    families = asked.groupby("case_id")["alert_id"].nunique()
    assert families.max() > 1
    for action in asked[asked["case_id"].isin(families[families > 1].index)].head(4).to_dict("records"):
        capsys.readouterr()
        assert main(["audit", str(out), str(action["action_id"])]) == 0
        text = capsys.readouterr().out
        assert f"confidence {action['confidence']:.3f} that {action['fault_type']} is behind it" in text
        assert text.count("      alert ") == text.count(" joined: ") == 1
        assert f"alert {int(action['alert_id'])} " in text
