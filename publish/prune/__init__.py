"""Letting go of what is old: landed files, states, and the tables of packages.

The proof stays: of a package its manifest, its sums and signature, its verdict, the
contract and the receipt, so that the chain is whole and SQL still knows every run.
What goes are the tables, and with them the means to make the run again. Never goes
what a partner holds, what is in doubt, held or newest, and what a whole package needs.
"""
