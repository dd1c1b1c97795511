"""The benchmark audits itself: each known flaw of public benchmarks, measured on this one, beside a limit.

``line`` says what a row of the answer is, ``settings`` what is measured on which worlds, ``audit`` measures. The
rows: ``one_liners`` (triviality), ``frequency`` (density, position in time), ``leave_one_out`` (wrong labels),
``knowing`` (positions, shuffled truth, detectability), ``clues`` and ``spying`` (leakage). A row outside its limit
is a finding about the benchmark; it is told, and nothing is tuned until it goes away.
"""
