"""A detector in another language: two worked examples that find what is there, and commands that do not work."""

import shutil
import sys

import pytest

from detection.detectors.piped import DetectorFailed
from detection.pipeline import OperatorSpec, build
from detection.spec import OutsideSpec

COMPARED = ("raised_at", "type", "location", "item")
NIL_PICKS = {150: (2, 1), 200: (1, 3)}


@pytest.fixture(scope="module")
def stream(chain, mishaps):
    made = chain(stores=2, items=20, days=3, daily_lines=3.0, mishaps=mishaps(nil_picks=NIL_PICKS))
    return made.layout, list(made.stream())


def alerts(stream, command, form="jsonl", seconds=60.0):
    layout, steps = stream
    outside = OutsideSpec(command=command, format=form, seconds=seconds)
    operator = build(OperatorSpec(detector="command", outside=outside), layout, seed=1)
    for now, rows in steps:
        operator.step(now, rows)
    operator.close()
    found = operator.records()["alerts"]
    return list(zip(*(found[name] for name in COMPARED), strict=True))


@pytest.mark.parametrize("words", ["node {}/nil_picks.mjs", "sh {}/nil_picks.sh"])
def test_an_example_finds_each_nil_pick_when_it_becomes_visible(stream, root, words):
    if shutil.which(words.split()[0]) is None:
        pytest.skip("needs node")
    _, steps = stream
    expected = [(steps[tick][0], "phantom_stock", *cell) for tick, cell in NIL_PICKS.items()]
    assert alerts(stream, words.format(root / "tests" / "examples")) == expected


def test_a_command_may_read_an_arrow_stream(stream, root):
    command = f"env PYTHONPATH={root} {sys.executable} -m detection.host always"
    layout, steps = stream
    operator = build(OperatorSpec(detector="always"), layout, seed=1)
    for now, rows in steps:
        operator.step(now, rows)
    inside = operator.records()["alerts"]
    assert alerts(stream, command, "arrow") == list(zip(*(inside[name] for name in COMPARED), strict=True))


@pytest.mark.parametrize(
    ("command", "status", "word"),
    [
        ("false", "exited", "exit code 1"),
        ("true", "exited", "without an answer"),
        ("sh -c 'echo so sorry >&2; exit 3'", "exited", "so sorry"),
        ("yes", "invalid", "no JSON"),
        ("sh -c 'head -c 20000000 /dev/zero; sleep 100'", "flooded", "16,777,216"),
        ("sh -c 'cat /dev/zero >&2'", "flooded", "1,048,576"),
        ("sh -c 'kill -9 $$'", "killed", "SIGKILL"),
        ("sleep 100", "timeout", "2 s"),
        ("no-such-program-anywhere", "exited", "cannot start"),
    ],
)
def test_a_command_that_does_not_work_has_a_status(stream, command, status, word):
    with pytest.raises(DetectorFailed) as failed:
        alerts(stream, command, seconds=2.0 if status == "timeout" else 60.0)
    assert failed.value.status == status
    assert word in failed.value.message
