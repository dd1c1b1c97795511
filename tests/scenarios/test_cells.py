"""What a cell of a benchmark was: its own keys and nobody else's, as they were resolved when it was laid out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from scenarios import baseline, gate
from scenarios.bench.campaign import kept
from scenarios.bench.plan import lay_out
from scenarios.bench.request import read
from scenarios.cells import config_of, read_suite
from scenarios.compare import compare
from scenarios.errors import UserError
from scenarios.samples import read_samples
from tests.scenarios.trials import trial

TINY: dict[str, Any] = {
    "mode": "shadow", "common": ["world.stores=2", "world.items=20"],
    "scenarios": {"base": ["world.days=3"], "calm": ["scenario=calm", "world.days=3", "world.start=2026-04-06"]},
    "entrants": {"never": ["detector=never"], "standard": ["detector=standard"]},
    "seeds": {"dev": [9], "test": [1, 2]},
}  # fmt: skip


def bench(folder: Path, words: Sequence[str] = (), **changes: Any) -> Path:
    """A finished benchmark: the suite as the command keeps it, and made-up trials of all its entrants."""
    folder.mkdir()
    file = folder / "asked.yaml"
    file.write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False))
    suite = read([f"suite={file}", *words]).suite
    (folder / "suite.json").write_text(json.dumps(kept(suite, lay_out(suite)), default=str))
    (folder / "trials").mkdir()
    for scenario in suite.scenarios:
        for entrant in suite.entrants:
            for seed in suite.seeds.test:
                one = trial(entrant, seed, 0.5, scenario, event_hash=f"{scenario}{seed}")
                (folder / "trials" / f"{scenario}{entrant}{seed}.json").write_text(one.to_json())
    return folder


def test_two_benchmarks_of_other_worlds_are_refused_by_the_key(tmp_path: Path) -> None:
    one, longer = bench(tmp_path / "one"), bench(tmp_path / "longer", scenarios={"base": ["world.days=4"]})
    with pytest.raises(UserError, match=r"chains of another size or length \(world\.days: 3 -> 4\)"):
        compare(str(one), str(longer))
    larger = bench(tmp_path / "larger", ["world.stores=3"])
    with pytest.raises(UserError, match=r"world\.stores: 2 -> 3"):
        compare(str(one), str(larger))
    # A default that is said is no other world, and another entrant or budget is no other world either.
    same = bench(tmp_path / "same", ["world.regions=1", "budget=0.1", "entrants.also=[detector=always]"])
    assert {row.gap.difference for row in compare(str(one), str(same)).rows} == {0.0}


def test_one_name_for_two_scenarios_is_refused(tmp_path: Path) -> None:
    one = bench(tmp_path / "one")
    other = bench(tmp_path / "other", scenarios={"calm": ["scenario=quickstart", "world.days=3",
                                                          "world.start=2026-04-06"]})
    with pytest.raises(UserError, match=r'another scenario \(scenario: "calm" -> "quickstart"\)'):
        compare(str(one), str(other))


def test_another_entrant_changes_no_other_cell_and_leaves_each_to_be_judged_exactly(tmp_path: Path) -> None:
    before = bench(tmp_path / "before")
    after = bench(tmp_path / "after", ["entrants.also=[detector=always]", "entrants.standard=[detector=book]"])
    was = {one.name: one.config for one in read_samples(before)}
    now = {one.name: one.config for one in read_samples(after)}
    assert {name for name in was if was[name] == now[name]} == {"base/never", "calm/never"}
    assert now["calm/standard"] == {**was["calm/standard"], "detector": "book"}
    assert was["calm/never"]["world.start"] == "2026-04-06"

    against = baseline.make(read_samples(before), version="1", lock="l", before=None, measures=["detection.recall"])
    verdict = gate.judge(against, read_samples(after), version="1", lock="l")
    exact = {check.cell for check in verdict.checks if check.name == "hashes" and check.status == "passed"}
    assert exact == {"base/never", "calm/never"}
    # What was written is read back as it was, or nothing would be exact.
    baseline.write(tmp_path / "b.yaml", against)
    again = gate.judge(baseline.read(tmp_path / "b.yaml"), read_samples(before), version="1", lock="l")
    assert again.code == 0
    assert len({check.cell for check in again.checks if check.name == "hashes"}) == 4


def test_a_frozen_score_rests_on_every_scenario_and_the_budget(tmp_path: Path) -> None:
    def configs(folder: str, *words: str) -> dict[str, Any]:
        suite = read_suite(bench(tmp_path / folder, words, scored=["standard"]))
        return {entrant: config_of(suite, "base", entrant) for entrant in ("never", "standard")}

    plain = configs("plain")
    for folder, word in (("budget", "budget=0.1"), ("dev", "seeds.dev=[8]"), ("wider", "scenarios.more=[]")):
        changed = configs(folder, word)
        assert changed["never"] == plain["never"]
        assert changed["standard"] != plain["standard"]


def test_a_folder_without_a_suite_has_no_configuration_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    folder = bench(tmp_path / "one")
    (folder / "suite.json").write_text("[")
    with pytest.raises(UserError, match=r"suite\.json cannot be read"):
        read_samples(folder)
    (folder / "suite.json").unlink()
    assert {len(one.config) for one in read_samples(folder)} == {0}
