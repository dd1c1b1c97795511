"""The run folder: where a run is written, once and whole, and from where everything else reads it.

A :class:`RunWriter` fills a hidden sibling of the folder and, when all went well, writes the manifest
and gives the folder its name; a run that fails leaves nothing. A :class:`RunReader` reads it again.

    manifest.json config.yaml audit.jsonl scorecard.json report.html    accounts.parquet
    events/arm=A/region=R/part-0000.parquet    arms/A.parquet
    alerts cases diagnoses signals actions decisions calibration .parquet
    truth/{faults,exceptions,errors,lineage,decoys,ledger,gauges}.parquet    breakdown/NAME.parquet
    replications/SEED/    a run folder each

Nothing here knows of the simulator or the operator.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from scenarios.manifest import (
    MANIFEST,
    SCHEMA,
    file_hash,
    files_below,
    flush_to_disk,
    manifest_bytes,
    seal,
    write_file,
)
from scenarios.reader import RunFolderError, RunReader, to_frame
from scenarios.tables import TABLES, TableError, conform, schema_of, write_table

__all__ = [
    "RunFolderError",
    "RunReader",
    "RunWriter",
    "TableError",
    "check_free",
    "describe",
    "replace_file",
    "to_frame",
]


class _Lock:
    """A file that holds the pid of the one process that may write a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self) -> None:
        """Take the lock, over a dead process if need be.

        Raises:
            RunFolderError: if a living process holds it.
        """
        for _ in range(2):
            try:
                handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                holder = self._holder()
                if holder is not None:
                    raise RunFolderError(f"out: process {holder} is writing this run folder ({self.path})") from None
                self.path.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, "w") as file:
                file.write(str(os.getpid()))
            return
        raise RunFolderError(f"out: cannot take the lock {self.path}")

    def release(self) -> None:
        """Give the lock back."""
        self.path.unlink(missing_ok=True)

    def _holder(self) -> int | None:
        try:
            process = int(self.path.read_text())
            os.kill(process, 0)
        except (ValueError, OSError) as error:
            return None if not isinstance(error, PermissionError) else -1
        return process


class RunWriter:
    """Writes one run folder; use as a context manager.

    Args:
        folder: where the run folder is to be.
        overwrite: replace a complete run folder that is already there.

    Raises (on entering):
        RunFolderError: if the folder is taken, holds something else, or cannot be written.
    """

    def __init__(self, folder: str | Path, overwrite: bool = False) -> None:
        self.folder = Path(folder)
        self._overwrite = overwrite
        self._staging = self.folder.parent / f".{self.folder.name}.staging"
        self._lock = _Lock(self.folder.parent / f".{self.folder.name}.lock")
        self._identity: dict[str, Any] = {}

    def __enter__(self) -> Self:
        check_free(self.folder, self._overwrite)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock.take()
        except OSError as error:
            raise RunFolderError(f"out: cannot write {self.folder}: {error.strerror}") from error
        try:
            shutil.rmtree(self._staging, ignore_errors=True)
            self._staging.mkdir()
        except OSError as error:
            self._lock.release()
            raise RunFolderError(f"out: cannot write {self.folder}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
            self._lock.release()

    def path(self, relative: str) -> Path:
        """A path inside the folder being written; its parent exists. What is there at the end is registered."""
        path = self._staging / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def events_folder(self, arm: str, region: str) -> Path:
        """The folder for the stream parts of one arm and region (``part-0000.parquet`` and on)."""
        folder = self._staging / "events" / f"arm={arm}" / f"region={region}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, name: str, table: pa.Table | pd.DataFrame | Sequence[pa.Table]) -> None:
        """Write a table by its name, e.g. ``truth/faults``, ``arms/managed``, ``alerts``, ``breakdown/by_type``.

        Raises:
            TableError: if the name or the columns are not those of a run folder.
        """
        schema = schema_of(name)
        pieces = [table] if isinstance(table, pa.Table | pd.DataFrame) else list(table)
        pieces = [pa.Table.from_pandas(p, preserve_index=False) if isinstance(p, pd.DataFrame) else p for p in pieces]
        conformed = [conform(piece, schema, name) for piece in pieces]
        whole = pa.concat_tables(conformed) if conformed else schema.empty_table()
        write_table(self.path(f"{name}.parquet"), whole.unify_dictionaries(), schema)

    def write_missing(self) -> None:
        """Write every table of a run folder that has not been written as an empty one."""
        for name in TABLES:
            if name != "scores" and not (self._staging / f"{name}.parquet").exists():
                self.write(name, [])

    def write_text(self, relative: str, text: str) -> None:
        """Write a text file, e.g. ``audit.jsonl`` or ``report.html``."""
        self.path(relative).write_text(text, encoding="utf-8", newline="\n")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write ``config.yaml``: the resolved configuration as plain dicts and lists."""
        self.write_text("config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def write_scorecard(self, scorecard: Mapping[str, Any]) -> None:
        """Write ``scorecard.json``."""
        self.write_text("scorecard.json", json.dumps(scorecard, indent=1, allow_nan=False) + "\n")

    def identify(
        self,
        *,
        version: str,
        seed: int,
        config_hash: str,
        arms: Mapping[str, str],
        rows: int | None = None,
        **more: Any,
    ) -> None:
        """Say which run this is. ``arms`` maps each arm to the hash of its stream, ``unmanaged`` among them.

        Args:
            version: of the program.
            seed: of the run.
            config_hash: of the resolved configuration.
            arms: arm -> hash of its observable rows.
            rows: observable rows of all arms; by default those in the folder.
            **more: anything else for the manifest (JSON values).
        """
        self._identity = {
            "version": version,
            "seed": seed,
            "config_hash": config_hash,
            "event_hash": arms.get("unmanaged"),
            "arms": dict(arms),
            "rows": rows,
            **more,
        }

    def reader(self) -> RunReader:
        """Read what has been written so far, to score it before the folder is closed."""
        return RunReader(self._staging, complete=False)

    def _publish(self) -> None:
        """Seal the staged folder and give it its name."""
        for folder, _, names in os.walk(self._staging):
            for name in names:
                flush_to_disk(Path(folder) / name)
            flush_to_disk(Path(folder))
        write_file(self._staging / MANIFEST, manifest_bytes(describe(self._staging, self._identity)))
        old = self.folder.parent / f".{self.folder.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        try:
            if self.folder.exists():
                self.folder.replace(old)
            self._staging.replace(self.folder)
        except OSError as error:
            if old.exists() and not self.folder.exists():
                old.replace(self.folder)
            raise RunFolderError(f"out: cannot write {self.folder}: {error.strerror}") from error
        shutil.rmtree(old, ignore_errors=True)
        flush_to_disk(self.folder.parent)


def check_free(folder: Path, overwrite: bool = False) -> None:
    """Check that a run may be written to ``folder``, before any work is done.

    Raises:
        RunFolderError: if it may not; the message begins with the key ``out``.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RunFolderError(f"out: {folder} is a file")
    if (folder / MANIFEST).exists():
        if not overwrite:
            raise RunFolderError(f"out: {folder} holds a complete run; overwrite=true replaces it")
    elif any(folder.iterdir()):
        raise RunFolderError(f"out: {folder} is not empty and is no run folder; name another one")


def describe(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """The sealed manifest of what is in ``folder``."""
    files = list(files_below(folder))
    tables = {path: pq.read_metadata(folder / path).num_rows for path in files if path.endswith(".parquet")}
    manifest = {"schema": SCHEMA, "audit_head": None, **identity}
    if manifest.get("rows") is None:
        manifest["rows"] = sum(count for path, count in tables.items() if path.startswith("events/"))
    if manifest["audit_head"] is None:
        manifest["audit_head"] = audit_heads(folder / "audit.jsonl")
    manifest["tables"] = tables
    manifest["files"] = {path: file_hash(folder / path) for path in files}
    return seal(manifest)


def audit_heads(path: Path) -> list[str]:
    """The last seal of each chain in an audit log; a chain begins where ``prev`` is all zeros."""
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    following = [*(entry["prev"].strip("0") == "" for entry in entries[1:]), True]
    return [entry["hash"] for entry, last in zip(entries, following, strict=bool(entries)) if last]


def replace_file(folder: str | Path, relative: str, text: str) -> None:
    """Replace one text file of a complete run folder, as rewriting the page does, and renew the manifest.

    A replication is part of the run above it, whose manifest is renewed too.
    """
    reader = RunReader(folder)
    write_file(reader.folder / relative, text.encode())
    _renew(reader, [relative])
    above = reader.folder.absolute().parent.parent
    if reader.folder.absolute().parent.name == "replications" and (above / MANIFEST).exists():
        inside = f"replications/{reader.folder.absolute().name}"
        _renew(RunReader(above), [f"{inside}/{relative}", f"{inside}/{MANIFEST}"])


def _renew(reader: RunReader, changed: Sequence[str]) -> None:
    """Let a manifest vouch for files as they are now."""
    manifest = dict(reader.manifest)
    manifest["files"] = {**manifest["files"], **{name: file_hash(reader.folder / name) for name in changed}}
    write_file(reader.folder / MANIFEST, manifest_bytes(seal(manifest)))
