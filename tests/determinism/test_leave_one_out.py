"""``faults.exclude`` leaves out one fault and nothing else."""

from __future__ import annotations

from pathlib import Path

from scenarios.audit.leave_one_out import TIMED, Choice, choices, spread, violations
from scenarios.record import RunReader
from sim.draws import WORLD_IDS
from tests.determinism.experiments import TWO_REGIONS, run, truth
from tests.determinism.leave_one_out import two_regions
from tests.sim.small_world import play


def test_one_fault_of_every_third_type():
    config = two_regions()
    found = choices(config, seed=2)
    assert len({choice.fault_id for choice in found}) == len(found)
    chosen = spread(found, each=1)
    # An item can be twinned only where a number is to spare: that type, all others and many faults of each are twinned
    # by the campaign (tests/campaign/test_leave_one_out.py).
    assert {choice.type for choice in chosen} == set(TIMED) - {"duplicate_item"}
    assert violations(config, chosen[::3]) == []


def test_leaving_out_no_fault_of_ours_changes_nothing():
    config = two_regions(days=4)
    before = play(config, seed=5).world.stream_hash
    config.faults.exclude = [WORLD_IDS - 1, 17]
    assert play(config, seed=5).world.stream_hash == before


def test_a_violation_would_be_seen():
    # A fault dated a day too late has rows before its onset that change: the check must say so.
    config = two_regions(days=5)
    found = [choice for choice in choices(config, seed=2) if choice.type == "dropped_message" and choice.shown_at >= 0]
    late = Choice(**{**vars(found[0]), "onset": 2**62})
    assert "rows before its onset differ" in violations(config, [late])[0]


def test_the_key_reaches_the_world(tmp_path: Path):
    run(tmp_path / "whole", *TWO_REGIONS, "oracle=false")
    faults = truth(tmp_path / "whole", "faults").to_pandas()
    timed = faults[(faults.arm == "unmanaged") & faults.type.isin(TIMED) & ~faults.ambient].sort_values("onset")
    left_out = int(timed.fault_id.iloc[0])
    run(tmp_path / "twin", *TWO_REGIONS, "oracle=false", f"faults.exclude=[{left_out},17]")
    assert left_out not in set(truth(tmp_path / "twin", "faults").to_pandas().fault_id)
    # What the run says of the key: the one was met and left out, the other is no fault of it.
    assert RunReader(tmp_path / "twin").config["left_out"] == [left_out]
    assert "left_out" not in RunReader(tmp_path / "whole").config
