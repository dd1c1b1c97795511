"""Assumptions moved one at a time: the scenarios of a suite with one declared number at its low or its high.

    moved: [people.*, faults.shrink.*]      # patterns of keys; [*] for every one that a key sets

Each scenario stays as it is, and is joined by two of itself for each assumption, named ``SCENARIO KEY=VALUE``. A value
that the scenario has anyway makes none. Assumptions that stand in the code have no key and cannot be moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from scenarios.assumptions import Assumption, assumptions
from scenarios.compose import compose
from scenarios.errors import UserError, choices


def chosen(patterns: Sequence[str]) -> list[Assumption]:
    """The assumptions that some patterns name, in the order in which they are declared.

    Raises:
        UserError: for a pattern that names none.
    """
    keys = [one.key for one in assumptions()]
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in keys):
            raise UserError(f"moved={pattern}: no assumption that a key sets is named so; {choices(keys, pattern)}")
    return [one for one in assumptions() if any(fnmatchcase(one.key, pattern) for pattern in patterns)]


def moved(
    scenarios: Mapping[str, Sequence[str]], patterns: Sequence[str], common: Sequence[str]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Scenarios with each chosen assumption at its low and at its high.

    Args:
        scenarios: name -> words.
        patterns: of the keys of assumptions.
        common: words for every trial; what they set stays where they set it.

    Returns:
        All scenarios, the given ones first; and for each that was made the one it was made from.

    Raises:
        UserError: for a pattern that names none, or words that make no run.
    """
    made: dict[str, list[str]] = {name: list(words) for name, words in scenarios.items()}
    origin: dict[str, str] = {}
    if not patterns:
        return made, origin
    taken = {word.partition("=")[0] for word in common}
    for name, words in scenarios.items():
        experiment = compose([*words, *common])
        for assumption in chosen(patterns):
            for value in dict.fromkeys((assumption.low, assumption.high)):
                if assumption.key in taken or assumption.value(experiment) == value:
                    continue
                one = f"{name} {assumption.key}={value}"
                made[one] = [*words, f"{assumption.key}={value}"]
                origin[one] = name
    return made, origin
