"""The audit: its arithmetic on made-up figures, what it must see, and all of it once on the smallest worlds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from detection.detectors.one_liner import RULES
from scenarios.audit import frequency, knowing, one_liners, positions, resting, spying
from scenarios.audit.audit import audit
from scenarios.audit.frequency import Frequency
from scenarios.audit.judging import recorded
from scenarios.audit.line import FILE_NAME, PAGE_NAME, line
from scenarios.audit.one_liners import Tally, choose
from scenarios.audit.settings import Settings, check_worlds, settings_of
from scenarios.cli import main
from scenarios.errors import UserError
from scenarios.groups import content
from scenarios.match import NULL
from scenarios.measures.flips import FLIP_COLUMNS, FLIPS
from scenarios.measures.run import Run
from scenarios.statistics import Estimate

TINY = ("world.stores=3", "world.items=40", "world.days=10", "world.suppliers=6", "faults.scale=3")
SMALLEST = Settings(
    world=TINY, dev=(1,), test=(2,), scales=(0.0, 1.0, 4.0), scale_world=TINY[:3], scale_seeds=(3, 4),
    twin_world=("world.stores=2", "world.items=24", "world.days=4", "faults=none", "faults.dropped_message.rate=0.02",
                "faults.duplicate_message.rate=0.02"),
    clue_world=("world.stores=3", "world.items=40", "world.days=6", "world.daily_units=2", "faults=none"),
    clue_seeds=(0, 1), prefix_days=6, spied_days=2, openings=5,
)  # fmt: skip


def _tally(found: dict[int, list[float]], untrue: dict[int, float]) -> Tally:
    shares, alarms = np.zeros((len(RULES), 2)), np.full(len(RULES), np.inf)
    for rule, row in found.items():
        shares[rule] = row
        alarms[rule] = untrue[rule]
    return Tally(("clock_skew", "phantom_stock"), np.array([4.0, 20.0]), shares, alarms, 100.0)


def test_the_best_rule_is_the_best_mean_over_types_within_the_budget():
    tallies = [
        _tally({3: [4, 0], 5: [0, 18], 7: [4, 20]}, {3: 90, 5: 10, 7: 250}),
        _tally({3: [4, 0], 5: [0, 16], 7: [4, 20]}, {3: 90, 5: 10, 7: 0}),
    ]
    choice = choose(tallies, 1.0)
    assert (choice.number, choice.recall, choice.tried) == (3, pytest.approx(0.5), 2)
    assert choice.by_type == {"clock_skew": (1.0, 3), "phantom_stock": (34 / 40, 5)}
    assert choose(tallies, 2.0).number == 7
    assert choose(tallies, 0.05).number == -1


def test_a_trivial_benchmark_is_outside():
    choice = choose([_tally({3: [4, 0]}, {3: 0})], 1.0)
    trivial, fine = ([(0.4, 0.1), (0.5, 0.1)], [(0.1, 0.1), (0.2, 0.1)])
    assert not one_liners.lines(choice, trivial, Settings())[0].is_inside
    assert one_liners.lines(choice, fine, Settings())[0].is_inside
    assert "clock_skew 100% (rule 3)" in one_liners.lines(choice, fine, Settings())[0].note


def _position(openings: np.ndarray):
    return frequency.lines([Frequency(1.0, 10.0, np.sort(openings))], Settings(openings=300))[2]


def test_openings_are_held_against_uniform_by_what_the_best_cut_in_time_could_tell():
    draw = np.random.default_rng(2)
    level, late = draw.random(2000), draw.random(2000) ** 0.5
    assert _position(level).is_inside
    assert _position(level).value == pytest.approx(stats.kstest(level, "uniform").statistic)
    assert not _position(late).is_inside
    assert not _position(level[:299]).is_inside


def test_a_bias_that_is_worth_little_is_inside_however_many_show_it_and_few_openings_prove_nothing():
    draw = np.random.default_rng(5)
    slight = draw.random(8000) ** 0.93
    assert stats.kstest(slight, "uniform").pvalue < 0.01
    assert _position(slight).is_inside
    # The whole interval must be within the limit (Dvoretzky, Kiefer and Wolfowitz): 300 openings are too few for that.
    assert not _position(slight[:300]).is_inside


def test_what_is_not_measured_is_not_inside():
    assert not line("row", None, "any", inside=True).is_inside
    assert not line("row", Estimate(float("nan")), "any", inside=True).is_inside


def test_there_is_no_skill_only_where_the_whole_interval_is_below_the_limit():
    def is_inside(values: list[float]) -> bool:
        rows = knowing.skill_lines([knowing.Skills(one, one, one) for one in values], Settings(skill=0.03))
        return rows[0].is_inside

    assert is_inside([0.0, 0.01, -0.02, 0.01])
    assert not is_inside([0.2, 0.21, 0.19, 0.2])
    assert not is_inside([0.7, -0.1, 0.6, 0.0])  # seeds that differ that much show nothing
    assert not is_inside([0.0])


class _Placed(Run):
    """A run whose exceptions all open a little before its fifth tenth."""

    def table(self, name: str, arm: str) -> pd.DataFrame:
        table = super().table(name, arm)
        if name != "truth/exceptions":
            return table
        begin, end = self.horizon
        place = begin + (end - begin) * (0.37 + 0.03 * np.random.default_rng(1).random(len(table)))
        moved = place.astype(np.int64) - table["opened_at"].to_numpy()
        stamps = {column: table[column].to_numpy() for column in ("opened_at", "first_evidence_at", "closed_at")}
        return table.assign(**{column: np.where(at == NULL, NULL, at + moved) for column, at in stamps.items()})


def test_what_knows_the_place_of_the_exceptions_in_the_run_has_skill_and_what_does_not_has_none(tmp_path: Path):
    recording = recorded(TINY, 5, tmp_path / "recording")
    run, placed = recording.run(), _Placed(recording.reader)
    begin, end = run.horizon
    alerts = positions.at_the_end(recording, run)
    alerts = alerts.assign(raised_at=alerts["raised_at"] - (end - begin) // 2)  # the fifth tenth
    biased = positions.skill_of(placed, alerts)
    level = positions.skill_of(run, alerts)
    assert biased is not None
    assert level is not None
    assert biased > 0.1
    assert level < biased / 2


def _swept(recall=(None, 0.9, 0.91), placebo=(0.0, 0.4), paired=(0.9, 0.9), incidents=(0.0, 1.0, 2.0),
           untrue=(0.0, 0.05, 0.1)):
    # Seeds are never the same, and three of them make an interval.
    return [knowing.Swept(*(tuple(one if one is None else one + 0.01 * seed for one in values)
                            for values in (recall, placebo, paired, incidents, untrue))) for seed in range(3)]


def test_the_sweep_is_inside_where_faults_are_what_is_found():
    settings = Settings(scales=(0.0, 1.0, 4.0), scale_seeds=(1, 2, 3))
    rows = knowing.scale_lines(_swept(), settings)
    assert [row.is_inside for row in rows] == [True, True, True], rows
    assert rows[0].value == pytest.approx(0.5)
    assert rows[2].value == pytest.approx(-0.05)


def test_each_row_of_the_sweep_can_fail():
    settings = Settings(scales=(0.0, 1.0, 4.0), scale_seeds=(1, 2, 3))
    found = {
        "an operator that says the same whatever happens": _swept(placebo=(0.9, 0.9)),
        "recall that falls where much goes wrong": _swept(recall=(None, 0.9, 0.7)),
        "an operator that cries where nothing is wrong": _swept(incidents=(0.4, 1.0, 2.0)),
        "false alarms that come with the faults alone": _swept(untrue=(0.0, 0.3, 0.5)),
    }
    verdicts = {name: [row.is_inside for row in knowing.scale_lines(one, settings)] for name, one in found.items()}
    assert list(verdicts.values()) == [
        [False, True, True], [True, False, True], [True, True, False], [True, True, False]], verdicts
    assert not any(row.is_inside for row in knowing.scale_lines(_swept()[:1], settings))  # one seed shows nothing


def test_the_suite_of_this_project_can_be_read():
    settings = settings_of(content("suite", "audit"))
    check_worlds(settings)
    assert settings.trivial_share == 0.2
    assert not set(settings.dev) & set(settings.test)
    with pytest.raises(UserError, match=r"trivial_shar: no such key.*did you mean 'trivial_share'"):
        settings_of({"trivial_shar": 1})


def test_the_audit_has_the_budget_of_the_suites_and_seeds_that_nothing_was_fitted_or_judged_on(root: Path):
    settings = settings_of(content("suite", "audit"))
    suites = [content("suite", path.stem) for path in (root / "conf" / "suite").glob("*.yaml") if path.stem != "audit"]
    assert {suite["budget"] for suite in suites if "budget" in suite} == {settings.budget}
    used = {seed for suite in suites for split in suite["seeds"].values() for seed in split}
    for path in (root / "detection" / "classifiers" / "versions").glob("*.json"):
        used |= set(json.loads(path.read_text())["fitted_on"]["seeds"])
    assert {101, 201, 304} <= used
    assert not (used | set(settings.dev)) & {*settings.test, *settings.scale_seeds}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("world=3", "suite.world=3: must be a list of words, like [world.stores=4,world.days=14]"),
        ("world=[3]", "suite.world=[3]: must be a list of words"),
        ("world=[world.storres=3]", "suite.world: world.storres"),
        ("workers=two", "suite.workers=two: must be a whole number of at least 1"),
        ("workers=0", "suite.workers=0: must be a whole number of at least 1"),
        ("test=[a]", "suite.test=['a']: must be a list of whole numbers, like [1,2]"),
        ("test=7", "suite.test=7: must be a list of whole numbers"),
        ("test=[]", "suite.test=[]: must not be empty"),
        ("test=[1,7]", "suite.test: seed 1 is in suite.dev too"),
        ("exceptions=[8,1]", "suite.exceptions=[8, 1]: must be two numbers"),
        ("budget=-1", "suite.budget=-1: must be a number of at least 0"),
        ("budget=true", "suite.budget=True: must be a number"),
        ("scales=[1,2]", "suite.scales: must begin with 0 and rise"),
        ("sensitivity=5", "suite.sensitivity=5: must be words"),
    ],
)
def test_a_value_of_the_wrong_form_is_one_line_by_its_key(word: str, said: str, tmp_path: Path, capsys):
    assert main(["bench", "suite=audit", word, f"out={tmp_path / 'audit'}"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_spy_finds_what_its_process_was_given(tmp_path: Path):
    """A parameter is told to a third party's process: its bits must be found there, and others must not."""
    leak = 1234.5678
    words = [*TINY[:2], "world.days=2", f"detector.parameters.rule={leak}"]
    recording = recorded(words, 5, tmp_path / "recording")
    leaked = int(np.array([leak]).view(np.int64)[0])
    hits, shown = spying.spied(recording, np.array([leaked]), 1, tmp_path)
    assert hits > 0
    assert shown > 0
    none, _ = spying.spied(recording, np.array([leaked + 1, leaked ^ 0x5A5A5A5A]), 1, tmp_path)
    assert none == 0


def test_assumptions_that_flip_a_ranking_are_named_and_where_nobody_looked_that_is_said(tmp_path: Path):
    absent = resting.assumptions_line(tmp_path)
    assert (absent.verdict, absent.value) == ("not run", None)
    assert "suite=sensitivity" in absent.note
    row = dict.fromkeys(FLIP_COLUMNS, 0.5) | {"value": 2.0, "ahead": "manual", "behind": "visibility"}
    rows = [row | {"assumption": "people.dc", "verdict": FLIPS}, row | {"assumption": "costs.expedite", "verdict": "?"}]
    pd.DataFrame(rows).to_csv(tmp_path / "flips.csv", index=False)
    (tmp_path / "suite.json").write_text('{"origin": {"a b=1": "a", "a b=2": "a", "a c=1": "a"}}')
    found = resting.assumptions_line(tmp_path)
    assert (found.verdict, found.value, found.n) == ("inside", 1.0, 3)
    assert found.note == "people.dc=2 (visibility before manual)"


@pytest.mark.campaign
def test_all_rows_on_the_smallest_worlds(tmp_path: Path):
    lines = audit(SMALLEST, tmp_path / "one")
    table = pd.read_csv(tmp_path / "one" / FILE_NAME)
    assert table["row"].to_list() == [one.row for one in lines]
    flaws = {one.row.partition(":")[0] for one in lines}
    assert flaws == {
        "triviality", "density", "wrong labels", "position bias", "shuffled truth", "leakage", "detectability",
        "assumptions"}
    by_row = {one.row: one for one in lines}
    for row in ("wrong labels: share of twins without one fault that break a rule",
                "leakage: alerts that change when the stream goes on",
                "leakage: ids of the truth in the memory of a third-party detector"):
        assert by_row[row].value == 0, by_row[row]
        assert by_row[row].is_inside, by_row[row]
    assert {path.name for path in (tmp_path / "one").iterdir()} == {FILE_NAME, PAGE_NAME}


def test_the_table_is_read_in_a_hundred_columns_and_the_notes_stand_beside_it(tmp_path: Path, monkeypatch, capsys):
    note = "rule 7, a | b: " + "word " * 60
    found = [line("leakage: rank of the place in its row of what a fault of this type touched", Estimate(
                 0.5123, 0.4811, 0.5467, 12_345), "0.5 within 3 standard errors", inside=True, note=note),
             line("density: none", None, "0", inside=False)]
    monkeypatch.setattr("scenarios.audit.audit._measure", lambda *_: found)
    assert main(["bench", "suite=audit", f"out={tmp_path}"]) == 1
    told = capsys.readouterr().out
    table = told.partition("what each row rests on")[0]
    assert max(map(len, table.splitlines())) <= 100
    assert "word" not in table
    for word in ("12,345", "inside", "outside", "0.5123"):
        assert word in table
    page = (tmp_path / PAGE_NAME).read_text().splitlines()
    assert len(page) == 4
    assert r"a \| b: word" in page[2]
    assert pd.read_csv(tmp_path / FILE_NAME)["n"].to_list()[0] == 12_345


def test_the_command_answers_a_mistake_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "suite=audit", "trivial=0.1", f"out={tmp_path}"]) == 2
    assert "suite.trivial: no such key of an audit" in capsys.readouterr().err


def test_an_audit_that_is_there_is_not_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / FILE_NAME).write_text("row\n")
    assert main(["bench", "suite=audit", f"out={tmp_path}"]) == 2
    assert "holds an audit already; overwrite=true replaces it" in capsys.readouterr().err
    assert (tmp_path / FILE_NAME).read_text() == "row\n"


@pytest.mark.campaign
def test_more_workers_change_no_row(tmp_path: Path):
    one = audit(SMALLEST, tmp_path / "one")
    assert audit(dataclasses.replace(SMALLEST, workers=2), tmp_path / "two") == one
