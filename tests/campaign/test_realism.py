"""A sceptic's card over ten seeds: every published figure of every world, measured, and inside."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from scenarios.arms import run_experiment
from scenarios.compose import compose
from scenarios.measures.realism import card
from scenarios.realism_view import show_realism
from scenarios.record import RunReader

#: Its figures are of one shop with five thousand items; ten of them for three weeks tell what three hundred would.
_PEAK = ("world.regions=1", "world.stores=10", "world.start=2026-11-16", "world.days=21", "demand.peak_from_day=10")
WORLDS = {"quickstart": (), "fashion_peak": _PEAK, "grocery_fulfilment": (), "omnichannel_returns": ()}


@pytest.mark.campaign
@pytest.mark.parametrize("scenario", WORLDS)
def test_the_card_over_ten_seeds(scenario: str, tmp_path: Path):
    experiment = compose([f"scenario={scenario}", *WORLDS[scenario], "replications=10", "workers=2", "record=summary",
                          "oracle=false", "detector=never"])
    run = run_experiment(experiment, tmp_path / "run")
    page = io.StringIO()
    show_realism(run, Console(file=page, width=140))
    print(f"\n{scenario}\n{page.getvalue()}")  # noqa: T201 - a campaign reports
    lines = card(RunReader(run))
    assert lines
    assert {line.figure.name: line.verdict for line in lines if line.verdict != "inside"} == {}
