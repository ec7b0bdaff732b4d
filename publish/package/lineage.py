"""openlineage.jsonl: the run as OpenLineage events, one a line, for a data catalogue.

Four jobs, each with its START and its end: the extract of each source, dbt's build,
the rendering of the file, the judging of it. As the rest of the package it reads no
clock: extract's and dbt's times are theirs, those of publish are the logical time. A
column of the file is the mart's column; how the mart's columns come from the sources
is SQL, which dbt's artifacts do not resolve to columns, so nothing is claimed of that.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from publish.gate.checks import Check, Gates
from store.feeds import Column, Feed
from store.feeds.artifacts import Artifacts
from store.sources import Source

NAME = "openlineage.jsonl"
_SPEC = "https://openlineage.io/spec/"
_EVENT = f"{_SPEC}2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "schema": "1-2-0/SchemaDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "nominalTime": "1-0-1/NominalTimeRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
}
_IDENTITY = [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """What the events tell of.

    Attributes:
        feed: the declaration.
        artifacts: dbt's.
        landed: the sources below the file.
        run: `run` of the manifest.
        file: name, bytes, rows and sha256 of the file.
        mart_rows: of the mart, all split values together.
        gates: what was asked of the file.
        failed: whether a closed check holds it that nobody released.
    """

    feed: Feed
    artifacts: Artifacts
    landed: Sequence[Source]
    run: Mapping[str, Any]
    file: Mapping[str, Any]
    mart_rows: int
    gates: Gates
    failed: bool

    @property
    def producer(self) -> str:
        """Name the code that made the events, as a URI."""
        return f"urn:partner-feeds:{self.run['code_commit'] or 'unknown'}"

    def facet(self, kind: str, **fields: Any) -> Json:
        """Return one facet under its name."""
        definition = _FACETS[kind].partition("/")[2]
        address = f"{_SPEC}facets/{_FACETS[kind]}.json#/$defs/{definition}"
        return {kind: {"_producer": self.producer, "_schemaURL": address, **fields}}


def text(story: Story) -> bytes:
    """Return the events, one JSON object a line: same run, same bytes."""
    return "".join(
        json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        + "\n"
        for event in events(story)
    ).encode()


def events(story: Story) -> Iterator[Json]:
    """Tell the run, in the order in which it went."""
    for source in story.landed:
        yield from _extract(story, source)
    yield from _build(story)
    yield from _render(story)
    yield from _judge(story)


def _extract(story: Story, source: Source) -> Iterator[Json]:
    landed = source.landed
    ended = landed.get("finished_at")
    if not ended:
        return  # extract.json could not be read, and a gate says so
    good = landed.get("status") == "complete"
    yield from _run(
        story, f"extract.{source.name}", str(landed.get("run_id")),
        (landed.get("started_at") or ended, ended), "COMPLETE" if good else "FAIL",
        {}, ("PARTNER_FEEDS", "COMMAND"), [], _landed(story, source),
    )  # fmt: skip


def _landed(story: Story, source: Source) -> list[Json]:
    """Return the Parquet files of a source, with rows, bytes and version."""
    found = []
    for name, entity in sorted(source.landed.get("entities", {}).items()):
        counted = {"rowCount": entity.get("rows"), "size": entity.get("bytes")}
        known = {field: value for field, value in counted.items() if value is not None}
        dataset = _dataset("landing", f"{source.name}.{name}")
        if entity.get("sha256"):
            dataset["facets"] = story.facet(
                "version", datasetVersion=f"sha256:{entity['sha256']}"
            )
        dataset["outputFacets"] = story.facet("outputStatistics", **known)
        found.append(dataset)
    return found


def _build(story: Story) -> Iterator[Json]:
    results = story.artifacts.results
    metadata = results["metadata"]
    ended = metadata.get("generated_at")
    if not ended:
        return
    started = min(
        (
            step["started_at"]
            for result in results["results"]
            for step in result.get("timing", ())
            if step.get("started_at")
        ),
        default=ended,
    )
    failed = any(r["status"] in ("error", "fail") for r in results["results"])
    inputs = [
        {key: value for key, value in dataset.items() if key != "outputFacets"}
        for source in story.landed
        for dataset in _landed(story, source)
    ]
    engine = story.facet(
        "processing_engine", name="dbt", version=str(metadata.get("dbt_version"))
    )
    mart = {
        **_mart(story),
        "outputFacets": story.facet("outputStatistics", rowCount=story.mart_rows),
    }
    yield from _run(
        story, f"dbt.build.{story.feed.model.model}",
        str(metadata.get("invocation_id")), (started, ended),
        "FAIL" if failed else "COMPLETE", engine, ("DBT", "JOB"), inputs, [mart],
    )  # fmt: skip


def _render(story: Story) -> Iterator[Json]:
    mart = _mart(story)
    lineage = {
        column.name: {
            "inputFields": [
                {
                    "namespace": mart["namespace"],
                    "name": mart["name"],
                    "field": column.name,
                    "transformations": _IDENTITY,
                }
            ]
        }
        for column in story.feed.columns
    }
    file = _file(story)
    file["facets"] |= story.facet("columnLineage", fields=lineage)
    file["outputFacets"] = story.facet(
        "outputStatistics",
        rowCount=story.file["rows"], size=story.file["bytes"], fileCount=1,
    )  # fmt: skip
    yield from _published(story, "render", "COMPLETE", [mart], [file])


def _judge(story: Story) -> Iterator[Json]:
    """The checks are facets of an input: the file is what was asked about."""
    file = _file(story)
    file["inputFacets"] = story.facet(
        "dataQualityAssertions",
        assertions=[_assertion(check) for check in story.gates.checks],
    )
    ended = "FAIL" if story.failed else "COMPLETE"
    yield from _published(story, "judge", ended, [file], [])


def _published(
    story: Story, step: str, ended: str, inputs: list[Json], outputs: list[Json]
) -> Iterator[Json]:
    at = story.run["logical_time"]
    facets = story.facet("nominalTime", nominalStartTime=at)
    yield from _run(
        story, f"publish.{story.feed.name}.{step}", story.run["run_id"], (at, at),
        ended, facets, ("PARTNER_FEEDS", "COMMAND"), inputs, outputs,
    )  # fmt: skip


def _run(
    story: Story,
    job: str,
    run: str,
    times: tuple[str, str],
    ended: str,
    facets: Json,
    kind: tuple[str, str],
    inputs: list[Json],
    outputs: list[Json],
) -> Iterator[Json]:
    """Tell the start and the end of one run of one job."""
    namespace = f"partner-feeds.{story.run['environment']}"
    label = f"{namespace}/{job}/{run}/{story.run['split'] or ''}"
    integration, type_ = kind
    about = {
        "producer": story.producer,
        "schemaURL": _EVENT,
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, label)), "facets": facets},
        "job": {
            "namespace": namespace,
            "name": job,
            "facets": story.facet(
                "jobType", processingType="BATCH", integration=integration,
                jobType=type_,
            ),
        },
    }  # fmt: skip
    yield {**about, "eventType": "START", "eventTime": times[0]}
    yield {
        **about,
        "eventType": ended,
        "eventTime": times[1],
        "inputs": inputs,
        "outputs": outputs,
    }


def _mart(story: Story) -> Json:
    model = story.feed.model
    dataset = _dataset("warehouse", f"{model.schema}.{model.name}")
    dataset["facets"] = _schema(story, story.feed.columns)
    return dataset


def _file(story: Story) -> Json:
    dataset = _dataset("outbox", f"{story.run['run_id']}/{story.file['name']}")
    dataset["facets"] = {
        **_schema(story, story.feed.columns),
        **story.facet("version", datasetVersion=f"sha256:{story.file['sha256']}"),
    }
    return dataset


def _schema(story: Story, columns: Sequence[Column]) -> Json:
    return story.facet(
        "schema",
        fields=[
            {
                "name": column.name,
                "type": column.type,
                "description": column.description,
                "ordinal_position": place,
            }
            for place, column in enumerate(columns, 1)
        ],
    )


def _dataset(namespace: str, name: str) -> Json:
    return {"namespace": namespace, "name": name}


def _assertion(check: Check) -> Json:
    told = {
        "assertion": check.gate,
        "name": check.id,
        "success": check.passed,
        "severity": "error",
        "description": check.says,
    }
    for field, value in (("expected", check.limit), ("actual", check.observed)):
        if value is not None:
            told[field] = value if isinstance(value, str) else json.dumps(
                value, default=str
            )  # fmt: skip
    return told
