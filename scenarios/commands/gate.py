"""``stocktwin gate``: whether a run got worse than its baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.commands.output import console, options
from scenarios.errors import UserError

if TYPE_CHECKING:
    from scenarios.samples import Sample

HELP = """\
usage: stocktwin gate RUN --baseline FILE [--update] [...]

Holds RUN (a run folder, with or without replications, or the folder of a benchmark) against a
baseline. Exit code 0 passed, 1 regression, 2 cannot judge (no baseline, or too few seeds).

Exact: where configuration, seeds and lock file are the baseline's, hashes and counts must be equal.
By statistics: a measure fails when the whole interval of its difference is beyond its margin, on the
worse side: pair by pair on common seeds, between means on fresh ones, from 30 seeds on. A run that
was configured differently is judged on the measures only, and each key that differs is named.

A program that did not get worse by more than the margins fails a call with chance 5% at most, over
all measures and cells together (key rate of the file; Bonferroni, which fails the same calls as Holm).
Each interval is the wider of Student's and one corrected for skewness; where a few great gains must
make up for many losses and all lies exactly at its margin, 30 seeds still exceed that: 8% of calls
with exponential differences, 17% with lognormal ones.

  --baseline FILE   what to hold it against: YAML, to be committed; margins and rate are edited there
  --update          make RUN the baseline; keeps margins and rate; prints what changes
  --measures A,B    with --update: gate these measures (see stocktwin list measures)
  --lock FILE       the lock file of RUN's environment (default requirements.lock, where there is one)
  --junit FILE      write JUnit XML            --summary FILE  write Markdown
  --metrics FILE    write [{name, unit, value}] for benchmark actions
  --json            print the verdict as JSON
"""
_LOCK = "requirements.lock"
_VALUED = ("--baseline", "--measures", "--lock", "--junit", "--summary", "--metrics")


def main(words: list[str]) -> int:
    """Judge a run, or make it the baseline."""
    plain, given = options("gate", words, flags=("--update", "--json"), valued=_VALUED)
    if len(plain) != 1:
        raise UserError(f"gate: takes one run, got {len(plain)}; usage: stocktwin gate RUN --baseline FILE")
    if "--baseline" not in given:
        raise UserError("--baseline: is missing; usage: stocktwin gate RUN --baseline FILE")
    if "--measures" in given and "--update" not in given:
        raise UserError("--measures: chooses what a baseline gates, and so goes with --update")
    from scenarios.samples import read_samples

    path = Path(given["--baseline"])
    samples = read_samples(Path(plain[0]))
    lock = _lock_hash(given.get("--lock"))
    if "--update" in given:
        from scenarios import baseline
        from scenarios.arms import program_version
        from scenarios.gate_view import changes

        before = baseline.read(path) if path.exists() else None
        names = [name for name in given.get("--measures", "").split(",") if name]
        after = baseline.make(samples, version=program_version(), lock=lock, before=before, measures=names)
        baseline.write(path, after)
        lines = changes(before, after)
        print("\n".join([*lines, f"{path}: {'written' if lines else 'nothing changed'}"]))
        return 0
    return _judge(path, samples, lock, given)


def _judge(path: Path, samples: list[Sample], lock: str | None, given: dict[str, str]) -> int:
    from scenarios import baseline, gate, gate_reports
    from scenarios.arms import program_version
    from scenarios.gate_view import show
    from scenarios.manifest import write_file

    try:
        against = baseline.read(path)
    except FileNotFoundError:
        raise UserError(f"--baseline {path}: there is none, so nothing can be judged; make it with --update") from None
    verdict = gate.judge(against, samples, version=program_version(), lock=lock)
    writers = {"--junit": gate_reports.junit, "--summary": gate_reports.summary, "--metrics": gate_reports.metrics}
    for option, write in writers.items():
        if option in given:
            try:
                write_file(Path(given[option]), write(verdict).encode())
            except OSError as error:
                told = (error.strerror or str(error)).lower()
                raise UserError(f"{option} {given[option]}: cannot be written: {told}") from error
    if "--json" in given:
        print(gate_reports.as_json(verdict), end="")
    else:
        show(verdict, console())
    return verdict.code


def _lock_hash(word: str | None) -> str | None:
    """SHA-256 of the lock file; None where none was named and none is at hand."""
    from scenarios.manifest import file_hash

    path = Path(word or _LOCK)
    if not path.is_file():
        if word is not None:
            raise UserError(f"--lock {word}: there is no such file")
        return None
    return file_hash(path)
