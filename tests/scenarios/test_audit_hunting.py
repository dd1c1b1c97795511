"""A third-party detector that hunts for the truth: by every way that it had, it gets hold of nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from detection import sandbox
from scenarios.audit import hunting
from scenarios.audit.judging import Recorded, recorded
from scenarios.audit.settings import Settings
from scenarios.errors import UserError
from scenarios.outside import check_class

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
