"""The gate: exact where nothing is left to chance, at its stated rate elsewhere; files for others; the command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml
from scipy import stats

from scenarios import baseline as baselines
from scenarios import gate, gate_reports
from scenarios.baseline import Baseline
from scenarios.errors import UserError
from scenarios.gate import Verdict
from scenarios.gate_view import changes
from scenarios.measure_names import _BETTER, _UNTOUCHED, MEASURES, direction_of, margin_of, pair_of
from scenarios.measures.paired import paired
from scenarios.measures.trials import Trial
from scenarios.measures.unpaired import unpaired
from scenarios.samples import Sample, read_samples
from tests.conftest import Command
from tests.scenarios.samples import sample

LOCK = "a" * 64
RECALL, MTTD, PRECISION = "detection.recall", "detection.mttd_hours", "detection.precision"


def _baseline(*cells: Sample, margins: dict[str, str] | None = None, lock: str | None = LOCK) -> Baseline:
    return Baseline("1", lock, 0.05, margins or {RECALL: "0.02"}, {cell.name: cell for cell in cells})


def _judge(against: Baseline, *runs: Sample, lock: str | None = LOCK) -> Verdict:
    return gate.judge(against, runs, version="1", lock=lock)


def _status(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.status for check in verdict.checks}


def test_the_same_again_passes_on_any_number_of_seeds() -> None:
    cell = sample([1, 2])
    verdict = _judge(_baseline(cell), cell)
    assert verdict.code == 0
    assert _status(verdict) == {"hashes": "passed", "counts": "passed", RECALL: "passed"}
    assert verdict.judged == 0


@pytest.mark.parametrize("what", ["hashes", "counts"])
def test_one_hash_or_count_that_moved_is_a_regression(what: str) -> None:
    cell = sample([1, 2])
    moved = {2: {"unmanaged": "other"}} if what == "hashes" else {2: {"alerts": 11}}
    verdict = _judge(_baseline(cell), replace(cell, **{what: {**getattr(cell, what), **moved}}))
    assert verdict.code == 1
    assert _status(verdict)[what] == "failed"
    assert next(check.told for check in verdict.checks if check.name == what).count("of seed 2 (") == 1


def test_a_measure_that_moved_on_equal_hashes_cannot_be_judged_on_two_seeds() -> None:
    cell = sample([1, 2])
    verdict = _judge(_baseline(cell), replace(cell, values={RECALL: (0.1, 0.2)}))
    assert (verdict.code, _status(verdict)[RECALL]) == (2, "not judged")


@pytest.mark.parametrize("lock", [None, "b" * 64])
def test_under_another_lock_file_hashes_are_not_held_against_a_run(lock: str | None) -> None:
    many, few = sample(range(30)), sample([1, 2])
    assert _judge(_baseline(many), sample(range(30), stream="other"), lock=lock).code == 0
    verdict = _judge(_baseline(few), few, lock=lock)
    assert verdict.code == 2
    assert any(note.startswith("lock file: aaaaaaaaaaaa -> ") for note in verdict.notes)


def test_a_run_configured_differently_is_judged_on_measures_with_the_keys_named() -> None:
    cell = sample(range(30))
    other = sample(range(30), stream="other", config={"detector.name": "ewma", "policy.name": "manual"})
    verdict = _judge(_baseline(cell), other)
    assert (verdict.code, list(_status(verdict))) == (0, [RECALL])
    assert list(verdict.notes) == [
        'calm: detector.name: "standard" -> "ewma"', 'calm: policy.name: not there -> "manual"'
    ]


def _two(shift: float, fresh: bool = False) -> tuple[Sample, Sample]:
    rng = np.random.default_rng(3)
    before = rng.normal(0.8, 0.05, 40)
    after = (rng.normal(0.8, 0.05, 40) if fresh else before) + shift + rng.normal(0, 0.03, 40)
    seeds = range(100, 140) if fresh else range(40)
    return sample(range(40), values={RECALL: before}), sample(seeds, values={RECALL: after}, config={"x": 1})


@pytest.mark.parametrize("fresh", [False, True])
def test_a_measure_fails_when_the_whole_interval_is_beyond_the_margin(fresh: bool) -> None:
    outcomes = []
    for shift in np.linspace(-0.09, 0.09, 37):
        cell, run = _two(float(shift), fresh)
        a, b = np.array(cell.values[RECALL]), np.array(run.values[RECALL])
        test = unpaired if fresh else paired
        # Its ends are held against scipy in test_skewness.
        interval = test(a, b, margin=0.02, level=0.9, skewed=True)
        student = (stats.ttest_ind(b, a, equal_var=False) if fresh else stats.ttest_rel(b, a)).confidence_interval(0.9)
        check = _judge(_baseline(cell), run).checks[0]
        assert check.gap is not None
        assert (check.gap.low, check.gap.high) == (interval.low, interval.high)
        assert interval.low is not None
        assert interval.high is not None
        assert student.low - 0.002 < interval.low <= student.low + 1e-12
        assert student.high - 1e-12 <= interval.high < student.high + 0.002
        assert check.by == ("means" if fresh else "pairs")
        assert (check.status == "failed") == (interval.high < -0.02)
        outcomes.append(check.status)
    # what gets better never fails, and both outcomes occur
    assert set(outcomes) == {"passed", "failed"}
    assert set(outcomes[18:]) == {"passed"}


def test_where_lower_is_better_a_rise_fails_and_a_margin_may_be_a_percentage() -> None:
    rng = np.random.default_rng(1)
    hours = rng.normal(10, 0.1, 30)
    cell = sample(range(30), values={MTTD: hours})
    against = _baseline(cell, margins={MTTD: "5%"})
    for factor, code in ((1.2, 1), (1.02, 0), (0.5, 0)):
        values = {MTTD: hours * factor + rng.normal(0, 0.01, 30)}
        run = sample(range(30), values=values, stream="other", config={"x": 1})
        assert _judge(against, run).code == code
    assert baselines.margin_size("5%", [9.0, None, 11.0]) == pytest.approx(0.5)


@pytest.mark.parametrize("count", [29, 30])
def test_fewer_than_thirty_seeds_support_no_claim(count: int) -> None:
    cell = sample(range(count))
    run = replace(cell, config={"x": 1}, values={RECALL: tuple(v / 4 for v in cell.values[RECALL])})
    assert _judge(_baseline(cell), run).code == (2 if count < 30 else 1)


def test_values_that_went_missing_cannot_be_judged() -> None:
    cell = sample(range(40))
    gone = (*cell.values[RECALL][:20], *(None,) * 20)
    run = replace(cell, config={"x": 1}, values={RECALL: gone}, reasons={RECALL: "no exception"})
    verdict = _judge(_baseline(cell), run)
    assert verdict.code == 2
    assert "no value: no exception" in verdict.checks[0].told
    assert _judge(_baseline(cell, sample([1], name="storm")), cell).code == 2


@pytest.mark.parametrize("kind", ["normal", "alike", "skewed"])
def test_calls_fail_wrongly_at_the_stated_rate_at_most(kind: str) -> None:
    """The worst case, every measure truly worse by exactly its margin; and a heavy tail without any change."""
    rng = np.random.default_rng(17)
    names = [entry.name for entry in MEASURES if entry.name.startswith("detection.") and
             direction_of(entry.name) == "higher"][:8]
    wrong = 0
    for _ in range(400):
        if kind == "alike":
            gaps = np.tile(rng.normal(0, 0.05, 30), (len(names), 1))
        elif kind == "normal":
            gaps = rng.normal(0, 0.05, (len(names), 30))
        else:
            # unchanged, and the few great gains that a mean needs are often not seen in 30 seeds
            gaps = 0.05 * (rng.exponential(1, (len(names), 30)) - 1) + 0.02
        zero = dict.fromkeys(names, (0.9,) * 30)
        run = {name: tuple(0.9 - 0.02 + row) for name, row in zip(names, gaps, strict=True)}
        cell = Sample("calm", {}, tuple(range(30)), zero, {})
        verdict = _judge(_baseline(cell, margins=dict.fromkeys(names, "0.02")), replace(cell, values=run), lock=None)
        assert verdict.judged == len(names)
        wrong += verdict.code == 1
    assert stats.binomtest(wrong, 400, 0.05, alternative="greater").pvalue > 1e-3
    assert kind == "skewed" or wrong > 0


def test_a_trial_that_fails_now_is_a_regression() -> None:
    cell = sample(range(30))
    verdict = _judge(_baseline(cell), replace(cell, failed={3: "timeout"}))
    assert (verdict.code, _status(verdict)["trials"]) == (1, "failed")
    assert "seed 3 (timeout)" in next(check.told for check in verdict.checks if check.name == "trials")
    same = replace(cell, failed={3: "timeout"})
    assert _judge(_baseline(same), same).code == 0


def test_a_baseline_reads_as_it_was_written(tmp_path: Path) -> None:
    other = sample([5], name="storm/one", config={"world.days": 9}, failed={5: "memory"})
    cells = [sample(range(3), name="calm/one"), other]
    made = baselines.make(cells, version="1", lock=LOCK, before=None)
    path = tmp_path / "b.yaml"
    baselines.write(path, made)
    assert baselines.read(path) == made
    first = path.read_bytes()
    baselines.write(path, baselines.read(path))
    assert path.read_bytes() == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.yaml"]


def test_an_update_keeps_rate_and_margins_and_says_what_changed() -> None:
    before = Baseline("1", LOCK, 0.01, {RECALL: "0.5"}, {"calm": sample(range(3))})
    run = sample(range(1, 4), values={RECALL: [0.5, 0.5, 0.5], PRECISION: [1.0, 1.0, 1.0]}, config={"x": 1}, stream="t")
    after = baselines.make([run], version="2", lock=LOCK, before=before)
    assert (after.rate, after.margins) == (0.01, {RECALL: "0.5"})
    told = "\n".join(changes(before, after))
    for line in ("version: 1 -> 2", "calm: x: not there -> 1", "seeds 0 to 2 (3) -> 1 to 3 (3)",
                 "hashes of 2 of 2 common seeds", f"{RECALL} 81.0 % -> 50.0 %"):
        assert line in told
    wider = baselines.make([run], version="2", lock=LOCK, before=before, measures=[RECALL, PRECISION])
    assert wider.margins == {RECALL: "0.5", PRECISION: margin_of(PRECISION)}
    assert changes(after, after) == []


@pytest.mark.parametrize(
    ("measures", "told"),
    [(["detection.recal"], "did you mean 'detection.recall'?"), (["business.recovery"], "ratio of sums"),
     (["detection.chance_recall"], "neither a higher nor a lower"), (["detection.auc_pr"], "has no value in the run")],
)
def test_what_cannot_be_gated_is_refused(measures: list[str], told: str) -> None:
    run = sample([1], values={RECALL: [0.5]})
    more = {"business.recovery": (0.5,), "detection.chance_recall": (0.1,), "detection.auc_pr": (None,)}
    run = replace(run, values={**run.values, **more})
    with pytest.raises(UserError, match=told.replace("?", r"\?")):
        baselines.make([run], version="1", lock=None, before=None, measures=measures)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"schema": 2}, "is no baseline"), ({"rate": 1.5}, "rate=1.5"), ({"cells": {"calm": {}}}, "seeds"),
     ({"margins": {RECALL: "wide"}}, f"margins.{RECALL}"),
     ({"margins": {"detection.chance_recall": 1}}, "margins.detection.chance_recall")],
)
def test_a_baseline_that_is_wrong_is_one_line_that_names_the_key(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    path = tmp_path / "b.yaml"
    baselines.write(path, _baseline(sample(range(3))))
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(UserError, match="--baseline") as error:
        baselines.read(path)
    assert told in str(error.value)


def test_what_others_read_says_the_same() -> None:
    names = {RECALL: "0.02", PRECISION: "0.02", MTTD: "5%"}
    good, bad, few = [0.9] * 30, [0.5] * 30, [None] * 20 + [1.0] * 10
    cell = sample(range(30), values={RECALL: good, PRECISION: good, MTTD: [1.0] * 30})
    run = replace(cell, config={"x|y": 1}, values={RECALL: tuple(bad), PRECISION: tuple(good), MTTD: tuple(few)})
    verdict = _judge(_baseline(cell, margins=names), run)
    assert verdict.code == 1

    suite = ET.fromstring(gate_reports.junit(verdict)).find("testsuite")
    assert suite is not None
    assert [suite.get(key) for key in ("tests", "failures", "errors")] == ["3", "1", "1"]
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {RECALL: ["failure"], PRECISION: ["system-out"], MTTD: ["error"]}

    text = gate_reports.summary(verdict)
    assert text.startswith("## gate: REGRESSION (1 passed, 1 failed, 1 not judged)")
    assert "with chance 0.05 at most, over all 3 measures judged" in text
    assert "x|y: not there -> 1" in text

    metrics = json.loads(gate_reports.metrics(verdict))
    assert all(set(entry) == {"name", "unit", "value"} for entry in metrics)
    assert metrics[0] == {"name": f"calm: {RECALL}", "unit": "share", "value": pytest.approx(0.5)}
    assert json.loads(gate_reports.as_json(verdict))["code"] == 1


def test_every_measure_says_which_way_is_better() -> None:
    for entry in MEASURES:
        stem = entry.name.rsplit(".", maxsplit=1)[-1]
        named = entry.name in _BETTER or stem in _BETTER or entry.name.startswith(_UNTOUCHED) or pair_of(entry.name)
        assert named, entry.name
        assert baselines.margin_size(margin_of(entry.name), [2.0]) > 0
    assert direction_of("detection.loop.recall") == "higher"
    assert direction_of("repair.mttr_hours") == "lower"
    assert direction_of("manual.mttr_hours") == "neutral"
    assert direction_of("business.clean.loss_value") == "neutral"
    assert direction_of("business.managed.loss_value") == "lower"


def _write_trials(folder: Path, recalls: dict[int, float | None], split: str = "test") -> None:
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    for seed, recall in recalls.items():
        measures = {RECALL: {"value": recall, "unit": "share", "n": 4}}
        trial = Trial("calm", seed, split, "standard", "ok" if recall is not None else "timeout", event_hash=f"h{seed}",
                      measures=measures, by_type={"shrink": {"n": 4, "recall": recall, "announced": False}})
        (folder / "trials" / f"{split}{seed}.json").write_text(trial.to_json())


def test_a_benchmark_is_gated_by_scenario_and_entrant_on_its_test_seeds(tmp_path: Path) -> None:
    _write_trials(tmp_path / "one", {seed: 0.8 + seed % 3 / 100 for seed in range(30)})
    _write_trials(tmp_path / "one", {100: 0.1}, split="dev")
    _write_trials(tmp_path / "two", {seed: 0.7 + seed % 3 / 100 if seed else None for seed in range(30)})
    (one,), (two,) = read_samples(tmp_path / "one"), read_samples(tmp_path / "two")
    assert (one.name, one.seeds, one.hashes[3]) == ("calm/standard", tuple(range(30)), {"event_hash": "h3"})
    # the failed trial counts as having found nothing
    assert two.values[RECALL][0] == 0.0
    against = baselines.make([one], version="1", lock=LOCK, before=None)
    assert _judge(against, one).code == 0
    assert _status(_judge(against, two)) == {
        "hashes": "passed", "counts": "passed", "trials": "failed", RECALL: "failed"
    }


def test_the_command_makes_a_baseline_and_holds_a_run_against_it(
    command: Command, small_run: Path, tmp_path: Path
) -> None:
    run = str(small_run)
    missing = command("gate", run, "--baseline", "b.yaml", cwd=tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "make it with --update" in missing.stderr
    assert not list(tmp_path.iterdir())

    (tmp_path / "requirements.lock").write_text("numpy==2\n")
    made = command("gate", run, "--baseline", "b.yaml", "--update", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("new: quickstart (1 seeds)")
    files = ("--junit", "j.xml", "--summary", "s.md", "--metrics", "m.json")
    passed = command("gate", run, "--baseline=b.yaml", *files, cwd=tmp_path)
    assert passed.returncode == 0, passed.stdout
    assert passed.stdout.splitlines()[-1].startswith("gate: passed")
    assert all((tmp_path / name).is_file() for name in files[1::2])

    content = yaml.safe_load((tmp_path / "b.yaml").read_text())
    content["cells"]["quickstart"]["counts"][1]["alerts"] += 1
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(content))
    failed = command("gate", run, "--baseline", "b.yaml", "--json", cwd=tmp_path)
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["code"] == 1
    (tmp_path / "requirements.lock").write_text("numpy==3\n")
    assert command("gate", run, "--baseline", "b.yaml", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [(["x"], "--baseline: is missing"), ([], "takes one run"), (["x", "--baseline"], "needs a value"),
     (["x", "--basline", "b"], "did you mean '--baseline'?"), (["x", "--baseline", "b"], "neither a run folder"),
     (["x", "--baseline", "b", "--measures", "a"], "goes with --update"),
     (["x", "--update=yes", "--baseline", "b"], "takes no value"), (["x", "--json", "--json"], "is there twice")],
)
def test_a_mistake_is_one_line(command: Command, tmp_path: Path, words: list[str], told: str) -> None:
    done = command("gate", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr


def test_a_file_that_cannot_be_written_is_told(command: Command, small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = command("gate", str(small_run), "--baseline", "file/b.yaml", "--update", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--baseline file/b.yaml: cannot be " in done.stderr


def test_a_damaged_scorecard_is_told(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    (tmp_path / "run" / "scorecard.json").write_text("{")
    with pytest.raises(UserError, match=r"scorecard\.json cannot be read"):
        read_samples(tmp_path / "run")
