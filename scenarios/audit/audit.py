"""The audit from end to end: every row of it, over processes, in an order that does not depend on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios import statistics
from scenarios.audit import clues, ending, frequency, hunting, knowing, leave_one_out, one_liners, resting, spying
from scenarios.audit.judging import recorded
from scenarios.audit.line import AuditLine, line, write
from scenarios.audit.settings import Settings
from scenarios.compose import compose
from scenarios.progress import Progress, silent


@dataclass(frozen=True)
class _Task:
    """One piece of the work: a function of this package, what it is called with, and what it is in words."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    words: str


@dataclass(frozen=True)
class _Seed:
    """What one test seed says."""

    skills: knowing.Skills
    frequency: frequency.Frequency
    one_liner: tuple[float | None, float | None]


def audit(settings: Settings, out: Path, progress: Progress = silent) -> list[AuditLine]:
    """Measure every row, and write ``audit.csv`` and ``audit.md`` into ``out``.

    Args:
        settings: what is measured, on which worlds, and the limits.
        out: a folder; it is made if it is missing.
        progress: told how far the work is.

    Returns:
        The rows, in the order in which they are printed.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".audit-", dir=out) as name:
        lines = _measure(settings, Path(name), progress)
    write(lines, out)
    return lines


def _measure(settings: Settings, folder: Path, progress: Progress) -> list[AuditLine]:
    first = [
        *(_Task(one_liners.tally, (settings, seed, folder / f"dev-{seed}"), f"one-liners, seed {seed}")
          for seed in settings.dev),
        *(_Task(knowing.swept, (settings, seed, folder / f"scales-{seed}"), f"scales, seed {seed}")
          for seed in settings.scale_seeds),
        *(_Task(twins, (settings, seed), f"twins, seed {seed}") for seed in settings.twin_seeds),
        *(_Task(clues.clue_line, (settings, name), f"clues of {name}") for name in clues.TOUCHED),
        _Task(ending.prefix_line, (settings, folder / "prefix"), "prefixes"),
        _Task(spying.spy_line, (settings, folder / "spy"), "memory of a third party"),
        _Task(hunting.hunt_line, (settings, folder / "hunt"), "reach of a third party"),
    ]  # fmt: skip
    (folder / "spy").mkdir()
    done = _carry_out(first, settings.workers, lambda share, words: progress(0.7 * share, words))
    tallies, done = done[: len(settings.dev)], done[len(settings.dev) :]
    choice = one_liners.choose(tallies, settings.budget)
    scaled, done = done[: len(settings.scale_seeds)], done[len(settings.scale_seeds) :]
    wrong, leaks = done[: len(settings.twin_seeds)], done[len(settings.twin_seeds) :]
    tests = [
        _Task(_test_seed, (settings, seed, choice.number, folder / f"test-{seed}"), f"test seed {seed}")
        for seed in settings.test
    ]
    seeds: list[_Seed] = _carry_out(tests, settings.workers, lambda share, words: progress(0.7 + 0.3 * share, words))
    return [
        *one_liners.lines(choice, [one.one_liner for one in seeds], settings),
        *frequency.lines([one.frequency for one in seeds], settings)[:2],
        _label_line(wrong),
        *frequency.lines([one.frequency for one in seeds], settings)[2:],
        *knowing.skill_lines([one.skills for one in seeds], settings),
        *leaks,
        *knowing.scale_lines(scaled, settings),
        resting.assumptions_line(Path(settings.sensitivity)),
    ]


def _test_seed(settings: Settings, seed: int, rule: int, folder: Path) -> _Seed:
    recording = recorded(settings.world, seed, folder)
    told = one_liners.tested(recording, rule) if rule >= 0 else (None, None)
    return _Seed(knowing.skills(recording, seed), frequency.frequency(recording.run()), told)


def twins(settings: Settings, seed: int) -> tuple[list[str], int]:
    """What is wrong with the labels of one seed's faults, in words, and how many were left out."""
    config = compose(settings.twin_world)
    chosen = leave_one_out.spread(leave_one_out.choices(config, seed), settings.twins_each)
    return leave_one_out.violations(config, chosen) if chosen else [], len(chosen)


def _label_line(found: Sequence[tuple[list[str], int]]) -> AuditLine:
    wrong = [reason for reasons, _ in found for reason in reasons]
    total = sum(number for _, number in found)
    note = f"{total} faults left out, one at a time" + (f"; {wrong[0]}" if wrong else "")
    row = "wrong labels: share of twins without one fault that break a rule"
    return line(row, statistics.share(len(wrong), total), "0", inside=not wrong and total > 0, note=note)


def _carry_out(tasks: Sequence[_Task], workers: int, progress: Progress) -> list[Any]:
    """The results in the order of the tasks, here or over processes."""
    results: list[Any] = []
    if workers <= 1:
        for number, task in enumerate(tasks):
            progress(number / len(tasks), task.words)
            results.append(task.function(*task.arguments))
        return results
    from joblib import Parallel, delayed

    jobs = (delayed(task.function)(*task.arguments) for task in tasks)
    for result in Parallel(n_jobs=workers, return_as="generator")(jobs):
        results.append(result)
        progress(len(results) / len(tasks), tasks[len(results) - 1].words)
    return results
