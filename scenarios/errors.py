"""Mistakes of the user, as opposed to defects of the program."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What the user asked for cannot be done; the message is one line that names the key and the choices.

    The command prints it on stderr and ends with exit code 2, without a traceback.
    """


def choices(valid: Iterable[str], asked: str = "", shown_max: int = 40) -> str:
    """The tail of a message: the nearest valid name, then the valid ones.

    Args:
        valid: every name that would have been accepted.
        asked: the name that was given, for the nearest one; empty for none.
        shown_max: names listed at most.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(asked, names, n=1, cutoff=0.5) if asked else []
    hint = f"did you mean {near[0]!r}? " if near else ""
    rest = f", and {len(names) - shown_max} more" if len(names) > shown_max else ""
    return f"{hint}valid: {', '.join(names[:shown_max]) or 'none'}{rest}"
