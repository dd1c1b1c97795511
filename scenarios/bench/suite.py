"""A suite: what a benchmark compares, on what, how often and within which limits. It is a file, never code.

    mode: shadow                     # or loop: the whole run, arms and all
    scenarios: {calm: [scenario=calm, world.days=14]}
    entrants: {never: [detector=never], standard: [detector=standard]}
    axes: {policy: [manual, deterministic], people.dc: [1, 2]}      # crossed, on top of the entrants
    scenario_axes: {faults.scale: [0.5, 1, 2]}                         # the same on top of the scenarios
    moved: [people.*]                # declared assumptions, each at its low and high (:mod:`scenarios.bench.moving`)
    seeds: {dev: [1], validation: [2], test: [3, 4]}

Rules:

- Words are those of ``stocktwin run``. An entrant's win over ``common``, which wins over the scenario's.
- In shadow mode an entrant may set what concerns the operator only: all are shown one recording.
- ``{scenario}`` and ``{seed}`` in an entrant's words stand for those of the trial, so that each can have a file.
- A suite may hold the hash of its test seeds in place of them; whoever runs it later must name seeds of that hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scenarios.bench.moving import moved
from scenarios.errors import UserError, choices
from scenarios.limits import SEED_MAX
from scenarios.manifest import canonical_json
from scenarios.measures.leaderboard import COLUMNS
from scenarios.measures.tradeoffs import reference_of
from scenarios.measures.trials import SPLITS

MODES: Final = ("shadow", "loop")


@dataclass
class Seeds:
    """Seeds by what they are for.

    Attributes:
        dev: thresholds are frozen on these.
        validation: to look at while one's own detector is being built.
        test: what is ranked.
        test_sha256: of the test seeds, see :func:`commitment`; null to commit to nothing.
        salt: text that goes into the hash and is published with the seeds; without it small seeds could be guessed.
    """

    dev: list[int] = field(default_factory=list)
    validation: list[int] = field(default_factory=list)
    test: list[int] = field(default_factory=list)
    test_sha256: str | None = None
    salt: str | None = None


@dataclass
class TrialLimits:
    """What one trial, or the recording it is scored on, may use.

    Attributes:
        seconds: wall time.
        gib: address space.
        output_kib: what it may print.
    """

    seconds: float = 600.0
    gib: float = 6.0
    output_kib: int = 1024


@dataclass
class Suite:
    """See the module.

    Attributes:
        name: of the file; filled in when it is read.
        mode: ``shadow`` or ``loop``.
        common: words for every trial.
        scenarios: name -> words.
        scenario_axes: key -> values, all combinations of which are put on top of the scenarios.
        moved: patterns of declared assumptions that are moved one at a time, each making more scenarios.
        origin: scenario that was made so -> the one it was made from; filled in when it is read.
        entrants: name -> words.
        axes: key -> values, all combinations of which are put on top of the entrants.
        scored: entrants whose least score is frozen on dev seeds at ``budget``.
        budget: false alarms a location and day that are allowed: thresholds are frozen at it on dev seeds, and in
            shadow mode whoever is clearly over it on test seeds ranks last.
        seeds: see :class:`Seeds`.
        limits: of one trial.
        measures: columns of the leaderboard that are printed; empty for all of the mode.
        against: entrant, or word of a cross like ``policy=manual``, that the others are held against pair by pair;
            empty for none. Of whole runs only.
    """

    name: str = ""
    mode: str = "shadow"
    common: list[str] = field(default_factory=list)
    scenarios: dict[str, list[str]] = field(default_factory=dict)
    scenario_axes: dict[str, list[Any]] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)
    entrants: dict[str, list[str]] = field(default_factory=dict)
    axes: dict[str, list[Any]] = field(default_factory=dict)
    scored: list[str] = field(default_factory=list)
    budget: float = 0.5
    seeds: Seeds = field(default_factory=Seeds)
    limits: TrialLimits = field(default_factory=TrialLimits)
    measures: list[str] = field(default_factory=list)
    against: str = ""


def commitment(seeds: Seeds) -> str:
    """SHA-256 over test seeds in the order given, as JSON: what is published before any result is.

    With a salt it is over the list of the salt and the list of seeds.
    """
    content = seeds.test if seeds.salt is None else [seeds.salt, seeds.test]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def crossed(named: Mapping[str, Sequence[str]], axes: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """All combinations of named words and of the values of the axes, by a name that says them all."""
    made = {}
    for name, words in (named or {"": ()}).items():
        for values in itertools.product(*axes.values()):
            added = [f"{key}={_spelled(value)}" for key, value in zip(axes, values, strict=True)]
            made[" ".join([*([name] if name else []), *added])] = [*words, *added]
    return made


def checked(suite: Suite) -> Suite:
    """The suite with its crosses and its moved assumptions laid out.

    Raises:
        UserError: naming the key.
    """
    if suite.mode not in MODES:
        raise UserError(f"mode={suite.mode}: no such mode; {choices(MODES, suite.mode)}")
    scenarios = crossed(suite.scenarios or {"quickstart": []}, suite.scenario_axes)
    entrants = crossed(suite.entrants, suite.axes)
    if not suite.entrants and not suite.axes:
        raise UserError("entrants: a suite needs at least one, like entrants.standard=[detector=standard]")
    for name in suite.scored:
        if name not in entrants:
            raise UserError(f"scored={name}: no such entrant; {choices(entrants, name)}")
    if suite.scored and not suite.seeds.dev:
        raise UserError("seeds.dev: thresholds of the entrants in 'scored' are frozen on dev seeds; name at least one")
    columns = COLUMNS[suite.mode]
    for name in suite.measures:
        if name not in columns:
            raise UserError(f"measures={name}: no such column; {choices(columns, name)}")
    if suite.against:
        _check_against(suite, list(entrants))
    if not suite.budget >= 0.0:
        raise UserError(f"budget={suite.budget}: must be a number of false alarms, 0 or more")
    if not suite.limits.seconds > 0.0 or not suite.limits.gib > 0.0:
        raise UserError("limits: seconds and gib must be above 0")
    _check_seeds(suite.seeds)
    scenarios, origin = moved(scenarios, suite.moved, suite.common)
    return dataclasses.replace(suite, scenarios=scenarios, origin=origin, entrants=entrants, scenario_axes={}, axes={})


def _check_against(suite: Suite, entrants: Sequence[str]) -> None:
    if suite.mode != "loop":
        raise UserError(f"against={suite.against}: what a policy buys and costs is told of whole runs; mode=loop")
    for name in entrants:
        try:
            reference_of(name, suite.against, entrants)
        except LookupError as error:
            raise UserError(f"against={suite.against}: no entrant {error} for {name} to be held against; "
                            f"{choices(entrants, suite.against)}") from error


def _check_seeds(seeds: Seeds) -> None:
    for split in SPLITS:
        for seed in getattr(seeds, split):
            if not 0 <= seed < SEED_MAX:
                raise UserError(f"seeds.{split}: {seed}: must be from 0 to {SEED_MAX - 1}")
    every = [*seeds.dev, *seeds.validation, *seeds.test]
    twice = sorted({seed for seed in every if every.count(seed) > 1})
    if twice:
        raise UserError(f"seeds: {twice[0]} is named twice; dev, validation and test share no seed")
    if not every:
        raise UserError("seeds: a suite needs at least one, like seeds.test=[1]")
    if seeds.test and seeds.test_sha256 is not None and commitment(seeds) != seeds.test_sha256:
        raise UserError(f"seeds.test: are not those committed to (their hash is {commitment(seeds)})")


def _spelled(value: Any) -> str:
    """A value of an axis as the words of a run spell it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ",".join(_spelled(entry) for entry in value) + "]"
    return str(value)
