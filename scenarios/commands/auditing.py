"""``stocktwin bench suite=audit``: what it is asked for, and how its rows are printed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scenarios.audit.line import FILE_NAME, AuditLine, told
from scenarios.audit.settings import Settings, settings_of
from scenarios.errors import UserError
from scenarios.groups import content, options

MODE = "audit"


@dataclass(frozen=True)
class Request:
    """An audit and where its table goes."""

    settings: Settings
    out: Path


def asked(words: Sequence[str]) -> Request | None:
    """The audit that the words after ``stocktwin bench`` ask for; None where their suite is no audit.

    Raises:
        UserError: naming the key.
    """
    said = dict(word.split("=", 1) for word in words if "=" in word)
    name = said.pop("suite", "")
    keys = _keys(name)
    if keys.get("mode") != MODE:
        return None
    for word in words:
        if "=" not in word:
            raise UserError(f"{word}: is not of the form KEY=VALUE; see stocktwin bench --help")
    out = Path(said.pop("out", f"outputs/bench/{Path(name).stem}")).expanduser()
    overwrite = said.pop("overwrite", "false")
    for key, text in said.items():
        try:
            keys[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserError(f"{key}={text}: is no value; lists are written [a,b]") from error
    if (out / FILE_NAME).exists() and overwrite != "true":
        raise UserError(f"out={out}: holds an audit already; overwrite=true replaces it")
    return Request(settings_of(keys), out)


def _keys(name: str) -> dict[str, Any]:
    """What the suite's file says; nothing where there is none or it cannot be read, which is another's to tell."""
    if name.endswith((".yaml", ".yml")):
        with contextlib.suppress(OSError, yaml.YAMLError, UnicodeDecodeError):
            values = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
            return dict(values) if isinstance(values, Mapping) else {}
        return {}
    return content("suite", name) if name in options("suite") else {}


def main(request: Request) -> int:
    """Carry an audit out; 0 if every row is inside its limit, else 1."""
    from scenarios.audit.audit import audit
    from scenarios.progress import bar

    with bar() as progress:
        lines = audit(request.settings, request.out, progress)
    show(lines)
    print(request.out / FILE_NAME)
    return 0 if all(one.is_inside for one in lines) else 1


def show(lines: Sequence[AuditLine]) -> None:
    """Print the rows, what each rests on below it, and how many are outside."""
    from rich.table import Table

    from scenarios.commands.output import console

    shown = Table(box=None, pad_edge=False, header_style="")
    for head, justify in (("row", "left"), ("value", "right"), ("interval", "right"), ("limit", "left"), ("", "left")):
        shown.add_column(head, justify="right" if justify == "right" else "left")
    for row, value, interval, limit, verdict, note in told(lines):
        shown.add_row(row, value, interval, limit, verdict)
        if note:
            shown.add_row(f"  [dim]{note}[/dim]")
    console().print(shown)
    outside = sum(not one.is_inside for one in lines)
    print(f"\n{len(lines) - outside} of {len(lines)} rows inside their limits\n")
