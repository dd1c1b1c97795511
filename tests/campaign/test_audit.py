"""The audit as it ships, whole: every row that a sceptic asks for first is inside its limit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from scenarios.audit.clues import TOUCHED
from scenarios.audit.line import FILE_NAME, INSIDE, NOT_RUN
from tests.conftest import Command

#: What must be inside, by how its row begins.
MUST = (
    "triviality: best one-liner, share of inferred exceptions found",
    *(f"leakage: area under the ROC from ids, order and stamps, {name}" for name in TOUCHED),
    "leakage: ids of the truth in the memory of a third-party detector",
    "leakage: truth on disk, and other processes, within a third-party detector's reach",
    "leakage: alerts that change when the stream goes on",
    "shuffled truth: skill of the standard operator",
    "position bias: skill of a detector that knows the time of day",
    "position bias: skill of a detector that knows the last tenth of the run",
    "position bias: start over horizon against uniform (KS)",
    "wrong labels: share of twins without one fault that break a rule",
)


def audited(command: Command, folder: Path, *words: str) -> pd.DataFrame:
    """The rows of the shipped audit by name, and on the way out what it printed."""
    done = command("bench", "suite=audit", f"out={folder}", *words, cwd=folder.parent, timeout=7_200.0)
    print(done.stdout)  # noqa: T201
    table = pd.read_csv(folder / FILE_NAME).set_index("row")
    outside = ~table["verdict"].isin([INSIDE, NOT_RUN])
    assert done.returncode == int(outside.any()), done.stderr
    return table


@pytest.mark.campaign
def test_the_shipped_audit_is_inside_in_all_that_it_must_show(command: Command, tmp_path: Path):
    table = audited(command, tmp_path / "audit")
    assert set(MUST) <= set(table.index)
    must = table.loc[list(MUST)]
    assert must[must["verdict"] != INSIDE].empty, must[must["verdict"] != INSIDE].to_string()
    assert must.loc[MUST[0], "value"] <= 0.2
    areas = must[must.index.str.startswith("leakage: area")]
    assert ((areas["low"] <= 0.5) & (areas["high"] >= 0.5)).all()
    for row in ("leakage: ids of the truth", "leakage: truth on disk", "leakage: alerts that change", "wrong labels"):
        assert (must.loc[must.index.str.startswith(row), "value"] == 0).all(), row
    for row in ("shuffled truth", "position bias: skill"):
        assert (must.loc[must.index.str.startswith(row), "high"] <= 0.05).all(), row
