"""The command: ``stocktwin run | verify | list | report``.

Nothing heavy is imported before a command needs it, so that help and lists answer at once. A
mistake of the user is one line on stderr and exit code 2; a run that fails for another reason shows
its traceback, since it is a defect.

Exit codes: 0 done, 1 something checked is wrong, 2 a user's mistake, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.errors import UserError, choices

if TYPE_CHECKING:
    from rich.console import Console

#: Errors of the disk that are the machine's state, not a defect.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})

_HELP = """\
stocktwin: a simulated retail chain whose stock records go wrong, and a measured operations layer

usage: stocktwin COMMAND [...]

  run [KEY=VALUE ...]     run one scenario; print its scorecard, write a run folder
  verify RUN              check a run folder: hashes, audit chain, identity, conservation
  report RUN              write the page of a run folder again
  list [TOPIC] [--json]   scenarios, faults, detectors, policies or measures

  stocktwin COMMAND --help tells more; stocktwin --version tells the version
"""
_RUN_HELP = """\
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
  realism=true            print beside the scorecard how the run compares with published figures
  out=DIR overwrite=true  where to write (default outputs/SCENARIO/ID); replace a complete run
  workers=N               processes at once; changes no result (default 1)

examples:
  stocktwin run scenario=calm detector=never
  stocktwin run policy=unrestricted seed=7 world.days=14 faults.shrink.rate=0
"""
_VERIFY_HELP = """\
usage: stocktwin verify RUN

Checks the run folder RUN: every hash, the audit chain, the ledger's identity and the conservation
of units. Says what it could not check. Exit code 0 if all holds, 1 if anything is wrong.
"""
_REPORT_HELP = """\
usage: stocktwin report RUN

Writes report.html of the run folder RUN again; prints its realism card and the path of the page.
"""
_LIST_HELP = """\
usage: stocktwin list [scenarios|faults|detectors|policies|measures] [--json]

Prints what there is; without a topic, all of it. With --json, a list of objects with "name".
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; those of the process by default.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        # Told to stop, a run cleans up as it does at the keyboard's interrupt.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except UserError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except MemoryError:
        return _complain("world.stores, world.items: ran out of memory; make them smaller or workers fewer")
    except BrokenPipeError:
        # The reader (head, less) went away: nothing more to say, and nothing more to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        return _complain(f"{error.filename or 'out'}: {(error.strerror or str(error)).lower()}")
    return code


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_HELP, end="")
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"stocktwin {version('stocktwin')}")
        return 0
    name, *rest = words
    if name not in _COMMANDS:
        raise UserError(f"{name}: no such command; {choices(_COMMANDS, name)}")
    command, text = _COMMANDS[name]
    if any(word in {"-h", "--help"} for word in rest):
        print(text, end="")
        return 0
    return command(rest)


def _complain(message: str, code: int = 2) -> int:
    """One line on stderr."""
    print(f"stocktwin: {' '.join(message.split())}", file=sys.stderr)
    return code


def _run(words: list[str]) -> int:
    for word in words:
        if word.startswith("-"):
            raise UserError(f"{word}: no such option; run takes KEY=VALUE, see stocktwin run --help")
    from scenarios.compose import compose
    from scenarios.run_folder import check_target, choose
    from scenarios.windows import not_reached

    experiment = compose(words)
    target = choose(experiment)
    check_target(target, overwrite=experiment.overwrite)
    late = not_reached(experiment)
    if late:
        print(f"stocktwin: a run of {experiment.world.days} days does not reach {', '.join(late)}", file=sys.stderr)

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
        return _complain(str(error), 1)
    page = _write_page(run)

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
    console = _console()
    show(run, console)
    if experiment.realism:
        _show_realism(run, console)
    print(page)
    return 0


def _show_realism(run: Path, console: Console) -> None:
    from scenarios.realism_view import show_realism

    show_realism(run, console)


def _console() -> Console:
    """The terminal, or plain text of a fixed width where the output goes elsewhere."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=140, highlight=False)


def _write_page(run: Path) -> Path:
    """Write the page of a run; that renews the manifest which vouches for it."""
    from reports import page

    return page.write(run)


def _verify(words: list[str]) -> int:
    run = _one_folder("verify", words)
    from scenarios.record import RunFolderError
    from scenarios.verify import verify

    try:
        report = verify(run)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    for line in report.lines():
        print(line)
    return 0 if report.ok else 1


def _report(words: list[str]) -> int:
    run = _one_folder("report", words)
    from scenarios.record import RunFolderError

    try:
        page = _write_page(run)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    _show_realism(run, _console())
    print(page)
    return 0


def _list(words: list[str]) -> int:
    from scenarios.listing import listing

    print(listing(words))
    return 0


def _one_folder(command: str, words: list[str]) -> Path:
    """The single run folder that a command works on."""
    if len(words) != 1:
        raise UserError(f"{command}: takes one run folder, got {len(words)}; usage: stocktwin {command} RUN")
    folder = Path(words[0])
    if not (folder / "manifest.json").is_file():
        raise UserError(f"{folder}: is no run folder (it has no manifest.json)")
    return folder


_COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "run": (_run, _RUN_HELP),
    "verify": (_verify, _VERIFY_HELP),
    "report": (_report, _REPORT_HELP),
    "list": (_list, _LIST_HELP),
}


if __name__ == "__main__":
    sys.exit(main())
