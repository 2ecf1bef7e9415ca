"""dlt's source for REST services, told how ServiceTitan pages; its rows are dictionaries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from itertools import islice
from typing import cast

# It reads these when it is imported: no word to its makers, nothing left in a home folder.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("DLT_DATA_DIR", tempfile.mkdtemp())

from dlt.sources.rest_api import rest_api_source  # pyright: ignore[reportMissingImports]

from benchmarks.job import Job, Watch


def pages(job: Job, watch: Watch) -> int:
    return sum(1 for _ in _customers(job))


def first_record(job: Job, watch: Watch) -> int:
    return sum(1 for _ in islice(_customers(job), 1))


def _customers(job: Job) -> Iterable[object]:
    env = job.environ
    source = rest_api_source(
        {
            "client": {
                "base_url": job.url,
                "headers": {"ST-App-Key": env["SERVICETITAN_APP_KEY"]},
                "auth": {
                    "type": "oauth2_client_credentials",
                    "access_token_url": env["SERVICETITAN_AUTH_URL"],
                    "client_id": env["SERVICETITAN_CLIENT_ID"],
                    "client_secret": env["SERVICETITAN_CLIENT_SECRET"],
                },
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "page",
                    "total_path": None,
                    "has_more_path": "hasMore",
                },
            },
            "resources": [
                {
                    "name": "customers",
                    "endpoint": {
                        "path": job.path,
                        "params": {"pageSize": job.page_size, "active": "Any"},
                        "data_selector": "data",
                    },
                }
            ],
        }
    )
    return cast("Iterable[object]", source.resources["customers"])
