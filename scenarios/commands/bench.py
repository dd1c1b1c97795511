"""``stocktwin bench``: scenarios x entrants x seeds, and a leaderboard."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.commands.output import console, write_leaderboard
from scenarios.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

#: Columns of the terminal that the table of an audit takes.
_AUDIT_WIDTH = 100
HELP = """\
usage: stocktwin bench [suite=NAME] [KEY=VALUE ...]

Compares detectors (or policies, teams, whatever a suite crosses) on the same scenarios and seeds and
writes leaderboard.csv and leaderboard.html. Each trial is a process of its own under limits; one that
fails stays in the table. Interrupted at any moment, the same call goes on where it stopped.

  suite=NAME              smoke (default), standard, full, policies, sensitivity ...: see stocktwin list suites;
                          audit measures whether the benchmark itself is sound, row by row, and exits with 1 if not
  suite=FILE.yaml         a suite of your own, of the same form as those of conf/suite
  out=DIR                 where results are kept (default outputs/bench/SUITE)
  overwrite=true          begin anew; else what is finished in DIR is kept, and once a test seed was tried
                          there, other seeds, more scenarios and another budget are refused
  workers=N               processes at once (default: all cores); changes no result
  engine=loky|dask|ray    what carries them out; engine.address=URL for a cluster of your own

  entrants.NAME=[WORDS]   add or change an entrant: entrants.mine=[detector.plugin=mine:Detector]
  scenarios.NAME=[WORDS]  add or change a scenario: scenarios.calm=[scenario=calm,world.days=14]
  axes.KEY=[A,B]          cross the entrants with values of a key; scenario_axes.KEY= the scenarios
  moved=[PATTERNS]        add each scenario with a declared assumption at its low, and at its high, one at a time;
                          flips.csv names those that flip the ranking (suite=sensitivity moves them all)
  seeds.dev= seeds.validation= seeds.test=[1,2]     thresholds are frozen on dev, test is ranked
  against=policy=manual   in mode=loop: what each entrant buys and costs over this one, seed by seed, the tail of what
                          repairs put wrong, and the frontier of recovery against risk, in tradeoffs.csv
  scored=[NAMES] budget=X entrants whose least score is frozen on dev, at X false alarms a location and day
  mode=shadow|loop        show all one recording, or run the whole loop for each
  limits.seconds= limits.gib=     of one trial
  KEY=VALUE               any other key of stocktwin run, for every trial

examples:
  stocktwin bench
  stocktwin bench suite=standard entrants.mine=[detector.plugin=mine:Detector] workers=2
  stocktwin bench suite=policies axes.people.dc=[2,4] seeds.test=[1,2,3]
  stocktwin bench suite=sensitivity moved=[people.*]
"""


def main(words: list[str]) -> int:
    """Carry a benchmark out."""
    from scenarios.bench.request import audit_of, read

    audited = audit_of(words)
    if audited is not None:
        return _audit(*audited)

    from scenarios.bench.campaign import carry_out
    from scenarios.progress import bar

    request = read(words)
    try:
        with bar() as progress:
            table = carry_out(request, progress)
    except PermissionError as error:
        raise UserError(f"out={request.out}: cannot be written: permission denied") from error
    suite = request.suite
    seeds = {split: len(getattr(suite.seeds, split)) for split in ("dev", "validation", "test")}
    told = ", ".join(f"{count} {split}" for split, count in seeds.items() if count)
    size = f"{len(suite.scenarios)} scenarios, {len(suite.entrants)} entrants"
    print(f"{suite.name}  {suite.mode}  {size}, seeds: {told}\n")
    show(table, suite.mode, suite.measures)
    _tell_failures(table, request.out)
    if suite.against:
        _tell_tradeoffs(request.out, suite.against)
    if suite.origin:
        _tell_flips(request.out, len(suite.origin))
    print(write_leaderboard(request.out))
    return 0


def _audit(keys: dict[str, Any], out: Path) -> int:
    """Measure whether the benchmark itself is sound; 1 if a row is outside its limit."""
    from rich.table import Table

    from scenarios.audit.audit import audit
    from scenarios.audit.line import FILE_NAME, OUTSIDE, PAGE_NAME, told
    from scenarios.audit.settings import check_worlds, settings_of
    from scenarios.progress import bar

    settings = settings_of(keys)
    check_worlds(settings)
    with bar() as progress:
        lines = audit(settings, out, progress)
    shown = Table(box=None, pad_edge=False, header_style="", width=_AUDIT_WIDTH)
    for head in ("row", "limit", "measured (95%)", "verdict", "n"):
        shown.add_column(head, overflow="fold", ratio={"row": 4, "limit": 2, "measured (95%)": 3}.get(head),
                         justify="right" if head == "n" else "left", no_wrap=head in {"verdict", "n"})
    for row in told(lines):
        shown.add_row(*row)
    console().print(shown)
    print(f"what each row rests on: {out / PAGE_NAME}\n{out / FILE_NAME}")
    return 1 if any(line.verdict == OUTSIDE for line in lines) else 0


def show(table: pd.DataFrame, mode: str, measures: list[str]) -> None:
    """Print the overall rows of the split that is ranked, or of the last one there is."""
    from rich.table import Table

    from scenarios.measures.leaderboard import COLUMNS, OVERALL
    from scenarios.measures.ranking import OVER

    split = next((name for name in ("test", "validation", "dev") if name in set(table["split"])), "")
    rows = table[(table["split"] == split) & (table["by"] == OVERALL)]
    names = [name for name in (measures or COLUMNS[mode]) if name in table]
    shown = Table(box=None, pad_edge=False, header_style="", title_justify="left")
    for head in (f"Overall, {split} seeds", "rank"):
        shown.add_column(head, justify="left" if head != "rank" else "right", no_wrap=True)
    for name in names:
        shown.add_column(name.replace("_", " "), justify="right")
    shown.add_column(f"interval of {names[0].replace('_', ' ')}", justify="right")
    shown.add_column("failed", justify="right")
    for row in rows.to_dict("records"):
        ends = (row[f"{names[0]}_low"], row[f"{names[0]}_high"])
        interval = " to ".join(_number(end) for end in ends) if not math.isnan(ends[0]) else ""
        shown.add_row(
            str(row["entrant"]), _rank(row["rank"]), *(_number(row[name]) for name in names), interval,
            f"{row['failed']} of {row['trials']}" if row["failed"] else "0",
        )  # fmt: skip
    console().print(shown)
    over = rows.loc[rows["verdict"] == OVER, "entrant"].to_list()
    print(f"ranked last, {OVER} of false alarms: {', '.join(over)}\n" if over else "")


def _tell_tradeoffs(out: Path, against: str) -> None:
    """What each entrant buys and costs over the reference, and which are on the frontier."""
    import pandas as pd
    from rich.table import Table

    from scenarios.bench.campaign import TRADEOFF_TABLE
    from scenarios.measures.tradeoffs import GAIN, RISK, TAIL, WEIGHED

    table = pd.read_csv(out / TRADEOFF_TABLE, keep_default_na=True)
    shown = Table(box=None, pad_edge=False, header_style="", title_justify="left")
    shown.add_column(f"More than {against}, seed by seed")
    for name in WEIGHED:
        shown.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    shown.add_column("wrongful cvar", justify="right", no_wrap=True)
    shown.add_column("frontier", no_wrap=True)
    for row in table.to_dict("records"):
        shown.add_row(str(row["entrant"]), *(_more(row, name) for name in WEIGHED), _number(row[TAIL]),
                      "*" if row["frontier"] else "")
    console().print(shown)
    names = ", ".join(table.loc[table["frontier"], "entrant"])
    print(f"frontier of {GAIN} against {RISK.replace('_', ' ')} (no other has more at less): {names or 'none'}; "
          f"values and ends stand in {out / TRADEOFF_TABLE}\n")


def _more(row: dict[Any, Any], name: str) -> str:
    """A difference with its interval; the reference itself has none."""
    found, low, high = (row[f"{name}_{end}"] for end in ("more", "low", "high"))
    if math.isnan(found):
        return "NA" if isinstance(row["against"], str) else "reference"
    # Fewer pairs than seeds: on the others a trial failed, and nobody can say.
    few = f" ({row[f'{name}_pairs']} of {row['seeds']} seeds)" if row[f"{name}_pairs"] != row["seeds"] else ""
    return f"{_number(found)}{few}" if math.isnan(low) else f"{_number(found)}{few}\n{_number(low)} to {_number(high)}"


def _tell_flips(out: Path, moved: int) -> None:
    """Which assumptions the ranking hangs on."""
    import pandas as pd
    from rich.table import Table

    from scenarios.bench.campaign import FLIP_TABLE
    from scenarios.measures.flips import FLIPS

    table = pd.read_csv(out / FLIP_TABLE)
    sure = table[table["verdict"] == FLIPS]
    print(f"{moved} times one assumption was moved; the ranking flips in {sure['assumption'].nunique()} of them beyond "
          f"doubt, and {len(table) - len(sure)} pairs change places without being told apart ({out / FLIP_TABLE})")
    if len(sure):
        shown = Table(box=None, pad_edge=False, header_style="")
        for head in ("assumption", "at", "ahead as usual", "by", "ahead then", "by"):
            shown.add_column(head, justify="right" if head in {"at", "by"} else "left")
        for row in sure.to_dict("records"):
            shown.add_row(row["assumption"], f"{row['value']:g}", row["ahead"], _number(row["usual"]), row["behind"],
                          _number(-row["moved"]))
        console().print(shown)
    print()


def _tell_failures(table: pd.DataFrame, out: Path) -> None:
    from scenarios.measures.leaderboard import OVERALL

    whole = table[table["by"] == OVERALL]
    failed = int(whole["failed"].sum())
    if failed:
        print(f"{failed} of {int(whole['trials'].sum())} trials failed and count as nothing found; what they said "
              f"stands in {out / 'logs'}\n")


def _rank(value: object) -> str:
    return "" if value is None or value != value or str(value) == "<NA>" else str(value)  # noqa: PLR0124 - NaN


def _number(value: float) -> str:
    if math.isnan(value):
        return "NA"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"
