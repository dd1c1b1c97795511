"""A third-party detector that hunts for the truth: by every way that it had, it gets hold of nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detection import sandbox
from scenarios.audit import hunting
from scenarios.audit.judging import Recorded, recorded
from scenarios.audit.settings import Settings
from scenarios.errors import UserError
from scenarios.measures.trials import read_trials
from scenarios.outside import check_class
from tests.conftest import Command

WORDS = ("world.stores=2", "world.items=24", "world.days=1", "world.suppliers=5")

pytestmark = pytest.mark.skipif(not sandbox.version(), reason="this kernel has no Landlock")


@pytest.fixture
def recording(tmp_path: Path) -> Recorded:
    return recorded(WORDS, 5, tmp_path / "bench" / "recordings" / "key")


def test_a_detector_finds_nothing_of_the_truth_and_an_ordinary_process_does(
    recording: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "bench")  # a working folder is how it was found once
    assert hunting.hunted(recording, tmp_path) == 0
    assert hunting.by_anybody(recording) > 3


def test_a_detector_that_nothing_holds_is_seen_to_find_the_truth(
    recording: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "version", lambda: 0)
    assert hunting.hunted(recording, tmp_path) > 3


def test_the_row_of_the_audit(tmp_path: Path) -> None:
    row = hunting.hunt_line(Settings(world=WORDS), tmp_path / "hunt")
    assert (row.value, row.is_inside) == (0.0, True), row


def test_what_a_class_does_when_it_is_imported_is_held_as_well(
    recording: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, note = recording.folder / "truth" / "exceptions.parquet", tmp_path / "note"
    for number, (held, left) in enumerate(((True, False), (False, True))):
        source = f"open({str(note)!r}, 'wb').write(open({str(table)!r}, 'rb').read(4))\nclass Finder: pass\n"
        (tmp_path / f"finder_{number}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        if not held:
            monkeypatch.setattr(sandbox, "version", lambda: 0)
        if left:
            check_class("detector.plugin", f"finder_{number}:Finder")
        else:
            with pytest.raises(UserError, match="no such class"):
                check_class("detector.plugin", f"finder_{number}:Finder")
        assert note.exists() is left


SLY = '''
from scenarios.audit.hunter import hunt

class Sly:
    """Hunts below the benchmark's folder, which it knows, and fails if it gets hold of anything."""

    def __init__(self, context):
        self.steps = 0

    def detect(self, views, rows):
        self.steps += 1
        if self.steps in (1, 50):
            found = hunt({told!r})
            if found:
                raise RuntimeError(str(found))
        return ()
'''
SUITE = """
mode: shadow
common: [world.stores=2, world.items=24, world.days=2, world.suppliers=5]
scenarios: {all: [scenario=quickstart]}
entrants: {sly: [detector.plugin=sly:Sly], never: [detector=never]}
seeds: {dev: [], validation: [], test: [5]}
limits: {seconds: 200, gib: 6}
"""


@pytest.mark.campaign
def test_a_benchmark_whose_folder_lies_below_the_detectors_own_gives_it_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "outputs" / "bench" / "mine"
    (tmp_path / "sly.py").write_text(SLY.format(told=str(out)), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(SUITE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{Path(sandbox.__file__).parents[1]}{os.pathsep}{tmp_path}")
    done = command("bench", "suite=mine.yaml", "workers=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    statuses = {(trial.entrant, trial.status) for trial in read_trials(out)}
    assert statuses == {("sly", "ok"), ("never", "ok")}, done.stdout
