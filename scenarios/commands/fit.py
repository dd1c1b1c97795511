"""``stocktwin fit``: what the operator learned from development seeds: its classifier, or its model of silent cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.commands.output import console
from scenarios.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.schema import Experiment

HELP = """\
usage: stocktwin fit [KEY=VALUE ...]

Runs development seeds with nobody acting, joins what an operator would have known of each case with the
fault that was behind it, and fits the classifier: one logistic regression for each exception type with
several faults, its confidence calibrated on held-out seeds. Writes a version, a file of numbers:

  stocktwin run classifier=fitted classifier.file=outputs/fitted-2.json

With model=boosted it describes each morning's silent cells instead, with whether their goods were there,
and writes the table that the detector of that name learns from:

  stocktwin run detector=boosted detector.file=outputs/boosted-2.csv

  model=NAME              classifier (the default) or boosted
  scenarios=A,B           whose cases it learns from (default: those of the version in the package)
  seeds=1,2               two or more, and none that a claim will be made on (default 101,102,103)
  out=FILE                the version's file, its name being the version's (default outputs/fitted-N.json,
                          or outputs/boosted-N.csv)
  KEY=VALUE               any other key of stocktwin run, for every run (default: a small world)

examples:
  stocktwin fit
  stocktwin fit scenarios=quickstart,mine.yaml seeds=11,12,13 world.stores=40 out=mine-1.json
  stocktwin fit model=boosted seeds=11,12
"""
#: The usual scenarios: the base world, and those in which the faults behind wrong cells come in other proportions.
SCENARIOS = ("quickstart", "phantom_stock", "negative_inventory", "grocery_fulfilment", "omnichannel_returns")
SEEDS = (101, 102, 103)
#: Put on every scenario where nothing else is said: enough cases, and minutes rather than an hour.
SMALL = ("world.regions=1", "world.stores=10", "world.items=300", "world.days=28")


#: What can be fitted -> ending of its file, stem of its name, and where the versions of the package are.
MODELS = {
    "classifier": (".json", "fitted", "detection/classifiers/versions"),
    "boosted": (".csv", "boosted", "detection/detectors/training"),
}


def main(words: list[str]) -> int:
    """Fit a version and write it."""
    from scenarios.keys import pairs_of

    said = pairs_of("fit", words)
    model = said.pop("model", "classifier")
    if model not in MODELS:
        raise UserError(f"model={model}: no such choice; valid: {', '.join(MODELS)}")
    scenarios = _listed("scenarios", said.pop("scenarios", ",".join(SCENARIOS)))
    seeds = _seeds(said.pop("seeds", ",".join(map(str, SEEDS))))
    out = _free(said.pop("out", None), *MODELS[model])
    for key in ("scenario", "seed", "replications"):
        if key in said:
            raise UserError(f"{key}: is set for each run by scenarios and seeds; see stocktwin fit --help")
    keys = {word.partition("=")[0] for word in words}
    usual = [word for word in SMALL if word.partition("=")[0] not in keys]
    more = [*usual, *(f"{key}={value}" for key, value in said.items()), "oracle=false"]
    text = (_classifier if model == "classifier" else _boosted)(scenarios, seeds, more, out.stem)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(out)
    return 0


def _classifier(scenarios: list[str], seeds: list[int], words: list[str], version: str) -> str:
    """The file of a version of the classifier."""
    from detection.classifiers.model import dumps
    from scenarios.fitting.fitting import fit
    from scenarios.fitting.labelled import labelled_cases

    cases = _of_all(scenarios, seeds, words, labelled_cases)
    if cases.empty:
        raise UserError("scenarios: no case of them is about an exception; there is nothing to fit")
    model, told = fit(cases, version, {"scenarios": scenarios, "seeds": seeds, "words": words})
    show(told)
    return dumps(model)


def _boosted(scenarios: list[str], seeds: list[int], words: list[str], version: str) -> str:
    """The table of cells that ``boosted`` learns from."""
    from detection.detectors.boosted import LABEL, ROWS_MIN
    from scenarios.fitting.labelled_cells import labelled_cells, lot_of

    del version
    cells = lot_of(_of_all(scenarios, seeds, words, labelled_cells))
    wrong = int(cells[LABEL].sum())
    if wrong < ROWS_MIN:
        raise UserError(f"scenarios: {wrong} cells of them are phantom stock; {ROWS_MIN} are needed")
    show_cells(cells)
    return str(cells.to_csv(index=False))


def _of_all(
    scenarios: list[str], seeds: list[int], words: list[str], label: Callable[[Experiment], pd.DataFrame]
) -> pd.DataFrame:
    """The labelled rows of every scenario and seed."""
    import pandas as pd

    from scenarios.compose import compose
    from scenarios.progress import bar

    # All are composed before the first runs: a key that cannot be meant is known at once.
    runs = [compose([f"scenario={name}", f"seed={seed}", *words]) for name in scenarios for seed in seeds]
    tables = []
    with bar() as progress:
        for done, experiment in enumerate(runs):
            progress(done / len(runs), f"{done + 1} of {len(runs)} runs, seed {experiment.seed}")
            tables.append(label(experiment))
    return pd.concat(tables, ignore_index=True)


def show_cells(cells: pd.DataFrame) -> None:
    """Print what the table holds."""
    from detection.detectors.boosted import LABEL, WEIGHT

    share = float((cells[LABEL] * cells[WEIGHT]).sum() / cells[WEIGHT].sum())
    wrong = int(cells[LABEL].sum())
    console().print(f"{len(cells):,} cells, {wrong:,} of them phantom stock ({share:.1%} of those they stand for)")


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


def _free(text: str | None, ending: str, stem: str, packaged: str) -> Path:
    """Where the version goes; a version is never written over."""
    from importlib.resources import files

    if text is None:
        package, _, folder = packaged.partition("/")
        number = 1 + sum(entry.name.endswith(ending) for entry in (files(package) / folder).iterdir())
        while (path := Path("outputs") / f"{stem}-{number}{ending}").exists():
            number += 1
        return path
    path = Path(text)
    if path.suffix != ending:
        raise UserError(f"out={text}: must end in {ending}")
    if path.exists():
        raise UserError(f"out={text}: is there already; a version is never written over")
    return path
