"""A detector of the user's own on the command line: a class, a command, a file, and what is said of a bad one."""

import json

import pyarrow.parquet as pq
import pytest

from scenarios.compose import compose
from scenarios.errors import UserError

TINY = ("world.stores=2", "world.items=30", "world.days=3", "oracle=false", "record=summary")


def failures(done):
    return done.returncode, done.stderr.strip().splitlines()


def test_a_class_that_fails_is_one_line_and_leaves_nothing(command, tmp_path):
    done = command("run", *TINY, "detector.plugin=tests.detection.hostile:Raises", "out=run", cwd=tmp_path)
    assert failures(done) == (1, ["stocktwin: the detector failed (error): KeyError: 'no\\nsuch luck'"])
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_fails_is_told_by_workers_too(command, tmp_path):
    done = command("run", *TINY, "detector.plugin=tests.detection.hostile:Aborts", "workers=2", cwd=tmp_path)
    code, lines = failures(done)
    assert (code, lines[-1]) == (1, "stocktwin: the detector failed (killed): was ended by SIGABRT")


def test_alerts_of_one_run_are_those_of_a_run_that_reads_them_from_a_file(command, tmp_path, small_run):
    alerts = pq.read_table(small_run / "alerts.parquet").to_pandas()
    ours = alerts[(alerts["arm"] == "unmanaged") & (alerts["detector"] == "standard")].sort_values("raised_at")
    columns = ["raised_at", "type", "location", "item", "document_id", "interface", "sequence", "score"]
    ours[columns].to_csv(tmp_path / "alerts.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S.%f")

    done = command("run", "world.stores=4", "world.items=60", "world.days=8", "oracle=false", "detector=alerts",
                   "detector.file=alerts.csv", "out=run", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    runs = (small_run, tmp_path / "run")
    before, after = (json.loads((run / "scorecard.json").read_text())["measures"] for run in runs)
    again = pq.read_table(tmp_path / "run" / "alerts.parquet").to_pandas()
    again = again[(again["arm"] == "unmanaged") & (again["detector"] == "alerts")]
    assert len(again) == len(ours)
    for name in ("detection.recall", "detection.precision"):
        assert after[name]["value"] == before[name]["value"]


def test_scores_on_a_grid_get_their_area(command, tmp_path, small_run):
    wrong = pq.read_table(small_run / "truth" / "exceptions.parquet").to_pandas()
    wrong = wrong[(wrong["arm"] == "unmanaged") & (wrong["type"] == "phantom_stock")]
    hit = {(row.location, row.item, str(row.opened_at)[:10]) for row in wrong.itertuples()}
    days = sorted({day for _, _, day in hit})
    lines = ["day,location,item,score"]
    for day in days:
        for store in range(1, 5):
            for item in range(1, 61):
                cell = (f"S{store:04d}", f"I{item:05d}", day)
                lines.append(f"{day},{cell[0]},{cell[1]},{0.9 if cell in hit else 0.1}")
    (tmp_path / "scores.csv").write_text("\n".join(lines) + "\n")

    done = command("run", "world.stores=4", "world.items=60", "world.days=8", "oracle=false", "detector=scores",
                   "detector.file=scores.csv", "detector.threshold=0.5", "out=run", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    measures = json.loads((tmp_path / "run" / "scorecard.json").read_text())["measures"]
    assert 0.1 < measures["detection.auc_pr"]["value"] <= 1.0
    assert measures["detection.auc_pr"]["n"] == len(lines) - 1
    alerts = pq.read_table(tmp_path / "run" / "alerts.parquet").to_pandas()
    assert ((alerts["detector"] == "scores") & (alerts["arm"] == "unmanaged")).sum() > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["detector=alerts"], "detector=alerts: needs a file"),
        (["detector=command"], "detector=command: needs a command"),
        (["detector.command=no-such-program x"], "no such program"),
        (["detector.command=\"sh 'x\""], "No closing quotation"),
        (["detector.file=x.csv"], "only detector=alerts, scores and boosted read a file"),
        (["detector=scores", "detector.file=nowhere.csv"], "nowhere.csv: cannot be read"),
        (["detector.format=xml"], "detector.format=xml: no such choice; valid: arrow, jsonl"),
        (["detector.threshold=0.5"], "only detector=scores has a threshold"),
        (["detector.limit_seconds=0"], "detector.limit_seconds=0.0: must be above 0"),
        (["detector.plugin=no.such:Class"], "detector.plugin=no.such:Class: no such class"),
        (["detector.plugin=tests.detection.hostile:Nobody"], "no such class"),
        (["detector.plugin=tests.detection.hostile:Raises", "detector.command=cat"], "choose one"),
    ],
)
def test_what_cannot_be_used_is_one_line_by_its_key(words, said):
    with pytest.raises(UserError) as refused:
        compose(words)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_bad_file_ends_a_run_before_it_begins(command, tmp_path):
    (tmp_path / "scores.csv").write_text("day,location,score\n2026-03-02,S0001,nan\n")
    done = command("run", *TINY, "detector=scores", "detector.file=scores.csv", "world.start=2026-03-02", cwd=tmp_path)
    assert failures(done) == (
        2, ["stocktwin: detector.file: scores.csv: row 1, column score: nan is no finite number"])
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]
