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
from pathlib import Path
from typing import Any, Final

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from scenarios.audit.line import FILE_NAME as AUDIT_TABLE
from scenarios.bench.moving import moved
from scenarios.engine import check_engine, cores
from scenarios.errors import UserError, choices
from scenarios.groups import content, options
from scenarios.keys import pairs_of
from scenarios.manifest import canonical_json
from scenarios.measures.leaderboard import COLUMNS
from scenarios.measures.tradeoffs import reference_of
from scenarios.schema import Engine

MODES: Final = ("shadow", "loop")


@dataclass
class Seeds:
    """Seeds by what they are for.

    Attributes:
        dev: thresholds are frozen on these.
        validation: to look at while one's own detector is being built.
        test: what is ranked.
        test_sha256: of the test seeds, see :func:`commitment`; null to commit to nothing.
    """

    dev: list[int] = field(default_factory=list)
    validation: list[int] = field(default_factory=list)
    test: list[int] = field(default_factory=list)
    test_sha256: str | None = None


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
        budget: false alarms a location and day that are allowed on dev seeds.
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
    budget: float = 1.0
    seeds: Seeds = field(default_factory=Seeds)
    limits: TrialLimits = field(default_factory=TrialLimits)
    measures: list[str] = field(default_factory=list)
    against: str = ""


@dataclass
class Request:
    """A suite and where and how it is carried out, which changes no result.

    Attributes:
        out: folder of the benchmark.
        workers: processes at once.
        overwrite: begin anew; else what is finished there is kept.
    """

    suite: Suite
    out: Path
    workers: int
    engine: Engine
    overwrite: bool


def read(words: Sequence[str]) -> Request:
    """The benchmark that the words after ``stocktwin bench`` describe.

    Raises:
        UserError: naming the key.
    """
    said = pairs_of("bench", words)
    name = said.pop("suite", "smoke")
    out, workers = said.pop("out", None), _whole("workers", said.pop("workers", None))
    engine = Engine(said.pop("engine", "loky"), said.pop("engine.address", None))
    if engine.name not in options("engine"):
        raise UserError(f"engine={engine.name}: no such choice; {choices(options('engine'), engine.name)}")
    overwrite = _truth("overwrite", said.pop("overwrite", "false"))
    suite = _suite(name, said)
    check_engine(engine)
    return Request(suite, _folder(out, name), workers or cores(), engine, overwrite)


def audit_of(words: Sequence[str]) -> tuple[dict[str, Any], Path] | None:
    """The keys of a suite whose mode is ``audit``, with what the words set of them, and its folder; else None.

    Raises:
        UserError: naming the key.
    """
    said = dict(word.partition("=")[::2] for word in words)
    name = said.pop("suite", "smoke")
    values = _content(name)
    if values.get("mode") != "audit":
        return None
    out = _folder(said.pop("out", None), name)
    for key in ("engine", "engine.address"):
        if key in said:
            raise UserError(f"{key}: an audit has no such key")
    overwrite = _truth("overwrite", said.pop("overwrite", "false"))
    if (out / AUDIT_TABLE).exists() and not overwrite:
        raise UserError(f"out: {out} holds an audit already; overwrite=true replaces it")
    values |= {key: _value(key, text) for key, text in said.items()}
    return values, out


def commitment(seeds: Sequence[int]) -> str:
    """SHA-256 over test seeds in the order given, as JSON: what is published before any result is."""
    return hashlib.sha256(canonical_json(list(seeds)).encode()).hexdigest()


def crossed(named: Mapping[str, Sequence[str]], axes: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """All combinations of named words and of the values of the axes, by a name that says them all."""
    made = {}
    for name, words in (named or {"": ()}).items():
        for values in itertools.product(*axes.values()):
            added = [f"{key}={_spelled(value)}" for key, value in zip(axes, values, strict=True)]
            made[" ".join([*([name] if name else []), *added])] = [*words, *added]
    return made


def _folder(out: str | None, suite: str) -> Path:
    """Where the results of a suite, by name or file, are kept."""
    return Path(out).expanduser() if out else Path("outputs") / "bench" / Path(suite).stem


def _suite(name: str, said: Mapping[str, str]) -> Suite:
    values = _content(name)
    for key in values:
        if key not in _FIELDS:
            raise UserError(f"suite={name}: {key}: no such key of a suite; {choices(_FIELDS, str(key))}")
    values = {**values, "name": Path(name).stem, "common": list(values.get("common") or [])}
    for key, text in said.items():
        if key.split(".")[0] in _FIELDS:
            _put(values, key, _value(key, text))
        else:
            # What is no key of a suite is one of a run, for every trial.
            values["common"].append(f"{key}={text}")
    return _checked(_typed(values))


_FIELDS: Final = frozenset(entry.name for entry in dataclasses.fields(Suite)) - {"name", "origin"}


def _typed(values: dict[str, Any]) -> Suite:
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Suite), OmegaConf.create(values)))
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", None) or "suite")
        line = str(getattr(error, "msg", None) or error).strip().splitlines()[0]
        raise UserError(f"{key}: {line}") from error
    assert isinstance(made, Suite)
    return made


def _checked(suite: Suite) -> Suite:
    """The suite with its crosses laid out."""
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
    every = [*seeds.dev, *seeds.validation, *seeds.test]
    twice = sorted({seed for seed in every if every.count(seed) > 1})
    if twice:
        raise UserError(f"seeds: {twice[0]} is named twice; dev, validation and test share no seed")
    if not every:
        raise UserError("seeds: a suite needs at least one, like seeds.test=[1]")
    if seeds.test and seeds.test_sha256 is not None and commitment(seeds.test) != seeds.test_sha256:
        raise UserError(f"seeds.test: are not those committed to (their hash is {commitment(seeds.test)})")


def _content(name: str) -> dict[str, Any]:
    """The keys of a suite by its name or file."""
    if name.endswith((".yaml", ".yml")):
        return _file(Path(name))
    if name in options("suite"):
        return content("suite", name)
    raise UserError(f"suite={name}: no such suite; {choices([*options('suite'), 'FILE.yaml'], name)}")


def _file(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UserError(f"suite={path}: {(error.strerror or str(error)).lower()}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"suite={path}: is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict):
        raise UserError(f"suite={path}: must hold keys and values")
    return values


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a key; what is below a table of the user's own names keeps its dots (``axes.people.dc``)."""
    head, _, rest = key.partition(".")
    if not rest:
        values[head] = value
        return
    inside = values.get(head)
    values[head] = {**inside, rest: value} if isinstance(inside, dict) else {rest: value}


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{key}={text}: is no value; lists are written [a,b]") from error


def _spelled(value: Any) -> str:
    """A value of an axis as the words of a run spell it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ",".join(_spelled(entry) for entry in value) + "]"
    return str(value)


def _whole(key: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise UserError(f"{key}={text}: must be a whole number from 1 to 10000")
    return int(text)


def _truth(key: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise UserError(f"{key}={text}: must be true or false")
    return text == "true"
