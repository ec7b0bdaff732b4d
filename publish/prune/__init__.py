"""Removes what is old: landed files, delivered states, and the tables of packages.

The proof of a package stays: manifest, sums, signature, gates, contract and receipt. So
the chain stays whole, and SQL still has every run. Without its tables, a run cannot be
made again. Prune never removes what a partner holds, a package that is held, in doubt
or the newest of its file, and what a whole package was made of. `publish` removes in
the same way the tables of a package that was not delivered, if the next one has the
same bytes.
"""
