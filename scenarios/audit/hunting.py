"""Leakage through the disk: a third-party detector that hunts for the truth while it is shown a recording.

It does all that :mod:`scenarios.audit.hunter` knows, from within the process in which any user's detector runs, and
is told where the recording lies besides. The same hunt from an ordinary process is the control: it must succeed, or
nothing would be proved by one that does not.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from scenarios.audit import hunter
from scenarios.audit.judging import Recorded, recorded, said_by
from scenarios.audit.line import AuditLine, line
from scenarios.audit.settings import Settings
from scenarios.statistics import Estimate

MODULE: Final = "stocktwin_hunter"
_SOURCE: Final = '''"""Hunts for the truth of the recording that it is shown; written for one audit."""

from detection.taxonomy import Finding
from scenarios.audit.hunter import hunt


class Hunter:
    """Raises one finding: how much it got hold of."""

    def __init__(self, context):
        self.has_hunted = False

    def detect(self, views, rows):
        if not self.has_hunted:
            self.has_hunted = True
            yield Finding("phantom_stock", location=1, item=0, score=float(len(hunt({told!r}))))
'''


def hunt_line(settings: Settings, folder: Path) -> AuditLine:
    """The row of the audit: what a third-party detector gets hold of on the disk and of other processes."""
    folder.mkdir(parents=True)
    recording = recorded([*settings.world, "world.days=2"], settings.test[0], folder / "recording")
    hits, control = hunted(recording, folder), by_anybody(recording)
    note = f"tables of the truth read, and views into other processes; an ordinary process got hold of {control:,}"
    return line("leakage: truth on disk, and other processes, within a third-party detector's reach",
                Estimate(hits, n=control), "0", inside=hits == 0 and control > 0, note=note)


def hunted(recording: Recorded, folder: Path) -> float:
    """What a detector in ``folder`` gets hold of while it is shown the recording."""
    (folder / f"{MODULE}.py").write_text(_SOURCE.format(told=str(recording.folder.absolute())), encoding="utf-8")
    found = said_by(recording, f"{MODULE}:Hunter", folder)["score"].tolist()
    if len(found) != 1:
        raise RuntimeError(f"the hunter said {len(found)} things")
    return float(found[0])


def by_anybody(recording: Recorded) -> int:
    """What the same hunt gets hold of from a process that nothing holds."""
    done = subprocess.run([sys.executable, hunter.__file__, str(recording.folder.absolute())], capture_output=True,
                          text=True, check=True)
    return len(done.stdout.splitlines())
