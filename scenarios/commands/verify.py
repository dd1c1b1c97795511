"""``stocktwin verify``: whether a run folder still holds what it held."""

from __future__ import annotations

from scenarios.commands.output import one_folder
from scenarios.errors import UserError

HELP = """\
usage: stocktwin verify RUN

Checks the run folder RUN: every hash, the audit chain, the ledger's identity and the conservation
of units. Says what it could not check. Exit code 0 if all holds, 1 if anything is wrong.
"""


def main(words: list[str]) -> int:
    """Check one run folder; 1 if anything is wrong."""
    run = one_folder("verify", words)
    from scenarios.record import RunFolderError
    from scenarios.verify import verify

    try:
        report = verify(run)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    for line in report.lines():
        print(line)
    return 0 if report.ok else 1
