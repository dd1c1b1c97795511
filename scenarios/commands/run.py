"""``stocktwin run``: one scenario, its scorecard and its run folder."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from scenarios.commands.output import console, write_page
from scenarios.errors import UserError

HELP = """\
usage: stocktwin run [KEY=VALUE ...]

Runs one scenario on one seed in up to four arms (clean, unmanaged, managed, oracle), prints its
scorecard and writes a run folder with a page, report.html. What is set here wins over the scenario.

  scenario=NAME           what is simulated: see stocktwin list scenarios (default quickstart)
  scenario=FILE.yaml      a scenario of your own, of the same form as those of conf/scenario
  seed=N                  of all draws (default 1)
  replications=N          as many seeds, from seed on; one scorecard over them (default 1)
  detector=NAME           what raises alerts: see stocktwin list detectors
  detector.plugin=MODULE:CLASS  detector.command="node my.mjs"  detector=alerts|scores detector.file=FILE
                          a detector of your own, in a process of its own; a file of alerts or of scores
  policy=NAME             what may repair itself: see stocktwin list policies
  classifier= priority=   what names causes; what orders the queues
  demand=NAME             synthetic, or complete_journey: real grocery baskets (extra data)
  faults=NAME             standard, ambient or none; faults.scale, faults.exclude, faults.TYPE.rate
  world.KEY=VALUE         regions, stores (of the whole chain), items, days, start, end
  people.KEY= pilot.KEY=  teams and their times; where and when automation is switched on
  record=full|summary     keep the stream too, or scores and truth only
  oracle=true|false       run the arm with perfect detection and diagnosis too
  fcfs=true|false         run the arm whose people work first come, first served too (case.priority_gain)
  realism=true            print beside the scorecard how the run compares with published figures
  out=DIR overwrite=true  where to write (default outputs/SCENARIO/ID); replace a complete run
  workers=N               processes at once; changes no result (default 1)

examples:
  stocktwin run scenario=calm detector=never
  stocktwin run policy=unrestricted seed=7 world.days=14 faults.shrink.rate=0
"""


def main(words: list[str]) -> int:
    """Run one scenario."""
    for word in words:
        if word.startswith("-"):
            raise UserError(f"{word}: no such option; run takes KEY=VALUE, see stocktwin run --help")
    from scenarios.compose import compose
    from scenarios.dead_rates import without_ground
    from scenarios.engine import check_engine
    from scenarios.run_folder import check_target, choose
    from scenarios.windows import not_reached

    experiment = compose(words)
    check_engine(experiment.engine)
    target = choose(experiment)
    check_target(target, overwrite=experiment.overwrite)
    late = not_reached(experiment)
    if late:
        print(f"stocktwin: a run of {experiment.world.days} days does not reach {', '.join(late)}", file=sys.stderr)
    idle = without_ground(experiment)
    if idle:
        print(f"stocktwin: faults that can strike nothing in this world: {', '.join(idle)}", file=sys.stderr)

    from detection.detectors.piped import DetectorFailed
    from scenarios.arms import run_experiment
    from scenarios.progress import bar
    from scenarios.record import RunFolderError

    try:
        with bar() as progress:
            run = run_experiment(experiment, target, progress)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    except DetectorFailed as error:
        print(f"stocktwin: {error}", file=sys.stderr)
        return 1
    page = write_page(run)
    nowhere = _struck_nowhere(experiment.faults.exclude, run)
    if nowhere:
        print(f"stocktwin: faults.exclude: struck nowhere in this run: {', '.join(map(str, nowhere))}", file=sys.stderr)

    from scenarios.operator_spec import detector_of
    from scenarios.scorecard_view import show

    world = experiment.world
    print(
        f"{experiment.scenario}  seed {experiment.seed}"
        + (f" to {experiment.seed + experiment.replications - 1}" if experiment.replications > 1 else "")
        + f"  {world.days} days, {world.regions} region{'s' * (world.regions > 1)}, {world.stores} stores, "
        f"{world.items:,} items  detector {detector_of(experiment)}"
        f"  policy {experiment.policy.name}\n",
        flush=True,
    )
    terminal = console()
    show(run, terminal)
    if experiment.realism:
        from scenarios.realism_view import show_realism

        show_realism(run, terminal)
    print(page)
    return 0


def _struck_nowhere(excluded: Collection[int], run: Path) -> list[int]:
    """Ids of ``faults.exclude`` that no fault of a run would have had, in order."""
    if not excluded:
        return []
    from scenarios.record import RunReader

    return sorted(set(excluded) - set(RunReader(run).config["left_out"]))
