"""Run the cells several at a time, and print a table of what became of them."""

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from faults import cells
from faults.runner import Result, results


def table(done: Sequence[Result]) -> str:
    """Write cells by partner and fault: how many, how they ended, what was wrong."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in done:
        how = result.cell.how
        if how == "random":
            how += f" {result.cell.point}"
        groups[result.cell.place, how].append(result)
    lines = ["| partner | fault | cells | hold | skipped | first run ended with |"]
    lines.append("|---|---|---|---|---|---|")
    for (place, how), group in sorted(groups.items()):
        held = sum(not r.wrong and not r.skipped for r in group)
        skipped = sum(bool(r.skipped) for r in group)
        codes = Counter(r.codes[0] for r in group if r.codes)
        ends = ", ".join(f"{code} x{n}" for code, n in sorted(codes.items()))
        lines.append(
            f"| {place} | {how} | {len(group)} | {held} | {skipped} | {ends} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run what the command line asks for; exit 1 if any cell does not hold."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--random", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1)
    )
    parser.add_argument("--sample", action="store_true", help="what CI runs")
    parser.add_argument("--only", default="", help="cells whose name holds this")
    given = parser.parse_args()
    chosen = cells.sample() if given.sample else cells.declared()
    if not given.sample:
        chosen += cells.at_random(given.random, given.seed)
    chosen = [cell for cell in chosen if given.only in str(cell)]
    began, done = time.monotonic(), []
    for result in results(chosen, min(given.workers, len(chosen))):
        done.append(result)
        fate = "skipped" if result.skipped else "FAILS" if result.wrong else "holds"
        sys.stdout.write(
            f"{fate:8}{result.cell} {result.codes} {result.seconds:.1f} s\n"
        )
        for line in (*result.wrong, result.output if result.wrong else ""):
            sys.stdout.write(f"        {line}\n" if line else "")
        sys.stdout.flush()
    bad = [result for result in done if result.wrong]
    sys.stdout.write(f"\n{table(done)}\n\n{len(done)} cells, {len(bad)} do not hold, ")
    sys.stdout.write(f"seed {given.seed}, {time.monotonic() - began:.0f} s\n")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
