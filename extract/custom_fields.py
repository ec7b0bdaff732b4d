"""Which of a company's own fields become columns: read from dbt's source YAML.

A source column with `config.meta.custom_field` is filled from the custom field of
that caption, or else of that slot name. dbt and extract thus share one list.
"""

from pathlib import Path

import yaml

from runtime.exits import Misuse


def custom_fields(models: Path, source: str, entity: str) -> dict[str, str]:
    """Return column -> caption or slot name for one entity, in the YAML's order.

    Args:
        models: the dbt project's `models` folder.
        source: a source's name.
        entity: a table of that source.

    Raises:
        Misuse: the YAML is missing or not of dbt's form; names the file.
    """
    path = models / "staging" / source / f"_{source}__sources.yml"
    try:
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
        table = next(
            table
            for declared_source in declared["sources"]
            if declared_source["name"] == source
            for table in declared_source["tables"]
            if table["name"] == entity
        )
        columns = table.get("columns", [])
        return {
            column["name"]: column["config"]["meta"]["custom_field"]
            for column in columns
            if "custom_field" in column.get("config", {}).get("meta", {})
        }
    except FileNotFoundError:
        raise Misuse(
            f"{path} does not exist. Run from the project's root: that file says "
            "which custom fields become columns."
        ) from None
    except (KeyError, TypeError, StopIteration, yaml.YAMLError) as error:
        raise Misuse(
            f"{path}: expected the table {entity} of the source {source} in dbt's "
            f"form, found something else ({type(error).__name__}: {error})."
        ) from None
