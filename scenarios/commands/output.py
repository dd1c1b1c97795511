"""What commands share: the terminal, the page, and the words that name a run folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.errors import UserError, choices

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """The terminal, or plain text of a fixed width where the output goes elsewhere."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=140, highlight=False)


def write_page(run: Path) -> Path:
    """Write the page of a run; that renews the manifest which vouches for it."""
    from reports import page

    return page.write(run)


def write_leaderboard(out: Path) -> Path:
    """Write the page of a leaderboard beside its table."""
    from reports import leaderboard

    return leaderboard.write(out)


def one_folder(command: str, words: list[str]) -> Path:
    """The single run folder that a command works on.

    Raises:
        UserError: if there is not one word, or it is no run folder.
    """
    if len(words) != 1:
        raise UserError(f"{command}: takes one run folder, got {len(words)}; usage: stocktwin {command} RUN")
    return run_folder(words[0])


def run_folder(word: str) -> Path:
    """The run folder that a word names.

    Raises:
        UserError: if it is none.
    """
    folder = Path(word)
    if not (folder / "manifest.json").is_file():
        raise UserError(f"{folder}: is no run folder (it has no manifest.json)")
    return folder


def options(
    command: str, words: Sequence[str], *, flags: Sequence[str] = (), valued: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Split a command's words into plain ones and options.

    Args:
        command: for messages.
        words: after the command's name.
        flags: options without a value, with their dashes.
        valued: options followed by a value, or by ``=VALUE``.

    Returns:
        The plain words, and option -> value (empty for a flag).

    Raises:
        UserError: for an option that is unknown, twice there, or lacks its value.
    """
    plain: list[str] = []
    found: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        name, equals, value = word.partition("=")
        if name not in {*flags, *valued}:
            raise UserError(f"{name}: no such option of {command}; {choices([*flags, *valued], name)}")
        if name in found:
            raise UserError(f"{name}: is there twice")
        if name in flags and equals:
            raise UserError(f"{name}: takes no value")
        if name in valued and not equals:
            if not left or left[0].startswith("--"):
                raise UserError(f"{name}: needs a value; see stocktwin {command} --help")
            value = left.pop(0)
        found[name] = value
    return plain, found
