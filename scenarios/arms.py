"""An experiment: the arms on one seed, over all regions, written and scored as one run folder.

Arms and regions share only what is exogenous and keyed, so each pair is a task of its own and the
result does not depend on how tasks were spread over processes. With ``replications`` above 1 each
seed is a run folder of its own under ``replications/``, and the scorecard above is over them.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow.feather import read_table

from scenarios import compose, measures
from scenarios.engine import spread
from scenarios.loop import ARMS, ArmResult, run_arm
from scenarios.measures import realism
from scenarios.measures.card import Scorecard
from scenarios.progress import Progress, silent
from scenarios.record import RunWriter
from scenarios.schema import Experiment
from sim.catalogue import region_count
from sim.hashing import combine_digests

#: Arms whose stream is kept with ``record=full``.
_KEPT = ("unmanaged", "managed")


@dataclass(frozen=True)
class Task:
    """One arm of one region."""

    arm: str
    region: int
    stream_path: Path | None


def run_experiment(experiment: Experiment, out: Path, progress: Progress = silent) -> Path:
    """Run an experiment and write its run folder.

    Args:
        experiment: composed and validated.
        out: where the run folder is to be.
        progress: told how far the work is.

    Returns:
        ``out``, a complete run folder but for its page.

    Raises:
        RunFolderError: if ``out`` is taken or cannot be written; nothing is left behind.
    """
    with RunWriter(out, experiment.overwrite) as writer:
        if experiment.replications > 1:
            _replicate(experiment, writer, progress)
        else:
            _run_seed(experiment, writer, progress)
    return out


def arms_of(experiment: Experiment) -> tuple[str, ...]:
    """The arms that an experiment has."""
    wanted = {"oracle": experiment.oracle, "fcfs": experiment.fcfs}
    return tuple(arm for arm in ARMS if wanted.get(arm, True))


def _run_seed(experiment: Experiment, writer: RunWriter, progress: Progress) -> None:
    """All arms and regions of one seed."""
    tasks = []
    for arm in arms_of(experiment):
        for region in range(region_count(experiment)):
            path = None
            if experiment.record == "full" and arm in _KEPT:
                path = writer.events_folder(arm, f"R{region + 1}") / "part-0000.parquet"
            tasks.append(Task(arm, region, path))
    spill = writer.path("spill/tables").parent
    results = _carry_out(experiment, tasks, spill, progress)
    progress(0.96, "measuring")
    write_tables(writer, results)
    shutil.rmtree(spill)
    _write(experiment, writer, results)


def _carry_out(experiment: Experiment, tasks: Sequence[Task], spill: Path, progress: Progress) -> list[ArmResult]:
    """The tasks, here or spread over processes; results in the order of the tasks."""
    if experiment.workers <= 1 or len(tasks) == 1:
        return [
            run_arm(experiment, task.arm, task.region, task.stream_path, spill,
                    _share(progress, number, len(tasks), task))
            for number, task in enumerate(tasks)
        ]
    results: list[ArmResult] = []
    calls = [(experiment, task.arm, task.region, task.stream_path, spill) for task in tasks]
    for result in spread(experiment.engine, experiment.workers, run_arm, calls):
        results.append(result)
        progress(0.95 * len(results) / len(tasks), f"{result.arm}, region {result.region + 1}")
    return results


def _share(progress: Progress, number: int, count: int, task: Task) -> Callable[[int, int], None]:
    """Days done of one task as a share of all tasks."""

    def tell(done: int, days: int) -> None:
        progress(0.95 * (number + done / days) / count, f"{task.arm}, region {task.region + 1}")

    return tell


def write_tables(writer: RunWriter, results: Sequence[ArmResult]) -> None:
    """The tables of all arms and regions, one name at a time."""
    names = dict.fromkeys(name for result in results for name in result.tables)
    for name in names:
        writer.write(name, [_labelled(result, name) for result in results if name in result.tables])
    writer.write_missing()


def _write(experiment: Experiment, writer: RunWriter, results: Sequence[ArmResult]) -> None:
    """The audit trail, what the run is, and the scorecard over it."""
    writer.write_text("audit.jsonl", "".join(f"{line}\n" for result in results for line in result.audit))
    identify(experiment, writer, results, arms_of(experiment))
    scorecard = measures.score(writer.reader())
    writer.write_scorecard(scorecard.to_json())
    for name, table in scorecard.breakdowns().items():
        writer.write(f"breakdown/{name}", table)
    _write_realism(writer)


def _write_realism(writer: RunWriter) -> None:
    """What the run says of itself beside the published figures; it reads the scorecard too."""
    writer.write("breakdown/realism", realism.table(realism.card(writer.reader())))


def _labelled(result: ArmResult, name: str) -> pa.Table:
    table = read_table(result.tables[name])
    for column, value in (("region", f"R{result.region + 1}"), ("arm", result.arm)):
        table = table.add_column(0, column, pa.array([value] * table.num_rows, pa.string()))
    return table


def identify(experiment: Experiment, writer: RunWriter, results: Sequence[ArmResult], arms: Sequence[str]) -> None:
    """Say which run a folder holds: its configuration, and the hash of each of its arms.

    A run with ``faults.exclude`` also tells which of those ids were met, and so left out (``left_out``).
    """
    config: dict[str, Any] = compose.resolved(experiment)
    config["capacity_minutes_per_day"] = _capacity(results)
    if experiment.faults.exclude:
        config["left_out"] = sorted({fault for result in results for fault in result.left_out})
    writer.write_config(config)
    hashes = {arm: combine_digests(r.stream_hash for r in results if r.arm == arm) for arm in arms}
    writer.identify(
        version=program_version(), seed=experiment.seed, config_hash=compose.config_hash(experiment), arms=hashes,
        rows=sum(r.rows for r in results), business_rows=sum(r.business_rows for r in results),
        audit_chains=[f"{r.arm}/R{r.region + 1}" for r in results if r.audit],
    )


def _capacity(results: Sequence[ArmResult]) -> dict[str, float]:
    """Minutes a day that each team of the chain could work."""
    total: dict[str, float] = {}
    for result in results:
        if result.arm == "unmanaged":
            for team, minutes in result.capacity_minutes.items():
                total[team] = total.get(team, 0.0) + minutes
    return total


def _replicate(experiment: Experiment, writer: RunWriter, progress: Progress) -> None:
    """One run folder a seed, and the scorecard over them."""
    seeds = range(experiment.seed, experiment.seed + experiment.replications)
    folders = [writer.path(f"replications/{seed}/manifest.json").parent for seed in seeds]
    for folder in folders:
        folder.rmdir()
    singles = [dataclasses.replace(experiment, seed=seed, replications=1, workers=1, overwrite=False) for seed in seeds]
    done = 0
    if experiment.workers <= 1:
        for single, folder in zip(singles, folders, strict=True):
            run_experiment(single, folder)
            done += 1
            progress(0.97 * done / len(singles), f"seed {single.seed}")
    else:
        calls = list(zip(singles, folders, strict=True))
        for _ in spread(experiment.engine, experiment.workers, run_experiment, calls):
            done += 1
            progress(0.97 * done / len(singles), f"{done} of {len(singles)} seeds")
    _write_replications(experiment, writer, folders)


def _write_replications(experiment: Experiment, writer: RunWriter, folders: Sequence[Path]) -> None:
    from scenarios.record import RunReader

    readers = [RunReader(folder) for folder in folders]
    scorecards = [Scorecard.from_json(reader.scorecard or {"measures": {}}) for reader in readers]
    writer.write_missing()
    config = compose.resolved(experiment)
    if experiment.faults.exclude:
        config["left_out"] = sorted({fault for reader in readers for fault in reader.config["left_out"]})
    writer.write_config(config)
    writer.write_text("audit.jsonl", "")
    arms = {arm: combine_digests(reader.manifest["arms"][arm] for reader in readers) for arm in arms_of(experiment)}
    writer.identify(
        version=program_version(), seed=experiment.seed, config_hash=compose.config_hash(experiment), arms=arms,
        rows=sum(reader.manifest["rows"] for reader in readers),
        business_rows=sum(reader.manifest["business_rows"] for reader in readers),
    )
    writer.write_scorecard(measures.combine(scorecards).to_json())
    _write_realism(writer)


def program_version() -> str:
    """The installed version, or 0 where the package was not installed."""
    try:
        return version("stocktwin")
    except PackageNotFoundError:
        return "0"
