"""Files of alerts and of scores: told when their time has come, refused as a whole when they are not sound."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detection.detectors.files import FileError, Names, read
from detection.layout import Layout
from detection.pipeline import OperatorSpec, build
from detection.spec import OutsideSpec
from sim.clock import DAY, HOUR, parse_date
from sim.events import INTERFACE, Rows, Vocabulary

START = parse_date("2026-03-02")
NAMES = Names(("DC1", "S0001", "S0002"), ("I00001", "I00002"), ("R1", "R2"), START, START + 3 * DAY)
LAYOUT = Layout(Vocabulary(("DC1", "S0001"), ("I00001", "I00002")))
ALERTS = """raised_at,type,location,item,document_id,interface,sequence,score,region
2026-03-02T10:00:00,phantom_stock,S0001,I00002,,,,0.75,
2026-03-02T11:20:00,phantom_stock,S0002,I00002,,,,,
2026-03-03,dropped_message,S0001,,,pos_erp,17,,R1
2026-03-03T00:00:00,late_asn,,,4503599627370495,,,2,R2
"""
SCORES = """day,location,item,score
2026-03-02,S0001,I00001,0.2
2026-03-02,S0001,,0.9
2026-03-03,S0001,I00001,0.8
2026-03-03,,I00002,0.95
"""


def write(folder, text, suffix=".csv"):
    path = folder / f"file{suffix}"
    if suffix == ".csv":
        path.write_text(text)
    else:
        head, *lines = (line.split(",") for line in text.strip().splitlines())
        pq.write_table(pa.table({name: [line[place] or None for line in lines] for place, name in enumerate(head)}),
                       path)
    return path


def told(path, kind, **outside):
    operator = build(OperatorSpec(detector=kind, outside=OutsideSpec(file=str(path), **outside)), LAYOUT, seed=1)
    for hour in range(73):
        operator.step(START + hour * HOUR, Rows())
    alerts = operator.records()["alerts"]
    return [
        ((at - START) // HOUR, alerts["type"][n], alerts["location"][n], alerts["item"][n], alerts["score"][n])
        for n, at in enumerate(alerts["raised_at"])
    ], alerts


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_alerts_are_told_at_the_step_after_they_were_raised_in_their_region(tmp_path, suffix):
    found, alerts = told(write(tmp_path, ALERTS, suffix), "alerts")
    assert found == [(10, "phantom_stock", 1, 1, 0.75), (24, "dropped_message", 1, -1, 1.0)]
    assert (alerts["interface"][1], alerts["sequence"][1]) == (INTERFACE["pos_erp"], 17)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_scores_are_told_when_their_day_is_over_and_they_reach_the_threshold(tmp_path, suffix):
    found, _ = told(write(tmp_path, SCORES, suffix), "scores", threshold=0.8)
    assert found == [(24, "clock_skew", 1, -1, 0.9), (48, "phantom_stock", 1, 0, 0.8),
                     (48, "unit_of_measure", -1, 1, 0.95)]
    assert told(tmp_path / f"file{suffix}", "scores")[0] == []


def test_columns_with_types_are_read_too(tmp_path):
    path = tmp_path / "typed.parquet"
    pq.write_table(pa.table({
        "raised_at": pa.array([START + HOUR], pa.timestamp("us")), "type": ["api_outage"], "interface": ["pos_erp"],
        "score": [0.5],
    }), path)
    assert read(path, "alerts", NAMES)[0]["raised_at"] == START + HOUR


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("alerts", "raised_at,", "at,", "no column raised_at"),
        ("alerts", "phantom_stock,S0001", "theft,S0001", "row 1, column type: theft is unknown"),
        ("alerts", "phantom_stock,S0002", ",S0002", "row 2, column type: is empty"),
        ("alerts", "S0002,", "S0009,", "row 2, column location: S0009 is unknown; valid: DC1"),
        ("alerts", "S0001,I00002", "S0001,I9", "row 1, column item: I9"),
        ("alerts", "S0001,I00002", "S0001,", "row 1: an alert of phantom_stock needs item"),
        ("alerts", "pos_erp", "pos_sap", "row 3, column interface: pos_sap"),
        ("alerts", ",17,", ",17.5,", "row 3, column sequence: 17.5 is no whole number"),
        ("alerts", ",17,", ",,", "row 3: an alert of dropped_message needs sequence or document_id"),
        ("alerts", "0.75", "nan", "row 1, column score: nan is no finite number"),
        ("alerts", "2026-03-03,", "2026-03-02T01:00:00,", "row 3, column raised_at: is before the row above"),
        ("alerts", "2026-03-02T10:00:00", "yesterday", "row 1, column raised_at: yesterday is no time"),
        ("alerts", "2026-03-02T10:00:00", "2026-03-02T10:00:00Z", "row 1, column raised_at"),
        ("alerts", "2026-03-02T10:00:00", "2026-02-28", "row 1, column raised_at: 2026-02-28 lies outside the run"),
        ("alerts", "R1", "R7", "row 3, column region: R7"),
        ("scores", "0.2", "", "row 1, column score: is empty"),
        ("scores", "0.2", "inf", "row 1, column score: inf is no finite number"),
        ("scores", "S0001,I00001,0.2", ",,0.2", "row 1: a score needs location"),
        ("scores", "2026-03-02,S0001,,", "2026-03-02,S0001,I00001,", "row 2: a second score"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_not_sound_is_refused_by_row_and_column(tmp_path, kind, old, new, words, suffix):
    text = (ALERTS if kind == "alerts" else SCORES).replace(old, new, 1)
    path = write(tmp_path, text, suffix)
    with pytest.raises(FileError) as refused:
        read(path, kind, NAMES)
    assert str(path) in str(refused.value)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("missing.csv", None), ("broken.parquet", b"PAR1 no"), ("empty.csv", b""), ("file.txt", b"day,score"),
     ("ragged.csv", b"day,score\n1\n1,2,3\n")],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=name):
        read(tmp_path / name, "scores", NAMES)
