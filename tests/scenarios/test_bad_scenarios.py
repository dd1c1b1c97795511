"""Hundreds of ways to spoil a standard scenario: each is refused in one line that names the key.

Each mutation is a file of the user's own: a standard scenario with one value spoilt, by a seeded draw
over scenarios, kinds of damage and keys, so that the list is the same on every machine.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from detection.registry import PARAMETERS
from scenarios.compose import compose
from scenarios.dead_rates import check_rates_strike, without_ground
from scenarios.errors import UserError
from scenarios.groups import options
from scenarios.limits import FREQUENCIES, SHARES
from scenarios.schema import Experiment
from sim.faults.types import BY_NAME, FAULTS

Command = Callable[..., subprocess.CompletedProcess[str]]
MUTATIONS = 256
CONF = Path(__file__).parents[2] / "conf" / "scenario"
#: Keys that no file may set, or that take words and numbers of the user's own.
NOT_SPOILT = ("scenario", "out", "overwrite", "seed", "faults.exclude", "detector.parameters")


def _keys(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of an experiment that holds one value or a list, with its default."""
    for entry in dataclasses.fields(node):
        key, value = f"{prefix}{entry.name}", getattr(node, entry.name)
        if dataclasses.is_dataclass(value):
            yield from _keys(value, f"{key}.")
        elif key not in NOT_SPOILT:
            yield key, value


KEYS = dict(_keys(Experiment()))
NUMBERS = [key for key, value in KEYS.items() if isinstance(value, (int, float)) and not isinstance(value, bool)]
RATES = [f"faults.{name}.rate" for name in FAULTS if name not in FREQUENCIES]


def _wrong_type(draw: random.Random) -> tuple[str, Any]:
    key = draw.choice([key for key, value in KEYS.items() if not isinstance(value, str) and value is not None])
    return key, draw.choice(["many", {"a": 1}, [["x"]], None])


def _unknown_fault(draw: random.Random) -> tuple[str, Any]:
    name = _misspelt(draw.choice(FAULTS), draw)
    return f"faults.{name}.{draw.choice(['rate', 'hours', 'magnitude'])}", 0.1


def _misspelt_key(draw: random.Random) -> tuple[str, Any]:
    path = draw.choice(list(KEYS)).split(".")
    place = draw.randrange(len(path))
    path[place] = _misspelt(path[place], draw)
    return ".".join(path), 1


def _misspelt(word: str, draw: random.Random) -> str:
    place = draw.randrange(len(word))
    return word[:place] + draw.choice("xyz") + draw.choice("qjk") + word[place + 1 :]


def _share_above_one(draw: random.Random) -> tuple[str, Any]:
    key = draw.choice([*RATES, *SHARES])
    value = 1 + draw.choice([0.001, 1, 40])
    return key, [value] * 3 if isinstance(KEYS[key], list) else value


def _below_zero(draw: random.Random) -> tuple[str, Any]:
    return draw.choice(NUMBERS), -draw.choice([1, 7])


def _far_too_large(draw: random.Random) -> tuple[str, Any]:
    return draw.choice(NUMBERS), 10**12


def _no_number(draw: random.Random) -> tuple[str, Any]:
    return draw.choice([key for key in NUMBERS if isinstance(KEYS[key], float)]), float(draw.choice(["nan", "inf"]))


def _empty_window(draw: random.Random) -> tuple[str, Any]:
    return f"faults.{draw.choice(FAULTS)}", {"rate": 0.01, "from_day": 5, "until_day": draw.randint(0, 5)}


def _window_after_the_run(draw: random.Random) -> tuple[str, Any]:
    return draw.choice([
        (f"faults.{draw.choice(FAULTS)}", {"rate": 0.01, "from_day": 300}),
        ("assortment", {"launched_share": 0.1, "day": 300}),
        ("confounders", {"closing_stores": 1, "closing_day": 300}),
        ("middleware.canonical_from_day", draw.choice([60, 679, 3000])),
        ("demand", {"peak_days": 3, "peak_from_day": draw.choice([60, 3000])}),
        ("pilot.start", "2027-03-02"),
        ("pilot.end", "2026-03-01"),
    ])


def _absurd_magnitude(draw: random.Random) -> tuple[str, Any]:
    """More than all of a share, thousands of times the usual, or of a type that has no magnitude at all."""
    name = draw.choice(FAULTS)
    return f"faults.{name}.magnitude", draw.choice([1_001.0, 1e9, float("inf"), float("nan"), -1.0])


def _derived_type(draw: random.Random) -> tuple[str, Any]:
    name = draw.choice([name for name, entry in BY_NAME.items() if "F" not in entry.kind])
    return f"faults.{name}.{draw.choice(['rate', 'hours', 'from_day'])}", 0.1


def _nowhere(draw: random.Random) -> tuple[str, Any]:
    name = draw.choice(["S9999", "DC99", "I99999", "V999", "pos_epr", "everywhere"])
    return f"faults.{draw.choice(FAULTS)}", {"rate": 0.01, "only": [name]}


def _where_it_never_strikes(draw: random.Random) -> tuple[str, Any]:
    name, place = draw.choice([
        ("api_outage", "edi_out"), ("schema_drift", "edi_erp"), ("batch_failure", "wms_erp"),
        ("posting_lag", "pos_erp"),
        ("dropped_message", "tms_erp"), ("shrink", "DC1"), ("clock_skew", "DC1"), ("late_asn", "S0001"),
        ("unit_of_measure", "S0001"), ("price_mismatch", "DC1"),
    ])
    return f"faults.{name}", {"rate": 0.01, "only": [place]}


def _more_than_the_world_bears(draw: random.Random) -> tuple[str, Any]:
    return draw.choice([("faults.api_outage.hours", 100.0), ("faults.schema_drift.hours", 90.0),
                        ("faults.reservation_leak.rate", 0.9)])


def _no_such_choice(draw: random.Random) -> tuple[str, Any]:
    return draw.choice(["record", "calibrated_to", "policy.name", "detector.name", "classifier.name", "priority.name",
                        "demand.source", "engine.name"]), "brave"


def _more_than_a_whole(draw: random.Random) -> tuple[str, Any]:
    return draw.choice([("returns", {"scrap_share": 0.6, "vendor_share": 0.5}),
                        ("assortment", {"launched_share": 0.7, "retired_share": 0.7}),
                        ("confounders", {"closing_stores": 5000, "closing_day": 1})])


DAMAGES = (_wrong_type, _unknown_fault, _misspelt_key, _share_above_one, _below_zero, _far_too_large, _no_number,
           _empty_window, _window_after_the_run, _nowhere, _no_such_choice, _more_than_a_whole,
           _absurd_magnitude, _derived_type, _where_it_never_strikes, _more_than_the_world_bears)


def _spoil(number: int) -> tuple[str, str, dict[str, Any]]:
    """One mutation: what it does, the key that must be named, and the file's content."""
    draw = random.Random(number)
    scenario, damage = draw.choice(options("scenario")), DAMAGES[number % len(DAMAGES)]
    content = yaml.safe_load((CONF / f"{scenario}.yaml").read_text(encoding="utf-8"))
    key, value = damage(draw)
    node = content
    *above, last = key.split(".")
    for part in above:
        node = node.setdefault(part, {})
    node[last] = {**node.get(last, {}), **value} if isinstance(value, dict) and "a" not in value else value
    return f"{number}: {damage.__name__.strip('_').replace('_', ' ')} in {scenario}: {key}", key, content


SPOILT = [_spoil(number) for number in range(MUTATIONS)]
#: The first ones are tried each time, every kind of damage among them; all of them in the campaign.
QUICK = 40
_LATER = pytest.mark.campaign


def _refused(key: str, message: str) -> bool:
    """Whether a message is one line that names the key, or the option that the key chooses."""
    named = key.removesuffix(".name").replace("demand.source", "demand")
    return "\n" not in message and named in message


@pytest.mark.parametrize(("key", "content"), [
    pytest.param(key, content, id=name, marks=[] if number < QUICK else _LATER)
    for number, (name, key, content) in enumerate(SPOILT)
])
def test_a_spoilt_scenario_is_refused_by_its_key(tmp_path: Path, key: str, content: dict[str, Any]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        compose([f"scenario={file}"])
    assert _refused(key, str(caught.value)), str(caught.value)
    assert list(tmp_path.iterdir()) == [file]


def test_the_mutations_are_many_and_of_every_kind() -> None:
    assert len({(case[1], str(case[2])) for case in SPOILT}) > 0.95 * MUTATIONS
    assert {case[0].split(" in ")[1].split(":")[0] for case in SPOILT} == set(options("scenario"))


AFTER = "lies after the run, whose days are 0 to"
DERIVED = ("phantom_stock has no rate of its own, it comes of other faults; set faults.shrink, "
           "faults.misplacement, faults.scan_error")


@pytest.mark.parametrize(("words", "named", "told"), [
    (("scenario=erp_cutover", "world.days=18", "middleware.canonical_from_day=18"), "middleware.canonical_from_day=18",
     f"{AFTER} 17; null for never"),
    (("scenario=national_chain", "demand.peak_from_day=80"), "demand.peak_from_day=80",
     f"{AFTER} 13; demand.peak_days=0 for no season"),
    (("scenario=assortment_change", "world.days=14", "assortment.day=14"), "assortment.day=14", f"{AFTER} 13"),
    (("faults.shrink.from_day=28",), "faults.shrink.from_day=28", f"{AFTER} 27"),
    (("detector.parameters.mine=nan",), "detector.parameters.mine=nan", "must be a finite number"),
    (("detector.parameters.short_pick_strike=3",), "detector.parameters.short_pick_strike",
     f"no detector of ours reads it; did you mean 'short_pick_strikes'? valid: {', '.join(PARAMETERS)}"),
    (("counting.floor_units=1000000000",), "counting.floor_units=1e+09", "must be from 0 to 10,000"),
    (("people.finance=1000000000",), "people.finance=1e+09", "must be from 1 to 10,000"),
    (("faults.phantom_stock.rate=0.1",), "faults.phantom_stock.rate", DERIVED),
])
def test_a_refusal_tells_the_key_and_its_range(words: tuple[str, ...], named: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        compose(words)
    assert str(caught.value) == f"{named}: {told}"


LEGACY, NO_BATCH = "middleware.legacy_share=0", "faults.batch_failure.rate=0.1: can strike nothing in this world, with "
BARE = {
    "batch_failure": "middleware.legacy_share=0",
    "missing_disposition": "demand.return_rate=0 and demand.online_return_rate=0",
    "rtv_gap": "returns.vendor_share=0",
    "reservation_leak": "demand.online_share=0",
    "short_pick": "demand.online_share=0",
    "out_of_order": "suppliers.quantity_change_rate=0 and suppliers.price_change_rate=0",
    "price_mismatch": "pricing.change_rate=0 and pricing.promotion_share=0",
    "duplicate_item": "world.items=99",
}


@pytest.fixture(scope="module")
def usual() -> Experiment:
    return compose()


def _set(experiment: Experiment, *words: str) -> Experiment:
    """The same experiment with some numbers changed, without composing it again."""
    changed = copy.deepcopy(experiment)
    for key, value in (word.split("=") for word in words):
        *above, last = key.split(".")
        setattr(functools.reduce(getattr, above, changed), last, float(value))
    return changed


@pytest.mark.parametrize(("name", "told"), BARE.items(), ids=list(BARE))
def test_a_rate_that_can_strike_nothing_is_refused(usual: Experiment, name: str, told: str) -> None:
    bare, key = told.split(" and "), f"faults.{name}.rate"
    world = _set(usual, f"{key}=0.01", *bare)
    with pytest.raises(UserError) as caught:
        check_rates_strike(world, [key])
    assert str(caught.value) == f"{key}=0.01: can strike nothing in this world, with {told}"
    # The usual rate is only told, one ground is enough, and a rate of 0 asks for none.
    check_rates_strike(world, bare)
    # That a world is small is no mistake: the usual rate passes without a word.
    assert (f"{name} ({told})" in without_ground(world)) is (name != "duplicate_item")
    assert name not in str(without_ground(_set(usual, f"{key}=0.01", *bare[1:])))
    assert name not in str(without_ground(_set(world, f"{key}=0")))


def test_a_rate_of_a_file_is_refused_for_what_the_file_itself_takes_away(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("faults: {batch_failure: {rate: 0.1}}\nmiddleware: {legacy_share: 0}\n", encoding="utf-8")
    with pytest.raises(UserError, match=NO_BATCH + LEGACY):
        compose([f"scenario={file}"])
    assert without_ground(compose([f"scenario={file}", LEGACY])) == [f"batch_failure ({LEGACY})"]
    assert without_ground(compose([f"scenario={file}", "middleware.legacy_share=0.2"])) == []


@pytest.mark.parametrize("words", [
    ("scenario=erp_cutover", "world.days=19"),
    # Who shortens a run does not reach the scenario's later days.
    ("scenario=erp_cutover", "world.days=10"),
    ("scenario=national_chain", "world.days=3"),
    ("scenario=integration_storm", "world.end=2026-03-09"),
    # The season of the defaults does not come in a run that ends before it; a window may close after the run.
    ("world.days=5",),
    ("faults.shrink.until_day=99",),
    ("faults=none", "faults.shrink.from_day=99"),
    ("pilot.start=2026-03-29", "pilot.end=2027-01-01"),
    ("detector.parameters.seasonal_limit=-3",),
])
def test_what_can_be_meant_is_not_refused(words: tuple[str, ...]) -> None:
    compose(words)


@pytest.mark.parametrize(("text", "told"), [
    ("world.stores: 30", "world.stores: stands with a dot; a file nests its keys, world: {stores: ...}"),
    ("faults: {shrink.rate: 0.1}", "faults.shrink.rate: stands with a dot; a file nests its keys, shrink: {rate: ...}"),
    ("world: {start: !!timestamp 2026-33-02}", "world.start=2026-33-02: must be a date"),
    ("pilot: {types: !!set {late_asn}}", "pilot.types: holds a set"),
    ("world: {stores: !!binary aGk=}", "world.stores: holds a bytes"),
    ('detector: {name: "a:b"}', "detector.name=a:b: no such class"),
])
def test_odd_yaml_is_refused_by_its_key(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        compose([f"scenario={file}"])
    assert str(caught.value).startswith(told)


def test_whatever_is_called_a_share_or_a_rate_of_something_is_one() -> None:
    called = {key for key, value in KEYS.items() if isinstance(value, float) and key.endswith(("_share", "_rate"))}
    assert called - set(SHARES) == {"confounders.maintenance_rate"}


@pytest.mark.parametrize("scenario", options("scenario"))
def test_an_unspoilt_file_is_its_scenario(tmp_path: Path, scenario: str) -> None:
    file = tmp_path / f"{scenario}.yaml"
    file.write_text((CONF / f"{scenario}.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    ours = compose([f"scenario={scenario}", "seed=3"])
    assert compose([f"scenario={file}", "seed=3"]) == ours
    assert without_ground(ours) == []


@pytest.mark.parametrize(("text", "named", "offered"), [
    ("world: {stores: 3", "scenario=mine.yaml", "is no YAML"),
    ("- world", "scenario=mine.yaml", "keys and values"),
    ("# nothing yet", "scenario=mine.yaml", "is empty"),
    ("defaults: [_self_]", "scenario=mine.yaml", "is empty"),
    ("world: {stores: 3}\nworld: {stores: 4}", "scenario=mine.yaml", "'world' stands twice, line 2"),
    ("defaults: [override /faults: storm]", "faults=storm", "valid: ambient"),
    ("defaults: [faults]", "defaults", "override /GROUP: NAME"),
    ("out: elsewhere", "out", "on the command line"),
    ("faults: {shrinc: {rate: 0.1}}", "faults.shrinc.rate", "did you mean 'shrink'?"),
    ("faults: {late_asn: {until_day: 0}}", "faults.late_asn.until_day=0", "after faults.late_asn.from_day=0"),
    ("faults: {scale: 30}", "faults.scale=30", "share"),
    ("faults: {shrink: {magnitude: 2}}", "faults.shrink.magnitude=2", "from 0 to 1"),
    ("world: {days: '???'}", "world.days=???", "a whole number"),
    ("oracle: 3", "oracle=3", "true or false"),
])
def test_a_bad_file_ends_the_command_and_leaves_nothing(
    command: Command, tmp_path: Path, text: str, named: str, offered: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    done = command("run", "scenario=mine.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"stocktwin: {named}")
    assert offered in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_file_that_is_not_there_is_named(command: Command, tmp_path: Path) -> None:
    done = command("run", "scenario=nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "stocktwin: scenario=nowhere.yaml: cannot be read: no such file or directory\n"


def test_what_a_file_says_wins_over_groups_and_loses_to_the_user(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("defaults: [override /faults: none]\nworld: {stores: 7, start: 2026-03-09}\n", encoding="utf-8")
    mine = compose([f"scenario={file}", "world.items=9"])
    assert (mine.scenario, mine.world.stores, mine.world.items, mine.world.start) == ("mine", 7, 9, "2026-03-09")
    assert mine.faults.shrink.rate == 0
    assert compose([f"scenario={file}", "faults=standard", "world.stores=8"]).faults.shrink.rate > 0
    assert compose([f"scenario={file}", "world.stores=8"]).world.stores == 8
