"""How long work tells how far it is.

The loop calls a plain function now and then; what it shows is the caller's affair. A bar with an
estimate stands on stderr where that is a terminal; elsewhere there is silence, so that logs and
pipes stay clean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: ``progress(done, doing)``: share of the whole work that is done, 0 to 1, and what is being done now.
Progress = Callable[[float, str], None]


def silent(_done: float, _doing: str) -> None:
    """Show nothing."""


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar with the time gone and an estimate of the time left, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bar(*columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task("starting", total=1.0)

        def advance(done: float, doing: str) -> None:
            shown.update(task, completed=min(1.0, max(0.0, done)), description=doing)

        yield advance
