"""``stocktwin fit``: the numbers of the fitted classifier, from development seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.commands.output import console
from scenarios.errors import UserError

HELP = """\
usage: stocktwin fit [KEY=VALUE ...]

Runs development seeds with nobody acting, joins what an operator would have known of each case with the
fault that was behind it, and fits the classifier: one logistic regression for each exception type with
several faults, its confidence calibrated on held-out seeds. Writes a version, a file of numbers:

  stocktwin run classifier=fitted classifier.file=outputs/fitted-2.json

  scenarios=A,B           whose cases it learns from (default: those of the version in the package)
  seeds=1,2               two or more, and none that a claim will be made on (default 101,102,103)
  out=FILE                the version's file, its name being the version's (default outputs/fitted-N.json)
  KEY=VALUE               any other key of stocktwin run, for every run (default: a small world)

examples:
  stocktwin fit
  stocktwin fit scenarios=quickstart,mine.yaml seeds=11,12,13 world.stores=40 out=mine-1.json
"""
#: The usual scenarios: the base world, and those in which the faults behind wrong cells come in other proportions.
SCENARIOS = ("quickstart", "phantom_stock", "negative_inventory", "grocery_fulfilment", "omnichannel_returns")
SEEDS = (101, 102, 103)
#: Put on every scenario where nothing else is said: enough cases, and minutes rather than an hour.
SMALL = ("world.regions=1", "world.stores=10", "world.items=300", "world.days=28")


def main(words: list[str]) -> int:
    """Fit a version and write it."""
    from scenarios.keys import pairs_of

    said = pairs_of("fit", words)
    scenarios = _listed("scenarios", said.pop("scenarios", ",".join(SCENARIOS)))
    seeds = _seeds(said.pop("seeds", ",".join(map(str, SEEDS))))
    out = _free(said.pop("out", None))
    for key in ("scenario", "seed", "replications"):
        if key in said:
            raise UserError(f"{key}: is set for each run by scenarios and seeds; see stocktwin fit --help")
    more = [f"{key}={value}" for key, value in said.items()]
    _fit(scenarios, seeds, more, out)
    print(out)
    return 0


def _fit(scenarios: list[str], seeds: list[int], more: list[str], out: Path) -> None:
    import pandas as pd

    from detection.classifiers.model import dumps
    from scenarios.compose import compose
    from scenarios.fitting.fitting import fit
    from scenarios.fitting.labelled import labelled_cases
    from scenarios.progress import bar

    keys = {word.partition("=")[0] for word in more}
    words = [*(word for word in SMALL if word.partition("=")[0] not in keys), *more, "oracle=false"]
    # All are composed before the first runs: a key that cannot be meant is known at once.
    runs = [compose([f"scenario={name}", f"seed={seed}", *words]) for name in scenarios for seed in seeds]
    tables = []
    with bar() as progress:
        for done, experiment in enumerate(runs):
            progress(done / len(runs), f"{done + 1} of {len(runs)} runs, seed {experiment.seed}")
            tables.append(labelled_cases(experiment))
    cases = pd.concat(tables, ignore_index=True)
    if cases.empty:
        raise UserError("scenarios: no case of them is about an exception; there is nothing to fit")
    model, told = fit(cases, out.stem, {"scenarios": scenarios, "seeds": seeds, "words": words})
    show(told)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(dumps(model), encoding="utf-8")


def show(told: Any) -> None:
    """Print how each type does on held-out seeds."""
    from rich.table import Table

    names = ["type", "cases", "faults", "accuracy", "confidence", "calibration_error"]
    shown = Table(box=None, pad_edge=False, header_style="", title="Held-out seeds", title_justify="left")
    for name in names:
        shown.add_column(name.replace("_", " "), justify="left" if name == "type" else "right")
    for row in told.reindex(columns=names).to_dict("records"):
        figures = ("" if row[name] != row[name] else f"{row[name]:.3f}" for name in names[3:])
        shown.add_row(str(row["type"]), str(row["cases"]), str(row["faults"]), *figures)
    console().print(shown)
    print()


def _listed(key: str, text: str) -> list[str]:
    names = [name.strip() for name in text.strip("[]").split(",") if name.strip()]
    if not names:
        raise UserError(f"{key}: names nothing; give one or more, with commas between")
    return names


def _seeds(text: str) -> list[int]:
    names = _listed("seeds", text)
    if not all(name.isdecimal() for name in names):
        raise UserError(f"seeds={text}: must be whole numbers from 0 on, with commas between")
    seeds = sorted({int(name) for name in names})
    if len(seeds) < 2:
        raise UserError(f"seeds={text}: must be two or more, since each is held out in turn")
    return seeds


def _free(text: str | None) -> Path:
    """Where the version goes; a version is never written over."""
    from detection.classifiers.model import versions

    if text is None:
        number = max(versions(), default=0) + 1
        while (path := Path("outputs") / f"fitted-{number}.json").exists():
            number += 1
        return path
    path = Path(text)
    if path.suffix != ".json":
        raise UserError(f"out={text}: must end in .json")
    if path.exists():
        raise UserError(f"out={text}: is there already; a version is never written over")
    return path
