"""Two runs compared: what is refused, what is told, and parts that add up to the difference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scenarios.compare import compare
from scenarios.errors import UserError
from scenarios.measures.where import BY, TAKEN_APART, kind_of_location, parts_of
from scenarios.reader import RunReader
from scenarios.samples import read_samples
from tests.conftest import SMALL, Command
from tests.scenarios.test_gate import _write_trials
from tests.scenarios.trials import failed, trial, whole_run
from tests.scenarios.trials import measure as told


def test_the_parts_of_a_measure_add_up_to_it(small_run: Path) -> None:
    reader = RunReader(small_run)
    card = (reader.scorecard or {})["measures"]
    parts = parts_of(reader)
    for measure in TAKEN_APART:
        for by in BY:
            assert sum(parts[measure][by].values()) == pytest.approx(card[measure]["value"])
    assert set(parts["detection.recall"]["location"]) <= {"DC", "store", "no location"}
    assert [kind_of_location(name) for name in ("DC1", "S0004", "", "SUP1")] == [
        "DC", "store", "no location", "no location"
    ]


def test_one_pair_is_told_to_be_too_few_and_where_it_differs(
    command: Command, small_run: Path, tmp_path: Path
) -> None:
    done = command("run", *SMALL, "detector=never", "out=never", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = compare(str(small_run), str(tmp_path / "never"))
    recall = next(row for row in found.rows if row.name == "detection.recall")
    assert (recall.b, recall.gap.n, recall.p, recall.verdict) == (0.0, 1, None, "no claim")
    assert 'quickstart: detector.name: "standard" -> "never"' in found.notes
    for source in found.sources:
        row = next(row for row in found.rows if row.name == source.measure)
        assert sum(source.parts.values()) == pytest.approx(row.gap.difference)
    assert {source.by for source in found.sources} == set(BY)

    shown = command("compare", str(small_run), "never", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "No claim is made: 1 pair of seeds; a claim needs 30." in shown.stdout
    assert "detection.recall by type: " in shown.stdout
    as_json = command("compare", str(small_run), "never", "--json", cwd=tmp_path)
    assert {row["name"] for row in json.loads(as_json.stdout)["measures"]} == {row.name for row in found.rows}


def _scenario(path: Path, **recalls: float) -> str:
    _write_trials(path, {int(seed[1:]): value for seed, value in recalls.items()})
    return str(path)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one, other = _scenario(tmp_path / "one", s1=0.5, s2=0.6), _scenario(tmp_path / "two", s3=0.5)
    with pytest.raises(UserError, match=r"no seed in common \(1, 2 and 3\)"):
        compare(one, other)
    for path in (tmp_path / "two" / "trials").glob("*.json"):
        path.write_text(path.read_text().replace('"scenario":"calm"', '"scenario":"storm"'))
    with pytest.raises(UserError, match="scenario calm/standard and storm/standard"):
        compare(one, other)
    with pytest.raises(UserError, match="no entrant ewma; valid: standard"):
        compare(one, f"{one}:ewma")


def test_thirty_pairs_make_a_claim_and_unpaired_seeds_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    before = {seed: 0.8 + float(rng.normal(0, 0.02)) for seed in range(40)}
    _write_trials(tmp_path / "one", before)
    _write_trials(tmp_path / "two", {seed: value - 0.1 for seed, value in before.items() if seed < 35})
    found = compare(str(tmp_path / "one"), f"{tmp_path / 'two'}")
    row = next(row for row in found.rows if row.name == "detection.recall")
    assert (row.gap.n, row.verdict) == (35, "B worse")
    assert row.gap.difference == pytest.approx(-0.1)
    assert "calm/standard: seeds 35 to 39 of A have no pair and are left out" in found.notes
    assert found.sources[0].parts == {"shrink": pytest.approx(-0.1)}
    same = compare(f"{tmp_path / 'one'}:standard", f"{tmp_path / 'one'}:standard")
    assert {row.verdict for row in same.rows} == {"practically equal"}
    assert read_samples(tmp_path / "one")[0].scenario == "calm"


def test_a_failed_whole_run_counts_as_the_loss_that_was_not_managed(tmp_path: Path) -> None:
    losses = {"clean": 10.0, "unmanaged": 110.0, "managed": 60.0, "oracle": 40.0}
    trials = [whole_run("a", 1, losses), failed("b", 1), whole_run("b", 2, losses)]
    (tmp_path / "trials").mkdir()
    for number, one in enumerate(trials):
        (tmp_path / "trials" / f"{number}.json").write_text(one.to_json())
    b = next(one for one in read_samples(tmp_path) if one.name == "quickstart/b")
    assert b.values["business.managed.loss_value"] == (110.0, 60.0)
    assert b.values["business.recovery_of_reachable"] == (0.0, 50 / 70)


def test_rows_that_cannot_be_better_or_worse_make_no_claim_harder(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    gaps = rng.normal(0.01, 0.03, 30)
    idle = ("business.unmanaged.loss_value", "business.clean.loss_value", "detection.chance_recall")
    for side, folder in enumerate(("one", "two")):
        (tmp_path / folder / "trials").mkdir(parents=True)
        for seed in range(30):
            values = {"detection.recall": 0.5 + side * float(gaps[seed]), "detection.chance_recall": side + seed / 100}
            measures = {name: told(values.get(name, 100.0 + seed)) for name in ("detection.recall", *idle)}
            one = trial("mine", seed, 0.0, measures=measures)
            (tmp_path / folder / "trials" / f"{seed}.json").write_text(one.to_json())
    rows = {row.name: row for row in compare(str(tmp_path / "one"), str(tmp_path / "two")).rows}
    assert rows["detection.recall"].p == pytest.approx(stats.wilcoxon(gaps).pvalue)
    assert {name: (rows[name].p, rows[name].verdict) for name in idle} == {
        "business.unmanaged.loss_value": (None, "practically equal"),
        "business.clean.loss_value": (None, "practically equal"),
        "detection.chance_recall": (None, "neither better nor worse"),
    }
