"""``stocktwin audit``: who or what did something, under which rule and version, on what evidence."""

from __future__ import annotations

from scenarios.commands.output import run_folder
from scenarios.errors import UserError

HELP = """\
usage: stocktwin audit RUN [ID]

Tells the story of the action or the case ID of the run folder RUN, from its sealed trail: what was
diagnosed on which rows, what was decided under which rule and model version, who approved, what came
of it. Without ID: what each trail holds, and every change of what is allowed (reviews, models, drift).
Ids are in cases.parquet and actions.parquet. A trail whose seals do not hold is refused.
"""


def main(words: list[str]) -> int:
    """Print one story, or what there is."""
    if not 1 <= len(words) <= 2:
        raise UserError(f"audit: takes a run folder and an id, got {len(words)} words; usage: stocktwin audit RUN [ID]")
    run = run_folder(words[0])
    if len(words) == 2 and not words[1].isdigit():
        raise UserError(f"audit: {words[1]} is no id; ids of cases and actions are whole numbers")
    from scenarios.audit_story import story, summary
    from scenarios.record import RunFolderError, RunReader

    try:
        reader = RunReader(run)
        for line in story(reader, int(words[1])) if len(words) == 2 else summary(reader):
            print(line)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    return 0
