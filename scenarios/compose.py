"""From the words on the command line to one plain, typed :class:`Experiment`.

Three rules:

- Overrides are read before Hydra sees them, so that a mistake is answered with the key and the
  valid choices, not with the tool's own stack.
- What the user says wins over the scenario (one of ours or a file), which wins over the groups, which win over the
  defaults of the dataclasses.
- Hydra's state is global; it is put back as it was found, so a composition works inside a
  notebook, another Hydra program or a test.

Hydra reads its files once for each choice of groups in a process. Plain values are set on a copy, as Hydra sets them: a
benchmark composes hundreds of runs that differ in a value.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from detection.policy import find_policy
from scenarios.assumptions import assumptions, fixed
from scenarios.dead_rates import check_rates_strike
from scenarios.errors import UserError, choices
from scenarios.groups import groups, options, plugins
from scenarios.keys import fields_of, is_table, kind_of, needed
from scenarios.scenario_file import FileScenario, is_file_name, read
from scenarios.schema import PLACEMENT, Experiment
from scenarios.validate import normalise, validate
from sim.faults.types import TYPES

_SCHEMA = "experiment_schema"
#: The name under which a scenario of the user's own file is composed.
FILE = "file_of_the_user"


def compose(overrides: Sequence[str] = ()) -> Experiment:
    """The experiment that ``overrides`` (``KEY=VALUE``, Hydra's grammar) describe, validated.

    Raises:
        UserError: for anything the user must put right.
    """
    # A path may hold what Hydra's grammar reads as its own (spaces, brackets, "="): it never goes through it.
    paths = [text.removeprefix("out=") for text in overrides if text.startswith("out=")]
    overrides = [text for text in overrides if not text.startswith("out=")]
    files = [text.removeprefix("scenario=") for text in overrides if is_file_name(text)]
    file = read(files[-1]) if files else None
    parsed = [_parse(text) for text in overrides if not is_file_name(text)]
    for override in parsed:
        _check_key(override)
    _register(file)
    try:
        experiment = OmegaConf.to_object(_composed(parsed, file))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_explain(error, parsed)) from error
    if not isinstance(experiment, Experiment):
        raise TypeError(f"composition gave {type(experiment).__name__}, not Experiment")
    scenario = [override.value() for override in parsed if override.key_or_group == "scenario"]
    experiment.scenario = file.name if file is not None else str(scenario[-1]) if scenario else "quickstart"
    experiment.out = paths[-1] if paths and paths[-1] != "null" else None
    said = [override.key_or_group for override in parsed]
    validate(experiment, said)
    check_rates_strike(experiment, said, file.keys if file is not None else ())
    # The world lets an operator act alone by its own configuration, not since an action says so.
    experiment.people.operator_acts_alone |= not find_policy(experiment.policy.name).asks
    return normalise(experiment)


def _composed(overrides: Sequence[Override], file: FileScenario | None) -> DictConfig:
    """What Hydra makes of the overrides: the choice of groups first, then the values, in the order given."""
    chosen = [str(override.input_line) for override in overrides if override.key_or_group in groups()]
    if file is not None:
        # Its content stands under one name, whichever file it is.
        composed = _choose((*chosen, f"scenario={FILE}"))
    else:
        composed = deepcopy(_chosen(tuple(chosen), tuple(plugins().items())))
    for override in overrides:
        if override.key_or_group not in groups():
            # A table of the user's own names takes new ones.
            key, value = override.key_or_group, override.value()
            OmegaConf.update(composed, key, value, merge=True, force_add=is_table(key))
    return composed


def _choose(choice: Sequence[str]) -> DictConfig:
    with _own_hydra(), initialize_config_module("conf", version_base="1.3"):
        return hydra_compose("config", overrides=list(choice))


@lru_cache(maxsize=128)
def _chosen(choice: tuple[str, ...], plugged: tuple[tuple[str, str], ...]) -> DictConfig:  # noqa: ARG001 - part of the key
    return _choose(choice)


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain values, for ``config.yaml``.

    Beside the keys it holds ``types``: windows, gaps, graces, planes and causes of every type of
    exception and fault, since the measures know a run by its folder alone; and ``assumptions``: the
    keys that no source stands behind, with what they mean and a low and a high, and those of the code with their value.
    """
    declared = {entry.key: {"meaning": entry.meaning, "low": entry.low, "high": entry.high} for entry in assumptions()}
    in_code = {entry.key: {"meaning": entry.meaning, "low": entry.low, "high": entry.high, "value": entry.value,
                           "fault": entry.fault} for entry in fixed()}
    types = {entry.name: dataclasses.asdict(entry) for entry in TYPES}
    return {**dataclasses.asdict(experiment), "types": types, "assumptions": declared | in_code}


def config_hash(experiment: Experiment) -> str:
    """SHA-256 over all keys that can change a result, the seed among them."""
    relevant = {key: value for key, value in dataclasses.asdict(experiment).items() if key not in PLACEMENT}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def to_yaml(values: Mapping[str, Any]) -> str:
    """``values`` as YAML in the order given."""
    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def _register(file: FileScenario | None) -> None:
    _register_schema()
    store = ConfigStore.instance()
    if file is not None:
        store.store(group="scenario", name=FILE, node=file.content, package="_global_")
    for name, value in plugins().items():
        store.store(group="detector", name=name, node={"name": name, "plugin": value})


@cache
def _register_schema() -> None:
    """Once a process: the shape does not change, and laying it out is a third of a composition."""
    ConfigStore.instance().store(name=_SCHEMA, node=Experiment)


def _parse(text: str) -> Override:
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise UserError(f"{text!r} is not of the form KEY=VALUE") from error
    if override.type is not OverrideType.CHANGE or override.package is not None:
        raise UserError(f"{text!r}: keys are set with KEY=VALUE; nothing can be added or deleted")
    if override.is_sweep_override():
        raise UserError(f"{text!r}: a run takes one value for a key, not a sweep; write a list as [a,b]")
    return override


def _check_key(override: Override) -> None:
    """Refuse a key or choice that does not exist, and a value for a whole group of keys."""
    key = override.key_or_group
    if key in groups():
        name = override.value()
        valid = options(key)
        if not isinstance(name, str) or name not in valid:
            raise UserError(f"{key}={name}: no such choice; {choices(valid, str(name))}")
        return
    inside = () if is_table(key) else fields_of(kind_of(key))
    if inside and not isinstance(override.value(), dict):
        raise UserError(f"{key}: holds several keys, set one; {choices(f'{key}.{name}' for name in inside)}")


def _explain(error: Exception, overrides: Sequence[Override]) -> str:
    """The tool's message in one line, led by the key; what a plain value must be is said in plain words."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    key = str(getattr(root, "full_key", None) or "")
    given = [override.value() for override in overrides if override.key_or_group == key]
    if given and needed(key) and isinstance(root, ValidationError):
        return f"{key}={given[-1]}: must be {needed(key)}"
    message = str(getattr(root, "msg", None) or root).strip().splitlines()[0]
    return f"{key}: {message}" if key and not message.startswith(key) else message


@contextmanager
def _own_hydra() -> Iterator[None]:
    """A clean global Hydra within, the caller's again after."""
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = before
