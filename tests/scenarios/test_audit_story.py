"""The command tells who did something, under which rule and version, on what evidence; a broken trail tells nothing."""

import json

import pytest

from scenarios.cli import main
from scenarios.record import RunReader


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("audit") / "run"
    words = ["world.stores=3", "world.items=40", "world.days=5", "oracle=false", f"out={out}"]
    assert main(["run", *words]) == 0
    return out


def test_an_action_is_told_with_its_case_rule_model_approval_and_rows(run, capsys):
    actions = RunReader(run).table("actions", arm="managed").to_pylist()
    cases = {case["case_id"]: case for case in RunReader(run).table("cases", arm="managed").to_pylist()}
    for action in [action for action in actions if action["outcome"] == "done"][:5]:
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
