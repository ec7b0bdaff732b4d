"""A state machine over both feeds: nights, and what a reader must hold after each.

    make histories                   # 200 histories of ten nights, in an hour
    make year                        # 365 nights, by the clock of a place, in an hour
    pytest test_histories.py         # what CI runs

`source` is Order Time and the order tool, and every edit of them. `nights` lands the
source by `extract`'s own functions, executes what dbt compiled node by node, and runs
the command `publish`. `truth` says which rows are right; `reader` holds the rows of the
delivered files. Both import nothing of ours.

`right` says what must become of every file, `partners` follows the ledger and lets the
readers take files, `operations` has the steps of a night, and `events` what may become
of one. `machine` draws histories by Hypothesis, `year` draws one long history and
measures it.
"""
