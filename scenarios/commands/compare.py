"""``stocktwin compare``: two runs on the same seeds."""

from __future__ import annotations

from scenarios.commands.output import console, options
from scenarios.errors import UserError

HELP = """\
usage: stocktwin compare A B [--json]

Compares two run folders, or two folders of a benchmark, on the seeds that both have. FOLDER:ENTRANT
is one entrant of a benchmark. For each measure: A, B, the difference with its 95% interval (paired t),
Wilcoxon's p adjusted by Holm over the measures that can be better or worse, the probability that
the two are practically equal (their difference is within the usual margin of the measure), and a
verdict in words; then where the difference comes from, by type of exception and by kind of location.

Fewer than 30 pairs of seeds make no claim (replications=30). What cannot be compared is refused:
another scenario, a chain of another size or length, no seed in common. Other keys that differ, seeds
without a pair and worlds that were not the same are told.
"""


def main(words: list[str]) -> int:
    """Compare two runs."""
    plain, given = options("compare", words, flags=("--json",))
    if len(plain) != 2:
        raise UserError(f"compare: takes two runs, got {len(plain)}; usage: stocktwin compare A B")
    from scenarios.compare import compare
    from scenarios.compare_view import as_json, show

    comparison = compare(plain[0], plain[1])
    if "--json" in given:
        print(as_json(comparison), end="")
    else:
        show(comparison, plain[0], plain[1], console())
    return 0
