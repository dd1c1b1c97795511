"""What a detector that cheats would do to get at the truth: hunt through the disk and through other processes.

It is imported by a third party's process and needs nothing but the standard library. Every way that this kind of
process had is tried: a path that it is told, with and without a look into the folder; the working folders, open
files, words and environments of all processes, and what lies below them; links of its own to what it cannot open; a
command that reads in its place; and the memory of its parent and of everybody else.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

#: Folders that are looked into below one place, at most.
_FOLDERS_MAX: Final = 4_000
_MAGIC: Final = b"PAR1"
#: Where nobody keeps a run.
_DULL: Final = ("/", "/proc", "/sys", "/usr", "/dev")


def hunt(told: str) -> list[str]:
    """What it got hold of, one word each: a table of the truth that it read, or what it saw of another process.

    Args:
        told: a run folder; a cheat may have guessed it.
    """
    places = {told}
    seen = list(_processes(places))
    tables = [f"{told}/truth/{name}.parquet" for name in ("exceptions", "faults")]
    for place in sorted(places):
        tables += _tables_below(place)
    tables = list(dict.fromkeys(tables))
    return [*seen, *(f"read {path}" for path in tables if _can_read(path)), *_by_detours(tables[0])]


def _processes(places: set[str]) -> Iterator[str]:
    """What other processes show; adds the folders that they name to ``places``."""
    own = {os.getpid()}
    with contextlib.suppress(OSError):
        own |= set(map(int, os.listdir(f"/proc/{os.getpid()}/task")))
    for pid in _numbers():
        if pid in own:
            continue
        at = f"/proc/{pid}"
        with contextlib.suppress(OSError):
            words = Path(f"{at}/cmdline").read_bytes().decode(errors="replace")
            # A seed may be among them, and whoever knows it can play the same world again.
            yield from [f"words of {pid}"] if words else []
            for word in words.split("\0"):
                name = word.partition("=")[2] or word
                places.update([name] if name.startswith("/") and os.path.isdir(name) else [])
        for name in ("cwd", "root"):
            with contextlib.suppress(OSError):
                places.add(os.readlink(f"{at}/{name}"))
                yield f"{name} of {pid}"
        with contextlib.suppress(OSError):
            for number in os.listdir(f"{at}/fd"):
                places.add(os.path.dirname(os.readlink(f"{at}/fd/{number}")) or "/")
                yield f"file {number} of {pid}"
        with contextlib.suppress(OSError):
            if Path(f"{at}/environ").read_bytes():
                yield f"environment of {pid}"
        with contextlib.suppress(OSError):
            if _has_read_memory(at):
                yield f"memory of {pid}"


def _numbers() -> Iterable[int]:
    """Of processes: those that are listed, or where nothing is, all that can be guessed."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return range(1, os.getpid() + 1_000)


def _has_read_memory(at: str) -> bool:
    with open(f"{at}/maps", encoding="utf-8") as maps:
        pages = [line.split() for line in maps]
    with open(f"{at}/mem", "rb", buffering=0) as memory:
        for page in pages:
            if page[1].startswith("r") and page[-1] not in ("[vvar]", "[vsyscall]"):
                memory.seek(int(page[0].partition("-")[0], 16))
                return bool(memory.read(16))
    return False


def _tables_below(place: str) -> Iterator[str]:
    if place in _DULL:
        return
    for number, (folder, _, names) in enumerate(os.walk(place)):
        if number >= _FOLDERS_MAX:
            return
        if os.path.basename(folder) == "truth":
            yield from (f"{folder}/{name}" for name in names if name.endswith(".parquet"))


def _can_read(path: str) -> bool:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(4) == _MAGIC
    return False


def _by_detours(path: str) -> Iterator[str]:
    """By a link of its own, and by a command in its place."""
    for way in (os.symlink, os.link):
        mine = f"{os.getcwd()}/{way.__name__}"
        with contextlib.suppress(OSError):
            way(path, mine)
            if _can_read(mine):
                yield f"{way.__name__} to {path}"
            os.unlink(mine)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["head", "-c", "4", path], capture_output=True, timeout=10, check=False)
        if done.stdout == _MAGIC:
            yield f"a command read {path}"


if __name__ == "__main__":
    print("\n".join(hunt(sys.argv[1])))
