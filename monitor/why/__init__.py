"""Why a row is in a file or is not: its source record, its rules, its past."""
