"""The page people look at: one self-contained HTML file per package, and an index."""
