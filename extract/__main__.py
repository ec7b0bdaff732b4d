"""The command line of extract."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

import click

from extract import contract, order_tool, ordertime
from extract.copying import Settings, copy
from extract.declared import copying as declared_copying
from extract.declared import declaration
from extract.entities import SOURCES, Entity
from extract.source import Source
from runtime import failpoints
from runtime.command import log_options, report, run, show_progress
from runtime.environment import Environment
from runtime.exits import Misuse
from runtime.lock import directory_lock
from runtime.log import start_logging

CONNECT: Mapping[str, Callable[[Environment], Source]] = {
    "ordertime": ordertime.connect,
    "order_tool": order_tool.connect,
}
# Bytes; with what malloc adds, below its maximum of 32 MiB.
_LARGEST_KEPT = 32 * 2**20 - 8192
# A source without this variable is not one of this company's.
CONFIGURED_BY = {"ordertime": "ORDERTIME_API_KEY", "order_tool": "ORDER_TOOL_URL"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[SOURCE|SOURCE.ENTITY]...")
@click.option(
    "--full", is_flag=True, help="Begin anew, even if an unfinished run could go on."
)
@click.option(
    "--dry-run", is_flag=True, help="Ask the source for its counts; land nothing."
)
@click.option(
    "--check",
    is_flag=True,
    help="Check what is landed, by whatever program: docs/landing.md.",
)
@log_options
def extract(
    names: tuple[str, ...],
    full: bool,
    dry_run: bool,
    check: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Copy sources to Parquet, complete or not at all.

    Without a name, every source that is configured is copied. A run that was
    interrupted goes on where it stopped and asks for no page twice. The last
    complete landing stays in place until the new one is complete; then all lists of
    a source change at once.

    SOURCE.ENTITY copies one list for inspection; dbt does not read it.

    \b
    extract                          every source that is configured
    extract ordertime                one source
    extract --dry-run                counts only
    extract ordertime.part_items     one list, for inspection
    extract --check                  is every landing as docs/landing.md says?

    \b
    Exit codes: 0 done, 1 refused (the data is not as agreed), 2 configuration,
    75 try later (source down, moving, or directory in use).
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    failpoints.arm(variables)
    settings = Settings.read(variables)
    if check:
        checked = [*_checked(names, settings)]
        report(
            {"status": "checked", "sources": checked},
            "\n".join(map(_as_landed, checked)),
            as_json,
        )
        return
    results = []
    for name, entities in _wanted(names, variables).items():
        if name not in SOURCES:
            results.append(
                _copy_declared(name, variables, settings, full, dry_run, quiet)
            )
            continue
        source = CONNECT[name](variables)
        if dry_run:
            results.append(_counts(source, entities))
            continue
        with directory_lock(settings.place.data, "extract", settings.wait_for_lock):
            results.append(copy(source, entities, settings, full, show_progress(quiet)))
    report(
        {"status": "dry-run" if dry_run else "done", "sources": results},
        "\n".join(_summary(result) for result in results),
        as_json,
    )


def _wanted(
    names: Sequence[str], variables: Environment
) -> dict[str, tuple[Entity, ...]]:
    """The entities asked for, by source; all of a source unless one is named."""
    if not names:
        names = [n for n, v in CONFIGURED_BY.items() if variables.optional(v)]
        names += declaration.declared()
        if not names:
            raise Misuse(
                f"no source is configured: set {' or '.join(CONFIGURED_BY.values())} "
                "and what goes with it (.env.example explains every variable), or "
                f"declare one in {declaration.FOLDER}."
            )
    known = {e.full_name: e for entities in SOURCES.values() for e in entities}
    wanted: dict[str, tuple[Entity, ...]] = {}
    for name in names:
        if name in SOURCES:
            wanted[name] = SOURCES[name]
        elif declaration.path_of(name).is_file():
            wanted[name] = ()
        elif name in known:
            entity = known[name]
            others = wanted.get(entity.source, ())
            wanted[entity.source] = (*(e for e in others if e != entity), entity)
        else:
            raise Misuse(
                f"no source or entity is called {name!r}. Known are "
                f"{', '.join([*SOURCES, *known, *declaration.declared()])}."
            )
    return wanted


def _checked(names: Sequence[str], settings: Settings) -> Iterator[dict[str, Any]]:
    """Check the landings of these sources, or of all that are landed."""
    landing = settings.place.landing
    for name in names or sorted(path.name for path in landing.glob("current/[!.]*")):
        yield contract.check(landing, name, settings.limits)


def _as_landed(result: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{rows:,} {name}" for name, rows in result["rows"].items())
    unproven = ", ".join(result["unproven"])
    return f"{result['source']}: {rows}; run {result['run_id']}" + (
        f"; nothing proves that {unproven} is complete, so that a file with "
        "source_complete is held"
        if unproven
        else ""
    )


def _copy_declared(
    name: str,
    variables: Environment,
    settings: Settings,
    full: bool,
    dry_run: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Copy a source of extract/sources, or ask it for its counts."""
    if dry_run:
        counts = declared_copying.counts(name, variables)
        return {"source": name, "dry_run": True, "counts": counts}
    with directory_lock(settings.place.data, "extract", settings.wait_for_lock):
        return declared_copying.copy(
            name, variables, settings, full, show_progress(quiet)
        )


def _counts(source: Source, entities: Sequence[Entity]) -> dict[str, Any]:
    counts = {entity.name: source.count(entity) for entity in entities}
    return {"source": source.name, "dry_run": True, "counts": counts}


def _summary(result: Mapping[str, Any]) -> str:
    if result.get("dry_run"):
        counts = ", ".join(
            f"{name} not counted" if number is None else f"{number:,} {name}"
            for name, number in result["counts"].items()
        )
        return f"{result['source']}: {counts} (dry run, nothing landed)"
    rows = ", ".join(f"{e['rows']:,} {name}" for name, e in result["entities"].items())
    current = (
        ""
        if result["status"] == "complete"
        else ", for inspection; dbt does not read it"
    )
    return (
        f"{result['source']}: {rows}; {result['pages']:,} pages, "
        f"{result['seconds']:.1f} s, {result['retries']} retries "
        f"-> {result['folder']}{current}"
    )


class _WithoutPandas(MetaPathFinder):
    """Keeps pyarrow from importing pandas where it is installed: 0.2 s of CPU."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _keep_memory() -> None:
    """Let glibc keep freed blocks of up to 32 MiB, for the next ones of that size.

    It gives each block back to the kernel at once that is larger than the largest which
    was freed before: mallopt(3), M_MMAP_THRESHOLD. To get pages of the source and their
    columns anew from the kernel took a quarter of the time of landing.
    """
    bytes(_LARGEST_KEPT)


def main() -> None:
    """Entry point of the console script."""
    sys.meta_path.insert(0, _WithoutPandas())
    _keep_memory()
    run(extract)


if __name__ == "__main__":
    main()
