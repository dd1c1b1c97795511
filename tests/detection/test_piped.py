"""A detector behind the pipe says what it says in process, and hurts nobody when it goes wrong."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from detection.detectors.base import DetectorContext
from detection.detectors.composite import Composite, build_detector
from detection.detectors.piped import DetectorFailed, host_of_class
from detection.pipeline import Operator, OperatorSpec, build
from detection.registry import load
from detection.spec import OutsideSpec
from detection.wire import InvalidAnswer, codes_of, findings_of, seed_of
from sim.events import Vocabulary
from tests.detection.hostile import HOSTILE

OUTSIDE = OutsideSpec(seconds=60.0, megabytes=3_000.0)
COMPARED = ("alert_id", "raised_at", "type", "location", "item", "document_id", "interface", "sequence", "score",
            "deadline", "evidence")


@pytest.fixture(scope="module")
def stream(chain, mishaps):
    wrong = mishaps(
        frozen={(1, 3): 0}, dropped_sales={(1, 40)}, doubled_lines={(1, 6)}, halved_lines={(2, 7)},
        late_trucks={(1, 2): 20}, unknown_cartons={(1, 2)}, variances={(2, 3)}, nil_picks={200: (2, 1)},
    )
    made = chain(stores=2, items=25, days=3, daily_lines=3.0, mishaps=wrong)
    return made.layout, list(made.stream())


def operated(layout, steps, spec, detector=None):
    operator = build(spec, layout, seed=5) if detector is None else Operator(
        spec, layout, 5, detector, load("classifier", spec.classifier)(spec), load("priority", spec.priority)(spec))
    for now, rows in steps:
        operator.step(now, rows)
    operator.close()
    return operator.records()


def alerts(records):
    return list(zip(*(records["alerts"][name] for name in COMPARED), strict=True))


@pytest.mark.parametrize("name", ["standard", "random", "always"])
def test_a_detector_says_the_same_in_process_and_behind_the_pipe(stream, name):
    layout, steps = stream
    spec = OperatorSpec(detector=name, outside=OUTSIDE)
    context = DetectorContext(layout, spec, 5)
    # Behind the pipe it draws from a seed of its own, which tells nothing of the world.
    own = DetectorContext(layout, spec, seed_of(context))
    inside = operated(layout, steps, spec, Composite([build_detector(own, name)]))

    outside = operated(layout, steps, spec, Composite([host_of_class(context, name)]))

    assert alerts(inside)
    assert alerts(outside) == alerts(inside)
    assert outside["cases"] == inside["cases"]


def lines_of_processes():
    """Command lines below this process, and of whatever carries the name of a host."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if b"detection.host" in words or b"containment.py" in words:
            found.append((entry.parent.name, words))
    return found


@pytest.mark.parametrize(("name", "status"), HOSTILE.items())
def test_whatever_a_detector_does_it_has_a_status_and_leaves_nothing(stream, name, status):
    layout, steps = stream
    seconds = 4.0 if name == "Hangs" else 60.0
    spec = OperatorSpec(detector=f"tests.detection.hostile:{name}", outside=replace(OUTSIDE, seconds=seconds))
    before = {pid for pid, _ in lines_of_processes()}

    with pytest.raises(DetectorFailed) as failed:
        operated(layout, steps[:40], spec)

    assert failed.value.status == status
    assert "\n" not in str(failed.value)
    until = time.monotonic() + 5.0
    while {pid for pid, _ in lines_of_processes()} - before and time.monotonic() < until:
        time.sleep(0.05)
    assert {pid for pid, _ in lines_of_processes()} - before == set()


def test_what_is_no_place_is_no_answer(stream):
    layout, steps = stream
    with pytest.raises(DetectorFailed, match=r"invalid.*10000"):
        operated(layout, steps[:20], OperatorSpec(detector="tests.detection.hostile:SaysNowhere", outside=OUTSIDE))


def test_a_detector_sees_rows_and_nothing_else(stream, monkeypatch):
    layout, steps = stream
    monkeypatch.setenv("PATH_TO_THE_TRUTH", "/somewhere")
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        with pytest.raises(DetectorFailed) as failed:
            operated(layout, steps[:20], OperatorSpec(detector="tests.detection.hostile:Looks", outside=OUTSIDE))
    finally:
        os.close(secret)
    said = failed.value.message
    assert "kinds=['pipe']" in said
    assert "PATH_TO_THE_TRUTH" not in said
    assert "here=[]" in said
    assert "'tests.detection.hostile:Looks']" in said


def test_a_class_that_is_not_there_is_told(stream):
    layout, steps = stream
    with pytest.raises(DetectorFailed, match="cannot load"):
        operated(layout, steps[:1], OperatorSpec(detector="tests.detection.hostile:Nobody", outside=OUTSIDE))


WORDS = codes_of(Vocabulary(("DC1", "S0001"), ("I00001",)))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"hello", "no JSON"),
        (b"{}", "no list"),
        (b"[1]", "no object"),
        (b'[{"location": "S0001"}]', "no type"),
        (b'[{"type": "theft"}]', "'theft'"),
        (b'[{"type": "clock_skew", "location": "S9999"}]', "'S9999'"),
        (b'[{"type": "clock_skew", "location": ["S0001"]}]', "location"),
        (b'[{"type": "clock_skew", "place": "S0001"}]', "'place'"),
        (b'[{"type": "clock_skew", "score": NaN}]', "score nan"),
        (b'[{"type": "clock_skew", "score": "1"}]', "score '1'"),
        (b'[{"type": "late_asn", "document_id": 1.5}]', "document_id 1.5"),
        (b'[{"type": "late_asn", "document_id": 9007199254740993}]', "document_id"),
        (b'[{"type": "late_asn", "steps": ["steal"]}]', "'steal'"),
    ],
)
def test_an_answer_that_is_none_is_refused(line, word):
    with pytest.raises(InvalidAnswer, match=word):
        findings_of(line, WORDS)


def test_an_answer_gives_findings_by_name():
    line = b'[{"type": "phantom_stock", "location": "S0001", "item": "I00001", "score": 2, "deadline": null}]'
    [found] = findings_of(line, WORDS)
    assert (found.type, found.location, found.item, found.score) == ("phantom_stock", 1, 0, 2.0)
