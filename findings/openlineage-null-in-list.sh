#!/usr/bin/env bash
# Guess: the client of OpenLineage leaves out a property that has no value, and keeps a list as it
#   is. A value in a facet of one's own that JSON does not have is an error.
# Fact: openlineage-python 1.54.0 takes nulls out of lists too, and the values after them move: the
#   largest values of three columns, [5, null, 7], are [5, 7]. A Decimal is written as the text
#   "<<non-serializable: Decimal>>", without an error or a warning.
# Source: RFC 8259, section 5 (an array is an ordered sequence); OpenLineage's page "Facets &
#   Extensibility" (custom facets); openlineage/client/serde.py, Serde.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check openlineage-python==1.54.0
"$folder/env/bin/python" - <<'PY'
import json
import sys
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import attr
from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import DatasetFacet
from openlineage.client.serde import Serde

print("openlineage-python", version("openlineage-python"))


@attr.define
class RangesDatasetFacet(DatasetFacet):
    """The largest value of each column, in the order of the columns."""

    largest: list[Any] = attr.field(factory=list)
    total: Any = None


facet = RangesDatasetFacet(largest=[5, None, 7], total=Decimal("12.50"))
event = RunEvent(
    eventType=RunState.COMPLETE,
    eventTime="2026-01-31T10:00:00Z",
    producer="https://example.com/feeds",
    run=Run(runId="01941f29-7c00-7c00-8c00-000000000001"),
    job=Job(namespace="feeds", name="parts"),
    inputs=[InputDataset(namespace="file", name="stock.csv", facets={"ranges": facet})],
)
written = json.loads(Serde.to_json(event))["inputs"][0]["facets"]["ranges"]
shown = {name: value for name, value in written.items() if not name.startswith("_")}
print("given:  ", {"largest": facet.largest, "total": facet.total})
print("written:", shown)
surprise = shown == {"largest": [5, 7], "total": "<<non-serializable: Decimal>>"}
sys.exit(None if surprise else "the behaviour has changed")
PY
