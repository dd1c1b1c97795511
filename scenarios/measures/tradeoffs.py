"""What a policy buys and what it costs: recovery beside risk, minutes and queues, each against a reference.

Seeds are the unit: an entrant's value of a seed is the mean over the scenarios, and differences are taken seed by
seed, so that the world's own spread falls out. Risk is the value that repairs put wrong; its tail (CVaR) is the mean
of the worst 5% of the seeds, and with few seeds the worst one. The *frontier* holds the entrants of which no other
recovers as much at less risk, or more at as little.

A failed trial won nothing back. What it would have put wrong, and what people would have worked, nobody can say: its
seed has no such value, and ``_n`` says on how many seeds each rests. One with fewer seeds of risk than of recovery may
owe its small risk to what it did not finish, so it is not on the frontier and puts nobody off it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from scenarios import statistics
from scenarios.measures.leaderboard import LOOP, TEST, value_of
from scenarios.measures.ranking import compare
from scenarios.measures.trials import ENTRANT, Trial

#: What is weighed, as columns of the leaderboard.
WEIGHED: Final = ("recovery", "wrongful", "wrongful_value", "minutes_a_day", "queue_age_hours")
GAIN, RISK, TAIL = "recovery", "wrongful_value", "wrongful_cvar"
_Seeds = Mapping[int, float]


def reference_of(entrant: str, against: str, entrants: Sequence[str]) -> str | None:
    """The entrant that another is held against, or None where it is that one itself.

    Args:
        entrant: by name; crosses are named by their words.
        against: a name, or one word of a cross (``policy=manual``): then it is the same cross with that word.
        entrants: all names.

    Raises:
        LookupError: if there is none.
    """
    key, is_word, _ = against.partition("=")
    words = [against if is_word and word.startswith(f"{key}=") else word for word in entrant.split(" ")]
    name = " ".join(words) if against in words else against
    if name not in entrants:
        raise LookupError(name)
    return None if name == entrant else name


def tradeoffs(trials: Iterable[Trial], against: str) -> pd.DataFrame:
    """One row an entrant, on the test seeds.

    Args:
        trials: of a suite of whole runs.
        against: see :func:`reference_of`.

    Returns:
        ``entrant``, ``against``, ``seeds``; each of :data:`WEIGHED`, and with ``_more``, ``_low`` and ``_high`` what it
        is more than the reference's, with the 95% interval over pairs, and with ``_n`` and ``_pairs`` the seeds and
        pairs of seeds behind both; ``wrongful_cvar``; ``frontier``.
    """
    values: dict[str, dict[str, dict[int, list[float]]]] = {}
    unknown: set[tuple[str, str, int]] = set()
    for trial in trials:
        if trial.split != TEST or trial.role != ENTRANT:
            continue
        for name in WEIGHED:
            found = value_of(trial, LOOP[name])
            held = values.setdefault(trial.entrant, {}).setdefault(name, {})
            if found is not None:
                held.setdefault(trial.seed, []).append(found)
            elif not trial.ok:
                unknown.add((trial.entrant, name, trial.seed))
    seeds = {entrant: {name: {seed: value for seed, value in _means(held).items()
                              if (entrant, name, seed) not in unknown} for name, held in names.items()}
             for entrant, names in values.items()}  # fmt: skip
    rows = [_row(entrant, reference_of(entrant, against, list(seeds)), seeds) for entrant in seeds]
    for row in rows:
        row["frontier"] = _is_on_frontier(row, rows)
    return pd.DataFrame(rows)


def _means(held: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """Each seed's mean; a seed that lacks a scenario is left out."""
    most = max(map(len, held.values()), default=0)
    return {seed: float(np.mean(found)) for seed, found in held.items() if len(found) == most}


def _row(entrant: str, reference: str | None, seeds: Mapping[str, Mapping[str, _Seeds]]) -> dict[str, Any]:
    mine = seeds[entrant]
    row: dict[str, Any] = {"entrant": entrant, "against": reference or "", "seeds": len(mine[GAIN])}
    for name in WEIGHED:
        row[name] = float(np.mean(list(mine[name].values()))) if mine[name] else np.nan
        found = compare(seeds[reference][name], mine[name]) if reference else None
        ends = (None, None, None, 0) if found is None else (found.difference, found.low, found.high, found.n)
        row.update(zip((f"{name}_more", f"{name}_low", f"{name}_high", f"{name}_pairs"), ends, strict=True))
        row[f"{name}_n"] = len(mine[name])
    tail = statistics.tail_mean(list(mine[RISK].values()))
    row[TAIL] = np.nan if tail is None else tail.value
    return row


def _is_on_frontier(row: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> bool:
    if not _is_whole(row):
        return False
    gain, risk = row[GAIN], row[RISK]
    others = [(other[GAIN], other[RISK]) for other in rows if _is_whole(other)]
    return not any(g >= gain and r <= risk and (g > gain or r < risk) for g, r in others)


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether risk is known on every seed on which recovery is."""
    return bool(row[f"{GAIN}_n"] and row[f"{RISK}_n"] >= row[f"{GAIN}_n"])
