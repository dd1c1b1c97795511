"""Where a run goes: the folder's name, and whether it may be written, before any work is done."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from scenarios.compose import config_hash
from scenarios.errors import UserError
from scenarios.record import RunFolderError, check_free
from scenarios.schema import Experiment

_ID_LENGTH = 10


def choose(experiment: Experiment) -> Path:
    """``out``, or ``outputs/SCENARIO/ID`` with an ID from the configuration and the seed."""
    if experiment.out is not None:
        return Path(experiment.out).expanduser()
    identity = hashlib.sha256(f"{config_hash(experiment)}:{experiment.seed}".encode()).hexdigest()[:_ID_LENGTH]
    return Path("outputs") / experiment.scenario / identity


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that a run cannot be written to; leaves nothing behind.

    Raises:
        UserError: naming ``out``.
    """
    try:
        check_free(folder, overwrite)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    _try_writing(folder.parent, folder)


def _try_writing(parent: Path, folder: Path) -> None:
    """Create what is missing above ``folder`` and a file in it, then take both away again.

    Trying is the only sure test: permissions do not tell of read-only mounts or of a root user.
    """
    made: list[Path] = []
    try:
        missing = [place for place in (parent, *parent.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir()
            made.append(place)
        with tempfile.NamedTemporaryFile(dir=parent, prefix=".stocktwin-"):
            pass
        if folder.is_dir() and not os.access(folder, os.W_OK):
            raise PermissionError(None, "permission denied")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"out={folder}: cannot be written: {reason.lower()}") from error
    finally:
        for place in reversed(made):
            place.rmdir()
