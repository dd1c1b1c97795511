"""What a detector of somebody else's may read: what it needs to run, and no folder of a run.

Landlock (``detection.sandbox``) knows allowances only, and whoever may read a folder may read all beneath it. So a
folder that holds one with secrets is opened by its parts: every entry but the one that leads there. Two kinds:

- *The machine's*: the system's programs and libraries, this interpreter, the folders of ``PATH``. Open whole, but for
  what is hidden by name and for the user's own folders.
- *The user's*: entries of ``sys.path`` outside the interpreter, and where a command's files lie. Always opened by
  parts, so that what is made in them later stays closed, and never a run folder, known by its truth.

An import lists the folder that it looks into, and listing is a right on all beneath. So the search path of the
detector's process is a folder of links to the parts that are open, in the place of each folder of the user's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import site
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

#: Programs, libraries and settings of a Unix system, and of those that keep them elsewhere.
SYSTEM: Final = (
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc", "/opt", "/sys", "/nix/store",
    "/gnu/store", "/snap", "/run/current-system", "/run/systemd/resolve",
)  # fmt: skip
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
#: A folder with one of these is where a project begins.
_PROJECT: Final = ("package.json", "pyproject.toml", "Cargo.toml", "go.mod", "pom.xml", ".git")
#: Folders of the user's that are looked through for runs, at most, for one detector; the rest stay closed.
FOLDERS_MAX: Final = 20_000


class Reach:
    """What may be read.

    Args:
        hidden: folders that must stay closed whatever else is open.
    """

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        self._hidden = [os.path.realpath(path) for path in hidden]
        self._machine = _machine()
        self._left = FOLDERS_MAX
        self._looked: dict[str, list[str]] = {}

    def of_class(self, name: str, links: Path) -> tuple[list[str], list[str]]:
        """What a class by its ``package.module:Class`` may read, and the search path of its process.

        Args:
            name: of the class.
            links: an empty folder in which the links are made.
        """
        given = [os.path.abspath(entry) for entry in sys.path if os.path.exists(entry or ".")]
        own = {entry: os.path.realpath(entry) for entry in given
               if os.path.isdir(entry) and not _is_in(os.path.realpath(entry), self._machine)}
        places = [os.path.realpath(place) for place in (*_places(name.partition(":")[0]), *_editable())]
        for place in places:
            # Its own code first: how many folders are looked through is limited.
            self._parts(place)
        found = [*self._machine_parts(own.values()), *(entry for entry in given if os.path.isfile(entry)), str(links)]
        path = []
        for number, entry in enumerate(given):
            path.append(str(links / str(number)) if entry in own else entry)
            if entry in own:
                # In a folder that is hidden itself the detector's own file stays open, and nothing else.
                only = set(places) if _is_in(own[entry], self._hidden) else None
                found += self._linked(own[entry], links / str(number), only)
        for place in places:
            if not _is_in(place, [*self._machine, *own.values()]):
                found += self._parts(place)
        return _once(found), path

    def of_command(self, words: Sequence[str]) -> list[str]:
        """What a command may read: the machine's, its program, and the projects in which the files it names lie."""
        # A word may be a path with a blank in it, or hold some.
        pieces = [piece for word in words for piece in (word, *re.split(r"[\s=:,;]+", word))]
        named = [os.path.realpath(piece) for piece in pieces if os.path.isabs(piece) and os.path.exists(piece)]
        projects = sorted({_project(place) for place in named if not _is_in(place, [*SYSTEM, *self._machine])})
        found = self._machine_parts(projects)
        program = shutil.which(words[0])
        if program is not None:
            found += [program, os.path.realpath(program)]
        for place in (*named, *projects):
            if os.path.isfile(place) or not _is_in(place, self._hidden):
                found += self._parts(place)
        return _once(found)

    def _machine_parts(self, own: Iterable[str]) -> list[str]:
        """The machine's folders, but for what is hidden and the user's own."""
        closed = [*self._hidden, *own, os.path.realpath(".")]
        found: list[str] = []
        for place in map(os.path.realpath, (*SYSTEM, *self._machine)):
            found += _without(place, [one for one in closed if one != place])
        for place in _programs(closed):
            found += _without(place, closed)
        # Of the kernel's own files those of no process: what others were started with is nobody's business.
        found += [f"/proc/{entry.name}" for entry in _entries("/proc") if not entry.name.isdigit()]
        return found

    def _parts(self, place: str) -> list[str]:
        """What is open of a place of the user's: itself, or those of its parts that lead to no run."""
        if place not in self._looked:
            self._looked[place] = self._look(place)
        return self._looked[place]

    def _look(self, place: str) -> list[str]:
        if os.path.isfile(place):
            return [place]
        if place in self._hidden or self._left <= 0:
            return []
        if _is_in(place, self._machine) and not any(_is_in(one, [place]) for one in self._hidden):
            return [place]  # an environment inside a project
        self._left -= 1
        entries = _entries(place)
        if is_run(place, entries):
            return []
        whole, parts = True, []
        for entry in entries:
            inside = f"{place}/{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                # A link is open where what it leads to is.
                parts += [] if entry.is_symlink() else [inside]
                continue
            found = self._parts(inside)
            whole &= found == [inside]
            parts += found
        return [place] if whole else parts

    def _linked(self, root: str, links: Path, only: set[str] | None) -> list[str]:
        """Open a folder of the search path by its parts, and make links to them."""
        links.mkdir(parents=True)
        found: list[str] = []
        entries = [] if only is None and is_run(root, _entries(root)) else _entries(root)
        for entry in entries:
            place = f"{root}/{entry.name}"
            inside = os.path.realpath(place) if entry.is_symlink() else place
            if (only is not None and inside not in only) or not os.path.exists(inside):
                continue
            parts = self._parts(inside)
            found += parts
            if parts == [inside]:
                (links / entry.name).symlink_to(inside)
            elif parts and os.path.isdir(inside):
                self._linked(inside, links / entry.name, None)
        return found


def is_run(place: str, entries: Sequence[os.DirEntry[str]]) -> bool:
    """Whether a folder holds what was true of a run: a finished one, or one that is being written."""
    if any(entry.name == "truth" and entry.is_dir() and any(Path(entry.path).glob("*.parquet")) for entry in entries):
        return True
    name = os.path.basename(place)
    return name.startswith(".") and name.endswith(".staging")


def _machine() -> list[str]:
    """The interpreter's own folders."""
    found = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        found.add(site.getusersitepackages())
    return sorted({os.path.realpath(place) for place in found} - {"/", os.path.realpath(Path.home())})


def _programs(closed: Sequence[str]) -> Iterator[str]:
    """The folders of ``PATH``, and the installations that they belong to where those hold nothing that is closed."""
    home = os.path.realpath(Path.home())
    for place in map(os.path.realpath, filter(os.path.isabs, os.get_exec_path())):
        if _is_in(home, [place]):
            continue
        yield place
        prefix, name = os.path.split(place)
        if name not in {"bin", "sbin", "shims"} or prefix == "/":
            continue
        if any(_is_in(one, [prefix]) for one in (*closed, home)):
            yield from (f"{prefix}/{name}" for name in ("lib", "lib64", "libexec", "pyvenv.cfg"))
        else:
            yield prefix


def _without(place: str, closed: Sequence[str]) -> Iterator[str]:
    """A folder, or where one beneath it is closed its other parts."""
    if not any(_is_in(one, [place]) for one in closed):
        yield place
    elif place not in closed:
        for entry in _entries(place):
            if not entry.is_symlink():
                yield from _without(f"{place}/{entry.name}", closed)


def _places(module: str) -> list[str]:
    """Where a module lies: its file, or the folders of the package at its top; nothing of it is imported."""
    try:
        found = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return []
    if found is None:
        return []
    if found.submodule_search_locations:
        return list(found.submodule_search_locations)
    return [found.origin] if found.origin and os.path.isfile(found.origin) else []


def _editable() -> Iterator[str]:
    """Where packages lie that were installed for editing; setuptools keeps them in a finder's table."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            yield from getattr(module, "MAPPING", {}).values()


def _project(place: str) -> str:
    """The folder in which the project of a file begins: the nearest that says so, or the file's own."""
    folder = place if os.path.isdir(place) else os.path.dirname(place)
    above, home = folder, os.path.realpath(Path.home())
    while above not in {"/", home}:
        if any(os.path.exists(f"{above}/{name}") for name in _PROJECT):
            return above
        above = os.path.dirname(above)
    return folder


def _once(places: Iterable[str]) -> list[str]:
    return [place for place in dict.fromkeys(places) if os.path.lexists(place)]


def _is_in(place: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of some folders or beneath one; all of them are real paths."""
    return any(place == folder or place.startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []
