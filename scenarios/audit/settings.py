"""What the audit measures, on which worlds and seeds, and the limits it is held to: data, from ``conf/suite``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints

from scenarios.compose import compose
from scenarios.errors import UserError, choices


@dataclass(frozen=True)
class Settings:
    """The keys of a suite whose mode is ``audit``.

    Attributes:
        world: words (``KEY=VALUE``) of the world that most rows are measured on.
        dev: seeds on which the best one-liner is chosen.
        test: seeds on which everything is measured.
        budget: false alarms of the one-liners, untrue incidents per location and day; the suites' own.
        trivial_share: most inferred exceptions that the best one-liner may find, mean over types.
        exceptions: least and most exceptions per location and day.
        exception_hours: least and most hours of open exceptions per location and day.
        skill: what the skill of a detector that knows nothing but positions must be below, its interval whole.
        uniform_distance: most distance (Kolmogorov and Smirnov) of start over horizon from uniform, its interval whole.
        openings: least number of openings behind it.
        scales: values of ``faults.scale`` for detectability, rising from 0.
        recall_fall: what recall may fall by from the least scale with faults to the greatest.
        level_margin: how far incidents without faults may be from the usual false alarms, a location and day.
        scale_world, scale_seeds: the world and the seeds of that sweep.
        twin_world, twin_seeds: the world and the seeds in which single faults are left out.
        twins_each: faults of each type that are left out, a seed.
        clue_world, clue_seeds: words added to the quiet world on which ids, order and stamps are modelled, and seeds.
        prefix_days: days of the world that is stopped early, whose alerts must be those of the whole one.
        spied_days: days of the stream that a third-party detector is shown while its memory is searched.
        sensitivity: folder in which the suite of that name was carried out.
        workers: processes at once; changes no figure.
    """

    world: tuple[str, ...] = ()
    dev: tuple[int, ...] = (1, 2)
    test: tuple[int, ...] = (101, 102)
    budget: float = 0.5
    trivial_share: float = 0.2
    exceptions: tuple[float, float] = (0.0, 100.0)
    exception_hours: tuple[float, float] = (0.0, 1000.0)
    skill: float = 0.05
    uniform_distance: float = 0.1
    openings: int = 300
    scales: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
    recall_fall: float = 0.05
    level_margin: float = 0.1
    scale_world: tuple[str, ...] = ()
    scale_seeds: tuple[int, ...] = (201, 202, 203)
    twin_world: tuple[str, ...] = ()
    twin_seeds: tuple[int, ...] = (1,)
    twins_each: int = 1
    clue_world: tuple[str, ...] = ()
    clue_seeds: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    prefix_days: int = 7
    spied_days: int = 3
    sensitivity: str = "outputs/bench/sensitivity"
    workers: int = 1


#: What a key of each type must be, in words; one of a list in the singular and as an example.
_FORMS: Final[Mapping[type, str]] = {
    int: "a whole number of at least {least}", float: "a number of at least 0", str: "words",
}
_LISTS: Final[Mapping[type, str]] = {
    int: "a list of whole numbers, like [1,2]", float: "a list of numbers, like [0,1.5]",
    str: "a list of words, like [world.stores=4,world.days=14]",
}
#: Keys that are lists and may be empty.
_MAY_BE_EMPTY: Final = frozenset({"world", "scale_world", "twin_world", "clue_world"})


def settings_of(content: Mapping[str, Any]) -> Settings:
    """Settings from the keys of a suite's file; what is not the audit's own (``name``, ``mode``) is passed over.

    Raises:
        UserError: naming a key that is none, or whose value is not of its form.
    """
    names = {field.name: field for field in dataclasses.fields(Settings)}
    own = {key: value for key, value in content.items() if key not in {"name", "mode"}}
    for key in own:
        if key not in names:
            raise UserError(f"suite.{key}: no such key of an audit; {choices(names, key)}")
    types = get_type_hints(Settings)
    settings = Settings(**{key: _typed(key, value, types[key]) for key, value in own.items()})
    both = sorted(set(settings.dev) & set(settings.test))
    if both:
        raise UserError(f"suite.test: seed {both[0]} is in suite.dev too; what is chosen on a seed is not judged on it")
    if settings.scales[0] != 0 or len(settings.scales) < 2 or list(settings.scales) != sorted(set(settings.scales)):
        raise UserError("suite.scales: must begin with 0 and rise, like [0,1,2,4]")
    return settings


def check_worlds(settings: Settings) -> None:
    """Refuse words that make no world, before anything runs.

    Raises:
        UserError: naming the key, and what is wrong with its words.
    """
    for key in ("world", "scale_world", "twin_world", "clue_world"):
        try:
            compose(list(getattr(settings, key)))
        except UserError as error:
            raise UserError(f"suite.{key}: {error}") from error


def _typed(key: str, value: Any, kind: Any) -> Any:
    """One value in the type of its field."""
    if get_origin(kind) is not tuple:
        made = _single(value, kind)
        if made is None or (kind is int and made < 1):
            raise UserError(f"suite.{key}={value}: must be {_FORMS[kind].format(least=1)}")
        return made
    entry, *rest = get_args(kind)
    made_all = [_single(one, entry) for one in value] if isinstance(value, list) else []
    is_pair = rest != [Ellipsis]
    if not isinstance(value, list) or None in made_all:
        raise UserError(f"suite.{key}={value}: must be {_LISTS[entry]}")
    if is_pair and (len(made_all) != 2 or made_all[0] > made_all[1]):
        raise UserError(f"suite.{key}={value}: must be two numbers, the least and the most, like [1,8]")
    if not made_all and key not in _MAY_BE_EMPTY:
        raise UserError(f"suite.{key}={value}: must not be empty: {_LISTS[entry]}")
    return tuple(made_all)


def _single(value: Any, kind: type) -> Any:
    """A value as a whole number or number that is not below 0, or as a word; None where it is none."""
    if isinstance(value, bool):
        return None
    if kind is str:
        return value if isinstance(value, str) and value else None
    if not isinstance(value, int if kind is int else (int, float)) or not math.isfinite(value) or value < 0:
        return None
    return kind(value)
