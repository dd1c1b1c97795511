"""Names, plug-ins and mistakes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from detection import registry
from detection.pipeline import Layout, OperatorSpec, build
from detection.registry import UnknownNameError, load, names
from detection.taxonomy import Finding
from sim.events import Rows, Vocabulary

LAYOUT = Layout(Vocabulary(("DC1", "S0001"), ("I00001", "I00002")))


class EveryStep:
    """A user's own detector: one method."""

    def __init__(self, context):
        self.items = context.layout.items

    def detect(self, views, rows):
        assert views.now >= 0
        yield Finding("phantom_stock", location=1, item=0, score=float(len(rows)))


class FixedPort:
    def __init__(self):
        self.alerts = {100: [Finding("phantom_stock", location=1, item=1, fault_type="shrink")]}

    def read(self, now):
        return self.alerts.get(now, [])


def test_a_user_s_class_is_a_detector():
    operator = build(OperatorSpec(detector=f"{__name__}:EveryStep"), LAYOUT, seed=1)
    operator.step(0, Rows())
    operator.step(900, Rows())
    assert operator.records()["alerts"]["type"] == ["phantom_stock"]  # one alert a day and subject


def test_an_entry_point_is_a_choice(monkeypatch):
    class Point:
        name, value = "mine", f"{__name__}:EveryStep"

    monkeypatch.setattr("detection.registry.entry_points", lambda group: [Point] * (group == "stocktwin.detectors"))
    assert "mine" in names("detector")
    assert load("detector", "mine") is EveryStep


def test_the_supplied_detector_reads_its_port_and_is_believed():
    operator = build(OperatorSpec(detector="supplied"), LAYOUT, seed=1, supplied=FixedPort())
    for now in (99, 100, 101):
        operator.step(now, Rows())
    cases = operator.records()["cases"]
    assert (cases["item"], cases["fault_type"], cases["confidence"]) == ([1], ["shrink"], [1.0])


@pytest.mark.parametrize("stage", ["detector", "classifier", "priority"])
def test_an_unknown_name_lists_the_valid_ones(stage):
    with pytest.raises(UnknownNameError) as raised:
        build(OperatorSpec(**{stage: "standrd"}), LAYOUT, seed=1)
    assert all(name in str(raised.value) for name in names(stage))


def test_a_class_that_is_not_there_is_named():
    with pytest.raises(UnknownNameError, match="no_such_module"):
        load("detector", "no_such_module:Thing")


@pytest.mark.parametrize("name", ["supplied", "standard"])
def test_the_default_operator_loads_no_model_library(name):
    script = (
        "import sys; from detection.pipeline import *; from sim.events import Vocabulary;"
        f"build(OperatorSpec(detector={name!r}), Layout(Vocabulary(('D', 'S'), ('I',))), 1);"
        "sys.exit(any(m in sys.modules for m in ('pyod', 'sklearn', 'simpy', 'hydra', 'sim.truth')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_numbers_that_our_detectors_read_are_declared():
    sources = (Path(registry.__file__).parent / "detectors").glob("*.py")
    read = {name for source in sources for name in re.findall(r'spec\.parameter\("(\w+)"', source.read_text())}
    assert read == set(registry.PARAMETERS)
