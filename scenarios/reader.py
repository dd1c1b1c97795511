"""Reading a run folder, lazily and with its integrity checked: pages as they are read, rows by the manifest.

A folder without a manifest is no run folder. A table that a run did not write is an empty one, so
that a reader need not know which stages the run had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from scenarios.errors import UserError
from scenarios.manifest import MANIFEST, SCHEMA
from scenarios.tables import EVENTS, open_parquet, schema_of

#: The safe loader, in C where PyYAML has it: a configuration is thousands of lines by now.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RunFolderError(UserError):
    """A run folder that is none, is damaged, is taken, or cannot be written. The message is one line."""


class RunReader:
    """Reads a run folder.

    Args:
        folder: the run folder.
        complete: False for one that is still being written (no manifest yet).

    Raises:
        RunFolderError: if the folder is no run folder.
    """

    def __init__(self, folder: str | Path, complete: bool = True) -> None:
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = self._read_manifest() if complete else {}
        self._config: dict[str, Any] | None = None

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads((self.folder / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise RunFolderError(f"{self.folder} is no run folder: it has no {MANIFEST}") from None
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.folder}: {MANIFEST} cannot be read: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA or "files" not in manifest:
            raise RunFolderError(f"{self.folder}: {MANIFEST} is not that of a run folder (schema {SCHEMA})")
        return manifest

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration; empty if the folder has none."""
        if self._config is None:
            path = self.folder / "config.yaml"
            try:
                content = yaml.load(path.read_bytes(), _LOADER) if path.exists() else {}  # noqa: S506 - a safe one
            except (OSError, ValueError, yaml.YAMLError) as error:
                raise RunFolderError(f"{path} cannot be read: {type(error).__name__}") from error
            self._config = content if isinstance(content, dict) else {}
        return self._config

    @property
    def arms(self) -> list[str]:
        """The arms that have outcomes, in name order."""
        return sorted(path.stem for path in (self.folder / "arms").glob("*.parquet"))

    @property
    def scorecard(self) -> dict[str, Any] | None:
        """The content of ``scorecard.json``, or None."""
        path = self.folder / "scorecard.json"
        if not path.exists():
            return None
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def breakdowns(self) -> list[str]:
        """Names of the breakdown tables."""
        return sorted(path.stem for path in (self.folder / "breakdown").glob("*.parquet"))

    def audit(self) -> Iterator[dict[str, Any]]:
        """The entries of the audit log."""
        path = self.folder / "audit.jsonl"
        if path.exists():
            with path.open(encoding="utf-8") as file:
                yield from (json.loads(line) for line in file)

    def replications(self) -> list[RunReader]:
        """The runs inside this one, by seed."""
        folders = [path.parent for path in (self.folder / "replications").glob(f"*/{MANIFEST}")]
        return [RunReader(path) for path in sorted(folders, key=lambda path: (len(path.name), path.name))]

    def has(self, name: str) -> bool:
        """Whether the folder holds this table."""
        return (self.folder / f"{name}.parquet").exists()

    def table(self, name: str, columns: Sequence[str] | None = None, arm: str | None = None) -> pa.Table:
        """A table by its name, e.g. ``truth/faults``; an absent one is empty.

        Args:
            name: path in the folder without extension.
            columns: only these.
            arm: only the rows of this arm.

        Raises:
            RunFolderError: if the file is damaged or short of rows.
        """
        schema = schema_of(name)
        wanted = list(columns) if columns is not None else list(schema.names)
        path = self.folder / f"{name}.parquet"
        if not path.exists() and f"{name}.parquet" not in self.manifest.get("files", {}):
            return pa.schema([schema.field(column) for column in wanted]).empty_table()
        read = wanted if arm is None or "arm" in wanted else [*wanted, "arm"]
        table = self._read(path, pa.schema([schema.field(column) for column in read]))
        if arm is not None:
            # compared as strings: the dictionary of a file need not hold the arm at all
            table = table.filter(pc.equal(table.column("arm").cast(pa.string()), arm))
        return table.select(wanted)

    def frame(self, name: str, columns: Sequence[str] | None = None, arm: str | None = None) -> pd.DataFrame:
        """A table as pandas: names are categories, integers that may be null are ``Int64``."""
        return to_frame(self.table(name, columns, arm))

    def event_parts(self, arm: str | None = None) -> list[tuple[str, str, Path]]:
        """(arm, region, file) of every part of the recorded stream, in order."""
        parts = []
        for path in (self.folder / "events").glob("arm=*/region=*/part-*.parquet"):
            names = (path.parent.parent.name.removeprefix("arm="), path.parent.name.removeprefix("region="))
            if arm is None or names[0] == arm:
                parts.append((*names, path))
        return sorted(parts, key=lambda part: (part[0], len(part[1]), part[1], part[2].name))

    def events(
        self, arm: str, region: str | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The recorded stream of an arm, region by region, in the order of each region; empty if not recorded."""
        for _, name, path in self.event_parts(arm):
            if region is None or name == region:
                with self._open(path) as file:
                    yield from file.iter_batches(columns=list(columns) if columns is not None else EVENTS.names)

    def _open(self, path: Path) -> pq.ParquetFile:
        try:
            file = open_parquet(path)
        except (OSError, pa.ArrowException) as error:
            raise RunFolderError(f"{path} cannot be read: {_line(error)}") from error
        expected = self.manifest.get("tables", {}).get(path.relative_to(self.folder).as_posix())
        if expected is not None and expected != file.metadata.num_rows:
            raise RunFolderError(f"{path} holds {file.metadata.num_rows} rows, the manifest says {expected}")
        return file

    def _read(self, path: Path, schema: pa.Schema) -> pa.Table:
        with self._open(path) as file:
            try:
                table = file.read(columns=schema.names)
            except (OSError, pa.ArrowException) as error:
                raise RunFolderError(f"{path} is damaged: {_line(error)}") from error
        found = {field.name: field.type for field in table.schema}
        for field in schema:
            if found.get(field.name) != field.type:
                raise RunFolderError(f"{path}: column {field.name!r} is {found.get(field.name, 'missing')}")
        return table


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Arrow to pandas with types that do not depend on the content."""
    nullable = {field.name for field in table.schema if field.nullable and pa.types.is_integer(field.type)}
    frame = table.drop_columns(sorted(nullable)).to_pandas()
    for name in nullable:
        frame[name] = table.column(name).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    ordered: pd.DataFrame = frame[table.column_names]
    return ordered


def _line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
