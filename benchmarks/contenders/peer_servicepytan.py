"""servicepytan, the client for ServiceTitan on PyPI: synchronous, a token and a connection a request."""

from __future__ import annotations

from typing import cast

import servicepytan.auth  # pyright: ignore[reportMissingImports]
from servicepytan.requests import Endpoint  # pyright: ignore[reportMissingImports]

from benchmarks.job import IDS_A_REQUEST, Job, Watch

_get_auth_token = servicepytan.auth.get_auth_token


def pages(job: Job, watch: Watch) -> int:
    return len(_endpoint(job).get_all(query={"pageSize": str(job.page_size), "active": "Any"}))


def calls(job: Job, watch: Watch) -> int:
    endpoint = _endpoint(job)
    return sum([cast("int", endpoint.get_one(number)["id"]) == number for number in job.ids])


def by_ids(job: Job, watch: Watch) -> int:
    endpoint, got = _endpoint(job), 0
    for start in job.ids[::IDS_A_REQUEST]:
        wanted = range(start, min(start + IDS_A_REQUEST, job.ids.stop))
        got += len(endpoint.get_all(query={"ids": ",".join(map(str, wanted)), "active": "Any"}))
    return got


def first_record(job: Job, watch: Watch) -> int:
    return len(_endpoint(job).get_many(query={"pageSize": "1"})["data"])


def _endpoint(job: Job) -> Endpoint:
    env = job.environ
    connection = servicepytan.auth.servicepytan_connect(
        app_key=env["SERVICETITAN_APP_KEY"],
        tenant_id=env["SERVICETITAN_TENANT_ID"],
        client_id=env["SERVICETITAN_CLIENT_ID"],
        client_secret=env["SERVICETITAN_CLIENT_SECRET"],
    )
    # It knows the service's own hosts alone, and sends the token without the word before it.
    connection |= {"api_root": job.url, "auth_root": job.url}
    servicepytan.auth.get_auth_token = _bearer
    return Endpoint("crm", "customers", connection)


def _bearer(connection: dict[str, str]) -> str:
    return f"Bearer {_get_auth_token(connection)}"
