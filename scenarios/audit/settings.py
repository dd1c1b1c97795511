"""What the audit measures, on which worlds and seeds, and the limits it is held to: data, from ``conf/suite``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.errors import UserError, choices


@dataclass(frozen=True)
class Settings:
    """The keys of a suite whose mode is ``audit``.

    Attributes:
        world: words (``KEY=VALUE``) of the world that most rows are measured on.
        dev: seeds on which the best one-liner is chosen.
        test: seeds on which everything is measured.
        false_alarms: budget of the one-liners, untrue incidents per location and day.
        trivial_share: most inferred exceptions that the best one-liner may find, mean over types.
        exceptions: least and most exceptions per location and day.
        exception_hours: least and most hours of open exceptions per location and day.
        skill: most that a detector may have that knows nothing but positions, at its interval's lower end.
        uniform_p: least p of the test of start over horizon against uniform.
        openings: least number of openings behind it.
        scales: values of ``faults.scale`` for detectability, rising from 0.
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
    false_alarms: float = 1.0
    trivial_share: float = 0.2
    exceptions: tuple[float, float] = (0.0, 100.0)
    exception_hours: tuple[float, float] = (0.0, 1000.0)
    skill: float = 0.02
    uniform_p: float = 0.01
    openings: int = 300
    scales: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
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


def settings_of(content: Mapping[str, Any]) -> Settings:
    """Settings from the keys of a suite's file; what is not the audit's own (``name``, ``mode``) is passed over.

    Raises:
        UserError: naming a key that is none.
    """
    names = {field.name: field for field in dataclasses.fields(Settings)}
    own = {key: value for key, value in content.items() if key not in {"name", "mode"}}
    for key in own:
        if key not in names:
            raise UserError(f"suite.{key}: no such key of an audit; {choices(names, key)}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    return Settings(**values)
