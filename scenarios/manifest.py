"""The manifest: what a run folder holds, and proof that it still holds it.

It names the run (version, seed, configuration, hashes of the arms), every file with its SHA-256,
the rows of every Parquet file, the head of the audit chain, and its own digest. It is written last,
so a folder with a manifest is a complete one. Its bytes are canonical: they are a function of its
content, so any changed byte shows, even one between two words.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

MANIFEST: Final = "manifest.json"
SCHEMA: Final = 1
_CHUNK: Final = 1 << 20


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def manifest_bytes(manifest: dict[str, Any]) -> bytes:
    """The one way to write a manifest."""
    return (json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest_of(manifest: dict[str, Any]) -> str:
    """SHA-256 of the manifest without its own ``digest``."""
    content = {name: value for name, value in manifest.items() if name != "digest"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with its digest."""
    return {**manifest, "digest": digest_of(manifest)}


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_below(folder: Path) -> Iterator[str]:
    """Paths of all files below ``folder`` but its manifest, relative, with ``/``, sorted."""
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = (Path(root) / name).relative_to(folder).as_posix()
            if path != MANIFEST:
                found.append(path)
    return iter(sorted(found))


def flush_to_disk(path: Path) -> None:
    """Have the operating system put a file, or a folder's entries, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a hidden sibling, fsync, replace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_to_disk(path.parent)
