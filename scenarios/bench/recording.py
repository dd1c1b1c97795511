"""A recording: the unmanaged arm of one scenario and seed, kept so that any operator can be shown it again.

It is a run folder with one arm, its stream and its truth, and no operator; the manual process is in it.
Beside the stream stands ``handed/REGION.arrow``: for each row of the file the tick in which it was
handed over and the number of its block within that tick. With these a replay hands over what the
live loop did, block by block, so an operator says of a recording exactly what it says in shadow.

An entrant's alerts and cases are laid over the recording (:class:`Overlay`) and scored; the recording
itself is shared by all of them and never written to again.
"""

from __future__ import annotations

import dataclasses
import gc
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.feather import read_table, write_feather

from detection.pipeline import AlertPort, build
from detection.stream import blocks_at, decode, starts_of
from scenarios.arms import identify, write_tables
from scenarios.bench.store import RECORDINGS
from scenarios.loop import ArmResult, put_down
from scenarios.match import plain, window_end
from scenarios.measures.run import rules_of
from scenarios.operator_spec import layout_of, operator_seed, operator_spec
from scenarios.operator_tables import alerts_table, cases_table, diagnoses_table, scores_table, signals_table
from scenarios.oracle import RecordedOracle
from scenarios.reader import RunReader
from scenarios.record import RunWriter
from scenarios.schema import Experiment
from scenarios.tables import conform, open_parquet, schema_of
from sim.actions import Action
from sim.catalogue import make_calendar, region_count
from sim.clock import TICK
from sim.events import Block, Rows, Vocabulary
from sim.records import Names
from sim.region import vocabulary_of
from sim.world import RegionWorld

ARM: Final = "unmanaged"


class _Handed:
    """Notes how the rows were handed over: the operator's place in the loop, with nobody on it."""

    def __init__(self) -> None:
        self._ticks = 0
        self._events: list[npt.NDArray[np.int64]] = []
        self._places: list[tuple[int, int, int]] = []

    def step(self, _now: int, rows: Rows) -> list[Action]:
        """Note one tick."""
        for number, block in enumerate(rows):
            self._events.append(np.asarray(block.get("event_id"), np.int64))
            self._places.append((self._ticks, number, block.size))
        self._ticks += 1
        return []

    def table(self, order: npt.NDArray[np.int64]) -> pa.Table:
        """Tick and block of each row, in the order of the ids ``order`` (the file's)."""
        places = np.array(self._places, np.int64).reshape(-1, 3)
        events = np.concatenate([*self._events, np.empty(0, np.int64)])
        ranks = np.argsort(events, kind="stable")
        rows = ranks[np.searchsorted(events, order, sorter=ranks)]
        if len(order) != len(events) or not (events[rows] == order).all():
            raise RuntimeError("the file does not hold the rows that were handed over")
        return pa.table({name: np.repeat(places[:, column], places[:, 2])[rows].astype(np.int32)
                         for column, name in enumerate(("tick", "block"))})


def record(experiment: Experiment, folder: Path) -> Path:
    """Run the unmanaged arm of an experiment without an operator and keep all of it.

    Args:
        experiment: composed and validated; what it says of the operator plays no part.
        folder: where the recording is to be; one that is there is replaced.

    Returns:
        ``folder``, a run folder with a manifest.
    """
    with RunWriter(folder, overwrite=True) as writer:
        spill = writer.path("spill/tables").parent
        results = [_record_region(experiment, region, writer, spill) for region in range(region_count(experiment))]
        write_tables(writer, results)
        shutil.rmtree(spill)
        writer.write_text("audit.jsonl", "")
        identify(experiment, writer, results, (ARM,))
    return folder


def _record_region(experiment: Experiment, region: int, writer: RunWriter, spill: Path) -> ArmResult:
    path = writer.events_folder(ARM, f"R{region + 1}") / "part-0000.parquet"
    world, handed = RegionWorld(experiment, experiment.seed, region, path), _Handed()
    world.run(handed.step)
    result = put_down(world, ARM, None, spill)
    del world
    gc.collect()
    with open_parquet(path) as file:
        order = file.read(columns=["event_id"]).column("event_id").to_numpy()
    write_feather(handed.table(order), writer.path(f"handed/R{region + 1}.arrow"), compression="zstd")
    return result


def replay(
    reader: RunReader, experiment: Experiment, region: int, vocabulary: Vocabulary
) -> Iterator[tuple[int, Rows]]:
    """The ticks of one recorded region, each with the rows handed over in it, as the live loop had them.

    Args:
        reader: of the recording.
        experiment: that was recorded.
        region: its number.
        vocabulary: its names.
    """
    calendar = make_calendar(experiment)
    at = 0
    for in_file, tick_of, block_in in _whole_ticks(reader, f"R{region + 1}", vocabulary):
        # Within a block the file's order is the block's own: by (available_at, event_id).
        order = np.lexsort((block_in, tick_of))
        columns = {name: values[order] for name, values in in_file.items()}
        ticks, blocks = tick_of[order], block_in[order]
        starts = starts_of(ticks, blocks)
        ready: list[Block] = []
        for tick, block in zip(ticks[starts].tolist(), blocks_at(starts, columns), strict=True):
            while at < tick:
                yield calendar.start + (at + 1) * TICK, Rows(tuple(ready))
                ready, at = [], at + 1
            ready.append(block)
        yield calendar.start + (at + 1) * TICK, Rows(tuple(ready))
        at += 1
    for tick in range(at, (calendar.end - calendar.start) // TICK):
        yield calendar.start + (tick + 1) * TICK, Rows()


def _whole_ticks(reader: RunReader, region: str, vocabulary: Vocabulary) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """(columns, tick, block) of the file's row groups, joined where one ends within a tick."""
    handed = read_table(reader.folder / "handed" / f"{region}.arrow")
    ticks, blocks = (handed.column(name).to_numpy() for name in ("tick", "block"))
    # A place in the file is between two ticks when all before it is of earlier ticks than all behind it.
    earliest = np.minimum.accumulate(ticks[::-1])[::-1] if len(ticks) else ticks
    latest = np.maximum.accumulate(ticks) if len(ticks) else ticks
    for _, name, path in reader.event_parts(ARM):
        if name != region:
            continue
        with open_parquet(path) as file:
            begin = end = 0
            groups: list[pa.Table] = []
            for number in range(file.num_row_groups):
                groups.append(file.read_row_group(number))
                end += groups[-1].num_rows
                if end == len(ticks) or latest[end - 1] < earliest[end]:
                    yield decode(pa.concat_tables(groups), vocabulary), ticks[begin:end], blocks[begin:end]
                    begin, groups = end, []


def shown_to(experiment: Experiment, recording: RunReader, *, oracle: bool = False) -> dict[str, pa.Table]:
    """What an operator says of a recording.

    Args:
        experiment: that was recorded, with the operator in question.
        recording: to be shown.
        oracle: alerts come from the recorded truth, at first evidence, in place of a detector.

    Returns:
        ``alerts`` and ``cases`` of all regions, with those of the manual process, ``diagnoses`` and ``signals``, and
        ``scores`` where the entrant gives some, as a run folder has them.
    """
    pieces: dict[str, list[pa.Table]] = {}
    for region in range(region_count(experiment)):
        for name, table in _operator_of(experiment, recording, region, oracle=oracle).items():
            manual = _of_region(recording.table(name), f"R{region + 1}")
            pieces.setdefault(name, []).extend([manual, _labelled(table, name, region)])
    return {name: pa.concat_tables(tables).unify_dictionaries() for name, tables in pieces.items()}


def _operator_of(experiment: Experiment, recording: RunReader, region: int, *, oracle: bool) -> dict[str, pa.Table]:
    vocabulary = vocabulary_of(experiment, region)
    spec, layout = operator_spec(experiment, vocabulary.locations), layout_of(experiment, vocabulary, region)
    # A recording of a benchmark lies two levels down in its folder, beside others of the same world.
    hidden = (*spec.outside.hidden, str(recording.folder.absolute()), *_benches(recording.folder))
    spec = dataclasses.replace(spec, outside=dataclasses.replace(spec.outside, hidden=hidden))
    port: AlertPort | None = None
    if oracle:
        spec = dataclasses.replace(spec, detector="supplied")
        exceptions = _of_region(recording.table("truth/exceptions", arm=ARM), f"R{region + 1}")
        port = RecordedOracle(exceptions, window_end(plain(exceptions), rules_of(recording.config)), vocabulary)
    operator = build(spec, layout, operator_seed(experiment.seed, region), port)
    for now, rows in replay(recording, experiment, region, vocabulary):
        operator.step(now, rows)
    # A detector in a process of its own may still end badly, or have left processes behind: that is its status.
    operator.close()
    records, names = operator.records(), Names(vocabulary)
    said = {"alerts": alerts_table(records["alerts"], names, "oracle" if oracle else ARM),
            "cases": cases_table(records["cases"], names), "diagnoses": diagnoses_table(records["diagnoses"]),
            "signals": signals_table(records["signals"], names)}
    scores = scores_table(operator)
    return said if scores is None else {**said, "scores": scores}


def _benches(recording: Path) -> list[str]:
    """The benchmark's folder, if the recording lies in one."""
    above = recording.absolute().parent
    return [str(above.parent)] if above.name == RECORDINGS else []


def _of_region(table: pa.Table, region: str) -> pa.Table:
    return table.filter(pc.equal(table.column("region").cast(pa.string()), region))


def _labelled(table: pa.Table, name: str, region: int) -> pa.Table:
    for column, value in (("region", f"R{region + 1}"), ("arm", ARM)):
        table = table.add_column(0, column, pa.array([value] * table.num_rows, pa.string()))
    return conform(table, schema_of(name), name)


class Overlay(RunReader):
    """A recording with some of its tables replaced by those of an entrant; nothing is copied.

    Args:
        folder: of the recording.
        tables: name -> the table that stands in its place.
    """

    def __init__(self, folder: Path, tables: Mapping[str, pa.Table]) -> None:
        super().__init__(folder)
        self._laid = dict(tables)

    def table(self, name: str, columns: Sequence[str] | None = None, arm: str | None = None) -> pa.Table:
        """A table by its name: the entrant's, or else the recording's."""
        if name not in self._laid:
            return super().table(name, columns, arm)
        table = self._laid[name]
        if arm is not None:
            table = table.filter(pc.equal(table.column("arm").cast(pa.string()), arm))
        return table.select(list(columns)) if columns is not None else table
