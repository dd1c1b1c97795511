"""The folder of a benchmark: what is finished, each thing a file of its own, written whole and once.

    suite.json seeds.json thresholds.json      what was asked, the hash of the test seeds, what was frozen on dev
    trials/KEY.json curves/KEY.json            finished trials; false alarms by least score, of scored entrants on dev
    recordings/KEY/ recordings/KEY.json        streams to be shown, while they are needed; how each ended
    superseded/FOLDER-KEY.json                 what was finished once and had to be done again
    logs/KEY.log timings.jsonl                 what a child printed; how long each took (no part of any result)
    leaderboard.csv leaderboard.html

Killed at any moment, it holds what was finished and no half of anything. One process may work in it: it
holds a lock (``flock``, so it is free once the process is gone, however that ended) with its id and a token.
Workers write what they finish themselves, and only while the lock still bears their token, so that one
whose benchmark was killed cannot get in the way of the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from scenarios.errors import UserError
from scenarios.manifest import canonical_json, flush_to_disk, write_file
from scenarios.measures.trials import FOLDER as TRIALS
from scenarios.measures.trials import Trial

LOCK: Final = ".lock"
CURVES, RECORDINGS, LOGS, SUPERSEDED = "curves", "recordings", "logs", "superseded"
TIMINGS: Final = "timings.jsonl"


class Store:
    """The folder as one benchmark, or a worker of it, sees it.

    Args:
        out: the folder.
        token: of the benchmark that holds the lock.
    """

    def __init__(self, out: Path, token: str) -> None:
        self.out, self.token = out, token

    def is_held(self) -> bool:
        """Whether the benchmark of this store still holds the folder."""
        try:
            with (self.out / LOCK).open("rb") as file:
                if self.token not in file.read().decode().split():
                    return False
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
                return False
        except OSError:
            return False

    def path(self, folder: str, name: str) -> Path:
        """A file of the folder."""
        return self.out / folder / name

    def has(self, folder: str, key: str) -> bool:
        """Whether something is finished."""
        return self.path(folder, f"{key}.json").exists()

    def put(self, folder: str, key: str, text: str, *, seconds: float, status: str) -> bool:
        """Keep something that is finished; False if it was there already, or the folder is another's by now."""
        path = self.path(folder, f"{key}.json")
        staged = path.with_name(f".{key}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
        try:
            with staged.open("wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            if not self.is_held():
                return False
            try:
                # Taking the name fails where there is one: nothing is finished twice.
                os.link(staged, path)
            except FileExistsError:
                return False
        finally:
            staged.unlink(missing_ok=True)
        flush_to_disk(path.parent)
        self._time(folder, key, seconds, status)
        return True

    def get(self, folder: str, key: str) -> dict[str, Any]:
        """Something finished, as it was kept."""
        content: dict[str, Any] = json.loads(self.path(folder, f"{key}.json").read_bytes())
        return content

    def trial(self, key: str) -> Trial:
        """A finished trial."""
        return Trial.from_json(self.path(TRIALS, f"{key}.json").read_bytes())

    def keys(self, folder: str) -> set[str]:
        """Keys of all that is finished in a folder."""
        return {path.stem for path in (self.out / folder).glob("*.json") if not path.name.startswith(".")}

    def write(self, name: str, content: Any) -> None:
        """Write a file of the folder whole."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1, sort_keys=True) + "\n"
        write_file(self.out / name, text.encode())

    def put_aside(self, folder: str, key: str) -> None:
        """Take something finished out of the results, and keep it."""
        (self.out / SUPERSEDED).mkdir(exist_ok=True)
        self.path(folder, f"{key}.json").replace(self.path(SUPERSEDED, f"{folder}-{key}.json"))

    def recording(self, key: str) -> Path:
        """Where a recording is or is to be."""
        return self.path(RECORDINGS, key)

    def forget_recording(self, key: str) -> None:
        """Give the room of a recording back; how it ended stays known."""
        shutil.rmtree(self.recording(key), ignore_errors=True)

    def log(self, key: str) -> Path:
        """The file that a child prints to."""
        return self.path(LOGS, f"{key}.log")

    def _time(self, folder: str, key: str, seconds: float, status: str) -> None:
        line = canonical_json({"what": folder, "key": key, "status": status, "seconds": round(seconds, 3)}) + "\n"
        handle = os.open(self.out / TIMINGS, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


@contextlib.contextmanager
def opened(out: Path, *, overwrite: bool) -> Iterator[Store]:
    """The folder of a benchmark, held by this process.

    Raises:
        UserError: naming ``out``, if it is another's, something else or cannot be written.
    """
    _check_folder(out)
    try:
        for name in (TRIALS, CURVES, RECORDINGS, LOGS):
            (out / name).mkdir(parents=True, exist_ok=True)
        handle = os.open(out / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    try:
        _take(handle, out)
        token = uuid.uuid4().hex
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {token}\n".encode(), 0)
        if overwrite:
            _clear(out)
        _sweep(out)
        yield Store(out, token)
    finally:
        os.close(handle)


def _take(handle: int, out: Path, patience: float = 3.0) -> None:
    """Take the lock; a worker that looks at it holds it for a moment."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(0.05)
                continue
            holder = os.pread(handle, 64, 0).decode().split()[:1]
            raise UserError(f"out={out}: process {''.join(holder) or '?'} is working in this folder") from None
        return


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"out={out}: is a file")
    if out.is_dir() and any(out.iterdir()) and not (out / LOCK).exists():
        raise UserError(f"out={out}: is not empty and holds no benchmark; name another folder")


def _clear(out: Path) -> None:
    for path in out.iterdir():
        if path.is_dir() and path.name in {TRIALS, CURVES, RECORDINGS, LOGS, SUPERSEDED}:
            shutil.rmtree(path)
            path.mkdir()
        elif path.is_file() and path.name != LOCK:
            path.unlink()


def _sweep(out: Path) -> None:
    """Take away what a killed benchmark left half done."""
    for folder in (TRIALS, CURVES, RECORDINGS):
        for path in (out / folder).glob(".*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def described(content: Mapping[str, Any]) -> str:
    """Something finished as one line of text; equal contents give equal text."""
    return canonical_json(content) + "\n"
