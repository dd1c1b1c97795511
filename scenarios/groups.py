"""The groups of ``conf/`` and what each offers, read from the files without Hydra.

A file's first comment line (after Hydra's own ``@package`` line) says what its choice is.
"""

from __future__ import annotations

from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml

_SUFFIX = ".yaml"
#: Folders whose files are no part of an experiment.
_APART = frozenset({"suite"})


def groups() -> tuple[str, ...]:
    """The names of all groups of an experiment."""
    found = (entry.name for entry in _root().iterdir() if entry.is_dir() and not entry.name.startswith("_"))
    return tuple(sorted(name for name in found if name not in _APART))


def options(group: str) -> tuple[str, ...]:
    """The choices of one group, and for detectors those of installed plug-ins too."""
    return tuple(sorted(described(group)))


def described(group: str) -> dict[str, str]:
    """The choices of one group with what each says of itself, by name."""
    found = {
        entry.name.removesuffix(_SUFFIX): _summary(entry)
        for entry in (_root() / group).iterdir()
        if entry.name.endswith(_SUFFIX)
    }
    if group == "detector":
        found = {**{name: f"plug-in {value}" for name, value in plugins().items()}, **found}
    return dict(sorted(found.items()))


def content(group: str, name: str) -> dict[str, Any]:
    """The values of one choice, with those of the choices of its group that it is made of."""
    values: dict[str, Any] = yaml.safe_load((_root() / group / f"{name}{_SUFFIX}").read_text(encoding="utf-8")) or {}
    merged: dict[str, Any] = {}
    for part in [part for part in values.pop("defaults", ["_self_"]) if isinstance(part, str)]:
        for key, value in (values if part == "_self_" else content(group, part)).items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    return merged


def plugins() -> dict[str, str]:
    """Installed detectors of others by name: ``package.module:Class``."""
    return {point.name: point.value for point in metadata.entry_points(group="stocktwin.detectors")}


def _root() -> Traversable:
    return resources.files("conf")


def _summary(entry: Traversable) -> str:
    for line in entry.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("# ").strip()
        if text and not text.startswith("@package"):
            return text
    return ""
