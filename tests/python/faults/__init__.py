"""Crash harness: the real `publish` is killed everywhere, then judged by its traces.

    make faults                      # every cell, and 200 random moments; a table
    python -m faults --sample        # what CI runs (from tests/python)

`ground` prepares one project and copies it for each cell, `cells` lists what is done to
its deliveries, `checker` judges, from the partner's folder, the server's log and the
ledger; it knows nothing of our code.
"""
