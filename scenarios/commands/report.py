"""``stocktwin report``: the page of a run folder, written again."""

from __future__ import annotations

from scenarios.commands.output import console, one_folder, write_page
from scenarios.errors import UserError

HELP = """\
usage: stocktwin report RUN

Writes report.html of the run folder RUN again; prints its realism card and the path of the page.
"""


def main(words: list[str]) -> int:
    """Write the page of one run folder."""
    run = one_folder("report", words)
    from scenarios.realism_view import show_realism
    from scenarios.record import RunFolderError

    try:
        page = write_page(run)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    show_realism(run, console())
    print(page)
    return 0
