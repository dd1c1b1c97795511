"""The commands: one module each, with ``HELP`` and ``main(words)``, imported when it is called for.

A module here reads the words after its own name, refuses what it cannot mean with a
:class:`~scenarios.errors.UserError`, calls the rooms below, prints, and returns the exit code. What
is heavy is imported inside ``main``, so that help answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast


class Command(Protocol):
    """A module of this package."""

    HELP: str

    def main(self, words: list[str]) -> int:
        """Carry the command out.

        Args:
            words: those after the command's name.

        Returns:
            The exit code.
        """


#: Every command and what it does, in the order of the help.
SUMMARIES: dict[str, tuple[str, str]] = {
    "run": ("run [KEY=VALUE ...]", "run one scenario; print its scorecard, write a run folder"),
    "bench": ("bench [KEY=VALUE ...]", "scenarios x detectors or policies x seeds: a leaderboard"),
    "verify": ("verify RUN", "check a run folder: hashes, audit chain, identity, conservation"),
    "audit": ("audit RUN [ID]", "tell the story of an action or a case: who, under which rule, on what"),
    "report": ("report RUN", "write the page of a run folder again"),
    "compare": ("compare A B [--json]", "two runs on the same seeds: what differs, how sure, and where from"),
    "gate": ("gate RUN --baseline F", "hold a run against a baseline: exit 0 passed, 1 regression, 2 cannot judge"),
    "fit": ("fit [KEY=VALUE ...]", "fit the classifier on development seeds; write a version of it"),
    "list": ("list [TOPIC] [--json]", "scenarios, faults, detectors, policies, suites or measures"),
}


def load(name: str) -> Command:
    """The module of a command that is in :data:`SUMMARIES`."""
    return cast("Command", import_module(f"scenarios.commands.{name}"))
