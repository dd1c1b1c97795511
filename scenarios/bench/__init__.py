"""The benchmark: scenarios x entrants x seeds, each trial a process of its own, all of it resumable.

``suite`` says what is to be done, ``plan`` cuts it into trials with a key each, ``recording`` keeps what a
scenario and seed showed, ``trial`` carries one out, ``store`` keeps what is finished, ``thresholds`` freezes on
dev what is applied to the rest, ``campaign`` joins them.
"""
