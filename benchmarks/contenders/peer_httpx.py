"""httpx, page after page over one connection: into dictionaries, and into pydantic models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import cache

import httpx  # pyright: ignore[reportMissingImports]
from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from benchmarks.job import IDS_A_REQUEST, Job, Watch


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Address(_Model):
    street: str
    unit: str | None
    city: str
    state: str
    zip: str
    country: str
    latitude: float | None
    longitude: float | None


class CustomField(_Model):
    type_id: int
    name: str
    value: str


class ExternalData(_Model):
    key: str
    value: str


class Customer(_Model):
    id: int
    active: bool
    name: str
    type: str
    address: Address
    custom_fields: list[CustomField]
    balance: Decimal
    tax_exempt: bool
    tag_type_ids: list[int]
    do_not_mail: bool
    do_not_service: bool
    national_account: bool
    created_on: datetime
    created_by_id: int
    modified_on: datetime
    merged_to_id: int | None
    payment_term_id: int | None
    credit_limit: Decimal | None
    credit_limit_balance: Decimal | None
    external_data: list[ExternalData]


class Page(_Model):
    page: int
    page_size: int
    has_more: bool
    total_count: int | None
    data: list[Customer]


def pages_as_json(job: Job, watch: Watch) -> int:
    def take(body: bytes) -> tuple[int, bool]:
        page = json.loads(body)
        return len(page["data"]), page["hasMore"]

    return _pages(job, take)


def pages_as_models(job: Job, watch: Watch) -> int:
    return _pages(job, _page_of_models)


def calls_as_models(job: Job, watch: Watch) -> int:
    read = TypeAdapter(Customer).validate_json
    with _opened(job) as client:
        found = [read(client.get(f"{job.path}/{number}").content).id == number for number in job.ids]
    return sum(found)


def by_ids_as_models(job: Job, watch: Watch) -> int:
    got = 0
    with _opened(job) as client:
        for start in job.ids[::IDS_A_REQUEST]:
            wanted = range(start, min(start + IDS_A_REQUEST, job.ids.stop))
            answer = client.get(job.path, params={"ids": ",".join(map(str, wanted)), "active": "Any"})
            got += _page_of_models(answer.content)[0]
    return got


def first_record(job: Job, watch: Watch) -> int:
    with _opened(job) as client:
        return _page_of_models(client.get(job.path, params={"active": "Any", "pageSize": 1}).content)[0]


def _pages(job: Job, take: Callable[[bytes], tuple[int, bool]]) -> int:
    got, number, more = 0, 0, True
    with _opened(job) as client:
        while more:
            number += 1
            query: dict[str, str | int] = {"active": "Any", "pageSize": job.page_size, "page": number}
            count, more = take(client.get(job.path, params=query).raise_for_status().content)
            got += count
    return got


@cache
def _models() -> TypeAdapter[Page]:
    return TypeAdapter(Page)


def _page_of_models(body: bytes) -> tuple[int, bool]:
    page = _models().validate_json(body)
    return len(page.data), page.has_more


@contextmanager
def _opened(job: Job) -> Iterator[httpx.Client]:
    env = job.environ
    with httpx.Client(base_url=job.url, timeout=60) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": env["SERVICETITAN_CLIENT_ID"],
            "client_secret": env["SERVICETITAN_CLIENT_SECRET"],
        }
        token = client.post(env["SERVICETITAN_AUTH_URL"], data=form).json()["access_token"]
        client.headers.update({"Authorization": f"Bearer {token}", "ST-App-Key": env["SERVICETITAN_APP_KEY"]})
        yield client
