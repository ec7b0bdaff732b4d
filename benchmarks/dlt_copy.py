"""Copy Order Time to Parquet with dlt, by its defaults:

    python benchmarks/dlt_copy.py FOLDER

Needs dlt[parquet], and nothing of this project. The variables are those of `extract`.
"""

import os
import sys

import dlt
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source

# name: record type.
_LISTS = {
    "locations": 150,
    "item_groups": 180,
    "manufacturers": 220,
    "part_items": 101,
    "stock_by_location": 1112,
}


def copy(folder: str) -> None:
    """Copy every list into a folder."""
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["ORDERTIME_CA_FILE"]
    headers = {
        "apiKey": os.environ["ORDERTIME_API_KEY"],
        "email": os.environ["ORDERTIME_EMAIL"],
        "password": os.environ["ORDERTIME_PASSWORD"],
    }
    source = rest_api_source(
        {
            "client": {"base_url": os.environ["ORDERTIME_URL"], "headers": headers},
            "resources": [_list(name, type_) for name, type_ in _LISTS.items()],
        }
    )
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=f"{folder}/state",
        destination=dlt.destinations.filesystem(f"file://{folder}/data"),
        dataset_name="ordertime",
    )
    pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()


def _list(name: str, type_: int) -> dict[str, object]:
    return {
        "name": name,
        "endpoint": {
            "path": "list",
            "method": "POST",
            "json": {"Type": type_, "PageNumber": 1, "NumberOfRecords": 1000},
            "data_selector": "$",
            "paginator": PageNumberPaginator(
                base_page=1,
                page_param=None,
                page_body_path="PageNumber",
                total_path=None,
            ),
        },
    }


if __name__ == "__main__":
    copy(sys.argv[1])
