"""A recording shows an operator what the live loop showed it: the same alerts, cases and measures, value for value."""

import pandas as pd
import pyarrow as pa
import pytest

from scenarios.arms import run_experiment
from scenarios.bench.recording import ARM, Overlay, record, replay, shown_to
from scenarios.compose import compose
from scenarios.measures import score
from scenarios.reader import RunReader
from sim.events import COLUMNS
from sim.hashing import StreamHash, combine_digests
from sim.region import vocabulary_of

#: Two regions, and enough going wrong for every kind of detector to speak.
WORLD = ("world.regions=2", "world.stores=4", "world.items=50", "world.days=8", "world.suppliers=5", "faults.scale=3",
         "seed=5", "oracle=false", "record=full")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return record(compose(WORLD), tmp_path_factory.mktemp("recording") / "kept")


def plain(table):
    """A table without its dictionaries, which no reader sees."""
    columns = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)


# last_point and random depend on the order of the blocks of a tick, standard on all of the views.
@pytest.mark.parametrize(
    "detector", ["standard", *(pytest.param(name, marks=pytest.mark.campaign) for name in ("random", "last_point"))]
)
def test_an_operator_says_of_a_recording_what_it_said_live(recording, tmp_path, detector):
    experiment = compose([*WORLD, f"detector={detector}"])
    live = RunReader(run_experiment(experiment, tmp_path / "live"))
    shown = shown_to(experiment, RunReader(recording))
    for name in ("alerts", "cases"):
        expected = plain(live.table(name, arm=ARM))
        assert expected.num_rows > 50
        assert plain(shown[name]).equals(expected)
    told = score(Overlay(recording, shown)).to_json()["measures"]
    for name, measure in (live.scorecard or {})["measures"].items():
        if name.startswith(("detection.", "classification.", "case.", "manual.")) and ".loop." not in name:
            assert told[name] == measure, name


def test_a_replay_hands_over_every_row_once_and_in_the_order_that_was_hashed(recording):
    reader, experiment = RunReader(recording), compose(WORLD)
    digests = []
    for region in range(2):
        vocabulary = vocabulary_of(experiment, region)
        rows, ticks = [], []
        for now, handed in replay(reader, experiment, region, vocabulary):
            ticks.append(now)
            rows += [({**block.columns, "event_type": block.event_type}, block.size) for block in handed]
        assert len(ticks) == len(set(ticks)) == 8 * 96
        words = StreamHash({name: vocabulary.strings(kind.removeprefix("code:"))
                            for name, kind in COLUMNS.items() if kind.startswith("code:")})
        digests.append(_in_file_order(words, rows))
    assert combine_digests(digests) == reader.manifest["event_hash"]


def _in_file_order(digest, rows):
    """The hash of rows that were handed over, put in the order of the file: by time, then by id, a group at a time."""
    import numpy as np

    made = np.concatenate([digest.words(columns, size) for columns, size in rows])
    keys = [np.concatenate([columns[name] for columns, _ in rows]) for name in ("event_id", "available_at")]
    digest.update_words(made[np.lexsort(keys)])
    return digest.hexdigest()


def test_the_recorded_oracle_alerts_at_first_evidence_and_only_then(recording):
    experiment = compose(WORLD)
    card = score(Overlay(recording, shown_to(experiment, RunReader(recording), oracle=True))).measures
    never = score(RunReader(recording)).measures
    assert card["detection.mttd_regret_hours"].value < 2.0 < never["detection.mttd_regret_hours"].value
    assert card["detection.recall"].value > 0.85
    assert never["detection.recall"].value == 0.0


def test_no_operator_finds_what_the_recorded_oracle_keeps_to_itself(recording):
    """It speaks of what is over too, while an alert still counts, and only of what is true."""
    experiment = compose(WORLD)
    best = score(Overlay(recording, shown_to(experiment, RunReader(recording), oracle=True)))
    mine = score(Overlay(recording, shown_to(experiment, RunReader(recording))))
    assert best.measures["detection.precision"].value == 1.0
    recalls = [{part.key: part.estimate.value for part in card.parts
                if (part.measure, part.by) == ("detection.recall", "type")} for card in (best, mine)]
    assert all(recalls[0][kind] >= found for kind, found in recalls[1].items())


def test_scores_on_the_grid_are_worth_what_they_are_live(recording, tmp_path):
    days = pd.date_range("2026-03-02", periods=8).strftime("%Y-%m-%d")
    table = pd.DataFrame([(day, f"S000{store}", f"I0000{item}", (7 * store + 3 * item) % 11 / 11)
                          for day in days for store in range(1, 5) for item in range(1, 10)],
                         columns=["day", "location", "item", "score"])
    table.to_csv(tmp_path / "scores.csv", index=False)
    experiment = compose([*WORLD, "detector=scores", f"detector.file={tmp_path / 'scores.csv'}"])
    live = RunReader(run_experiment(experiment, tmp_path / "live"))
    told = score(Overlay(recording, shown_to(experiment, RunReader(recording)))).to_json()["measures"]
    assert told["detection.auc_pr"]["value"] is not None
    assert told["detection.auc_pr"] == (live.scorecard or {})["measures"]["detection.auc_pr"]


def test_an_overlay_changes_nothing_on_the_disk(recording):
    before = {path: path.stat().st_mtime_ns for path in recording.rglob("*") if path.is_file()}
    score(Overlay(recording, shown_to(compose([*WORLD, "detector=book"]), RunReader(recording))))
    assert {path: path.stat().st_mtime_ns for path in recording.rglob("*") if path.is_file()} == before
