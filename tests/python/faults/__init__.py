"""Crash harness: it kills the real `publish` everywhere, then checks what is left.

    make faults                      # every cell, and 200 random moments; a table
    python -m faults --sample        # what CI runs (from tests/python)

A cell is one fault at one moment at one kind of partner. `cells` lists them, `prepared`
makes one project and copies it for each cell, `runner` runs a cell, `checker` checks
the partner's folder, the server's log and the ledger, and imports nothing of ours.
"""
