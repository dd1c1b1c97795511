"""A scenario of the user's own: a YAML file of the same form as those of ``conf/scenario``.

It holds keys of an experiment, nested, and may choose from groups by ``defaults: [override /faults: none]``.
Whatever is wrong with it is told in one line that names the key, before anything is run.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from scenarios.errors import UserError, choices
from scenarios.groups import groups, options
from scenarios.keys import fields_of, is_table, kind_of, needed
from scenarios.schema import Experiment

SUFFIXES: Final = (".yaml", ".yml")
#: Keys that say where a run goes, and what the file is itself.
_NOT_IN_A_FILE: Final = frozenset({"scenario", "out", "overwrite"})
_OVERRIDE: Final = "override /"
#: What YAML makes of numbers, words, lists and tables.
_PLAIN: Final = (str, int, float, list, dict, type(None))


@dataclass(frozen=True)
class FileScenario:
    """A scenario that was read from a file.

    Attributes:
        name: the file's name without its suffix.
        content: what it holds, every key known and each value of its key's type.
        keys: the dotted keys that it sets.
    """

    name: str
    content: dict[str, Any]
    keys: frozenset[str]


def is_file_name(override: str) -> bool:
    """Whether an override chooses a file: ``scenario=PATH.yaml``."""
    return override.startswith("scenario=") and override.endswith(SUFFIXES)


def read(path: str) -> FileScenario:
    """Read and check a scenario file.

    Raises:
        UserError: naming the file, or the key in it that is wrong.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise UserError(f"scenario={path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"scenario={path}: is no YAML: {_where(error)}") from None
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise UserError(f"scenario={path}: must hold keys and values, like world: {{stores: 20}}")
    chosen = _chosen(content.pop("defaults", []))
    leaves = dict(_leaves(content))
    for key, value in leaves.items():
        _check(key, value)
    if not leaves and not chosen:
        raise UserError(f"scenario={path}: is empty; it must set a key, like world: {{stores: 20}}, or choose a group")
    return FileScenario(Path(path).stem, {"defaults": [*chosen, "_self_"], **content}, frozenset(leaves))


def _chosen(defaults: Any) -> list[dict[str, str]]:
    """The choices from groups."""
    chosen = []
    for entry in defaults if isinstance(defaults, list) else [defaults]:
        if entry == "_self_":
            continue
        key, name = next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else (str(entry), "")
        group = str(key).removeprefix(_OVERRIDE)
        if not str(key).startswith(_OVERRIDE) or group not in groups():
            form = f"{_OVERRIDE}GROUP: NAME"
            raise UserError(f"defaults: {entry} is not of the form '{form}'; {choices(groups(), group)}")
        if group == "scenario" or name not in options(group):
            raise UserError(f"{group}={name}: no such choice; {choices(options(group), str(name))}")
        chosen.append({str(key): name})
    return chosen


def _check(key: str, value: Any) -> None:
    """One key of the file: it has to be there, to be the file's to set, and to take the value."""
    if key in _NOT_IN_A_FILE:
        raise UserError(f"{key}: is no key of a scenario file; set it on the command line")
    odd = next((one for one in (value if isinstance(value, list) else [value]) if not isinstance(one, _PLAIN)), None)
    if odd is not None:
        raise UserError(f"{key}: holds a {type(odd).__name__}; a scenario is numbers, words, lists and tables")
    inside = {} if is_table(key) else fields_of(kind_of(key))
    if inside:
        raise UserError(f"{key}={value}: holds several keys, set one; {choices(f'{key}.{name}' for name in inside)}")
    try:
        OmegaConf.update(_shape(), key, value, merge=False)
        misfit = value == "???" or (kind_of(key) is bool and not isinstance(value, bool | str))
    except OmegaConfBaseException:
        misfit = True
    if misfit:
        shown = "null" if value is None else value
        raise UserError(f"{key}={shown}: must be {needed(key) or 'a number, each under a name'}")


@cache
def _shape() -> DictConfig:
    """A tray that takes what fits its types and is never read."""
    shape: DictConfig = OmegaConf.structured(Experiment)
    return shape


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of whatever is no mapping; an empty mapping is a value."""
    for name, value in content.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if "." in str(name):
            outer, _, inner = str(name).rpartition(".")
            raise UserError(f"{key}: stands with a dot; a file nests its keys, {outer}: {{{inner}: ...}}")
        if isinstance(value, dict) and value:
            yield from _leaves(value, key)
        else:
            yield key, value


class _Loader(yaml.SafeLoader):
    """YAML in which a key may stand only once, and a date is the word that it is on the command line."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, unless two of its keys are one."""
        found = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue
            if key in found:
                twice = f"the key {key!r} stands twice"
                raise yaml.constructor.ConstructorError(problem=twice, problem_mark=key_node.start_mark)
            found.add(key)
        return super().construct_mapping(node, deep)


def _as_word(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_word)
_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _where(error: Exception) -> str:
    """What is wrong, and on which line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = f", line {mark.line + 1}" if mark is not None else ""
    return f"{problem or str(error).splitlines()[0]}{line}"
