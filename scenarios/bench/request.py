"""From the words after ``stocktwin bench`` to a suite, and to where and how it is carried out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from scenarios.audit.line import FILE_NAME as AUDIT_TABLE
from scenarios.bench.suite import Suite, checked
from scenarios.engine import check_engine, cores
from scenarios.errors import UserError, choices
from scenarios.groups import content, options
from scenarios.keys import pairs_of
from scenarios.schema import Engine

_FIELDS: Final = frozenset(entry.name for entry in dataclasses.fields(Suite)) - {"name", "origin"}


@dataclass
class Request:
    """A suite and where and how it is carried out, which changes no result.

    Attributes:
        out: folder of the benchmark.
        workers: processes at once.
        overwrite: begin anew; else what is finished there is kept.
    """

    suite: Suite
    out: Path
    workers: int
    engine: Engine
    overwrite: bool


def read(words: Sequence[str]) -> Request:
    """The benchmark that the words after ``stocktwin bench`` describe.

    Raises:
        UserError: naming the key.
    """
    said = pairs_of("bench", words)
    name = said.pop("suite", "smoke")
    out, workers = said.pop("out", None), _whole("workers", said.pop("workers", None))
    engine = Engine(said.pop("engine", "loky"), said.pop("engine.address", None))
    if engine.name not in options("engine"):
        raise UserError(f"engine={engine.name}: no such choice; {choices(options('engine'), engine.name)}")
    overwrite = _truth("overwrite", said.pop("overwrite", "false"))
    suite = _suite(name, said)
    check_engine(engine)
    return Request(suite, _folder(out, name), workers or cores(), engine, overwrite)


def audit_of(words: Sequence[str]) -> tuple[dict[str, Any], Path] | None:
    """The keys of a suite whose mode is ``audit``, with what the words set of them, and its folder; else None.

    Raises:
        UserError: naming the key.
    """
    said = dict(word.partition("=")[::2] for word in words)
    name = said.pop("suite", "smoke")
    values = _content(name)
    if values.get("mode") != "audit":
        return None
    out = _folder(said.pop("out", None), name)
    for key in ("engine", "engine.address"):
        if key in said:
            raise UserError(f"{key}: an audit has no such key")
    overwrite = _truth("overwrite", said.pop("overwrite", "false"))
    if (out / AUDIT_TABLE).exists() and not overwrite:
        raise UserError(f"out: {out} holds an audit already; overwrite=true replaces it")
    values |= {key: _value(key, text) for key, text in said.items()}
    return values, out


def _folder(out: str | None, suite: str) -> Path:
    """Where the results of a suite, by name or file, are kept."""
    return Path(out).expanduser() if out else Path("outputs") / "bench" / Path(suite).stem


def _suite(name: str, said: Mapping[str, str]) -> Suite:
    values = _content(name)
    for key in values:
        if key not in _FIELDS:
            raise UserError(f"suite={name}: {key}: no such key of a suite; {choices(_FIELDS, str(key))}")
    values = {**values, "name": Path(name).stem, "common": list(values.get("common") or [])}
    for key, text in said.items():
        if key.split(".")[0] in _FIELDS:
            _put(values, key, _value(key, text))
        else:
            # What is no key of a suite is one of a run, for every trial.
            values["common"].append(f"{key}={text}")
    return checked(_typed(values))


def _typed(values: dict[str, Any]) -> Suite:
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Suite), OmegaConf.create(values)))
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", None) or "suite")
        line = str(getattr(error, "msg", None) or error).strip().splitlines()[0]
        raise UserError(f"{key}: {line}") from error
    assert isinstance(made, Suite)
    return made


def _content(name: str) -> dict[str, Any]:
    """The keys of a suite by its name or file."""
    if name.endswith((".yaml", ".yml")):
        return _file(Path(name))
    if name in options("suite"):
        return content("suite", name)
    raise UserError(f"suite={name}: no such suite; {choices([*options('suite'), 'FILE.yaml'], name)}")


def _file(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UserError(f"suite={path}: {(error.strerror or str(error)).lower()}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"suite={path}: is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict):
        raise UserError(f"suite={path}: must hold keys and values")
    return values


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a key; what is below a table of the user's own names keeps its dots (``axes.people.dc``)."""
    head, _, rest = key.partition(".")
    if not rest:
        values[head] = value
        return
    inside = values.get(head)
    values[head] = {**inside, rest: value} if isinstance(inside, dict) else {rest: value}


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{key}={text}: is no value; lists are written [a,b]") from error


def _whole(key: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise UserError(f"{key}={text}: must be a whole number from 1 to 10000")
    return int(text)


def _truth(key: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise UserError(f"{key}={text}: must be true or false")
    return text == "true"
