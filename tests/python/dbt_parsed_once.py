"""Parse a small project with dbt once, in the server that forks each run of dbt.

`commands` preloads it. The first parse of a process makes dbt's JSON schemas, and it
parses 700 macros of dbt's own; that takes more CPU than the rest of a parse. dbt caches
the schemas always, and the macros by its own switch for tests. The caches are by text,
so a run in a fork reads every file of its project anew.
"""

import gc
import os
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt_common.tests import enable_test_caching

# One of each kind that our project has. Its unit tests are left out: dbt finds their
# references by a library with threads, which no fork would have.
_FILES = {
    "dbt_project.yml": "{name: small, profile: small, seeds: {+enabled: true}}",
    "profiles.yml": "small: {target: dev, outputs: {dev: {type: duckdb}}}",
    "seeds/a_seed.csv": "a\n1\n",
    "macros/a_macro.sql": "{% macro a_macro() %}{{ return(1) }}{% endmacro %}",
    "models/a_model.sql": "{{ config(materialized='table') }} select a "
    "from {{ source('a_source', 'a_table') }} union all from {{ ref('a_seed') }}",
    "models/overview.md": "{% docs __overview__ %}A small project{% enddocs %}",
    "models/all.yml": """
sources: [{name: a_source, tables: [{name: a_table, columns: [{name: a}]}]}]
seeds: [{name: a_seed, columns: [{name: a, data_tests: [unique]}]}]
macros: [{name: a_macro, description: It is one.}]
models:
  - name: a_model
    config: {contract: {enforced: true}, meta: {key: [a]}}
    columns: [{name: a, data_type: bigint, constraints: [{type: not_null}],
               data_tests: [{not_null: {name: a_is_there}}]}]
exposures: [{name: a_file, type: application, owner: {name: us},
             depends_on: [ref('a_model')], config: {meta: {file: a.csv}}}]
""",
    "tests/a_test.sql": "select 1 from {{ ref('a_model') }} where a is null",
}


def _parse() -> None:
    enable_test_caching()
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in _FILES.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        os.environ |= {"DBT_TARGET_PATH": folder, "DBT_LOG_PATH": folder}
        words = ("--quiet", "--log-level-file", "none", "--no-static-parser")
        places = ("--project-dir", folder, "--profiles-dir", folder)
        parsed = dbtRunner().invoke([*words, "parse", *places])
        assert parsed.success, parsed.exception
    os.environ.clear()
    os.environ.update(before)
    gc.freeze()


_parse()
