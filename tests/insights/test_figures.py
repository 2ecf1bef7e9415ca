"""Figures of mirrors made by hand: what counts as what, the same for every kind of mirror."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from insights_kit import NOW, STAMP, at, figures_of, fill, ledger_of, record

from servicetitan_crm_async import ConfigError, SyncError
from servicetitan_crm_async.insights import gather
from servicetitan_crm_async.insights.figures import Count, Figures, Gap
from servicetitan_crm_async.sync import Batch, LastError, OddRecord, Record, open_destination

PLACES = ("duckdb:crm.duckdb", "ndjson:out", "sqlite:crm.db")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lead(id: int, status: str | None, days: float) -> dict[str, object]:
    made = (NOW - timedelta(days=days)).isoformat()
    return record(id, status=status, createdOn=made, modifiedOn=made)


def contact(id: int, owner: int, kind: str, value: str, **fields: object) -> dict[str, object]:
    return record(id, customerId=owner, type=kind, value=value, **fields)


SMALL = {
    "customers": [
        record(1, name="Ann", address=at(43.6, -116.2, street="12 North Main St.")),
        record(2, name="Bob", address=at(None, None, street="12 N Main Street")),
        record(3, name="Cyd", active=False, address=at(None, None, street="12 N. Main St")),
    ],
    "customer_contacts": [
        contact(10, 1, "MobilePhone", "(208) 555-0101"),
        contact(11, 2, "Phone", "+1 208 555 0101 ext. 4"),
        contact(12, 3, "Phone", "2085550101"),
        contact(13, 1, "Email", "ann@example.com"),
        contact(14, 2, "Email", "gone@example.com", active=False),
    ],
    "locations": [
        record(20, customerId=1, address=at(43.60, -116.20)),
        record(21, customerId=1, address=at(43.62, -116.21)),
        record(22, customerId=2, address=at(0.0, 0.0)),
        record(23, customerId=2, address=at(None, None)),
        record(24, customerId=2, active=False, address=at(43.6, -116.2)),
    ],
    "leads": [lead(30, "Open", 0.5), lead(31, "Open", 40), lead(32, "Converted", 3)],
    "bookings": [record(40, status="New"), record(41, status="New"), record(42, status="Dismissed")],
    "tag_types": [],
}


@pytest.mark.parametrize("place", PLACES)
async def test_every_kind_of_mirror_gives_these_figures(place: str) -> None:
    """Each expected one is counted by hand from the records above."""
    await fill(place, SMALL)
    found = await figures_of(place)
    assert [(each.entity, each.held, each.inactive) for each in found.freshness] == [
        ("customers", 3, 1), ("customer_contacts", 5, 1), ("locations", 5, 1), ("leads", 3, 0),
        ("bookings", 3, 0), ("tag_types", 0, 0),
    ]  # fmt: skip
    assert {each.age_seconds for each in found.freshness} == {60.0}
    assert found.freshness[0].last_modified == STAMP
    assert found.freshness[-1].last_modified is None
    assert found.leads is not None
    assert found.leads.by_status == (Count("Open", 2), Count("Converted", 1))
    assert [each.number for each in found.leads.open_by_age] == [1, 0, 0, 1, 0, 0]
    assert found.leads.median_days == pytest.approx(20.25)
    assert found.leads.oldest_days == pytest.approx(40)
    assert found.bookings == (Count("New", 2), Count("Dismissed", 1))
    assert found.gaps == (
        Gap(entity="customers", lacking="a telephone number", number=0, total=2),
        Gap(entity="customers", lacking="an e-mail address", number=1, total=2),
        Gap(entity="customers", lacking="coordinates", number=1, total=2),
        Gap(entity="locations", lacking="coordinates", number=1, total=4),
    )
    by_phone, by_address, of_locations = found.likenesses
    assert (by_phone.groups, by_phone.records, by_phone.first) == (1, 2, ((1, 2),))
    assert (by_address.groups, by_address.records, by_address.first) == (1, 2, ((1, 2),))
    assert (of_locations.groups, of_locations.records, of_locations.first) == (0, 0, ())
    assert found.atlas is not None
    assert (found.atlas.shown, found.atlas.missing, found.atlas.at_zero) == (2, 1, 1)
    assert found.not_mirrored == ("location_contacts",)


async def test_an_older_version_of_a_record_counts_no_more() -> None:
    """In a folder of lines both versions are there; the last line of an id is the record."""
    await fill("ndjson:out", {"bookings": [record(1, status="New")]})
    later = record(1, status="Converted", modifiedOn="2026-06-02T08:00:00Z")
    await fill("ndjson:out", {"bookings": [later]})
    assert (await figures_of("ndjson:out")).bookings == (Count("Converted", 1),)


@pytest.mark.parametrize("place", PLACES)
async def test_records_of_strange_shapes_are_counted_and_break_nothing(place: str) -> None:
    """A field of another type, an instant that is none, a line end between tokens, a separator in a text."""
    odd = [
        b'{"id": 1,\n "status": "Open", "createdOn": "yesterday", "modifiedOn": "2026-06-01T08:00:00Z"}',
        b'{"id": 2, "status": null, "createdOn": 5, "address": "none", "active": null}',
        b'{"id": 3, "status": "Open", "summary": "a\\u001eb", "createdOn": "2026-06-14T12:00:00.1234567Z"}',
    ]
    records = [Record(number, None, 0, None, raw) for number, raw in enumerate(odd, 1)]
    async with open_destination(place) as mirror:
        await mirror.commit(Batch(7, "leads", records, ledger_of("leads")))
    found = await figures_of(place)
    assert found.leads is not None
    assert found.leads.by_status == (Count("Open", 2), Count("not said", 1))
    assert sum(each.number for each in found.leads.open_by_age) == 1
    assert found.timeline is not None
    assert found.timeline.entities[0].created_elsewhere == 2


async def test_an_empty_mirror_has_no_figures_where_there_is_nothing_to_count() -> None:
    await fill("sqlite:crm.db", {"leads": [], "bookings": [], "locations": []})
    found = await figures_of("sqlite:crm.db")
    assert found.timeline is None
    assert found.leads is not None
    assert (found.leads.by_status, found.leads.median_days, found.leads.oldest_days) == ((), None, None)
    assert {each.number for each in found.leads.open_by_age} == {0}
    assert found.bookings == ()
    assert found.atlas is not None
    assert found.atlas.areas == ()
    assert found.history == ()


@pytest.mark.parametrize(
    ("days", "unit", "first"),
    [(10, "day", date(2026, 6, 5)), (200, "week", date(2025, 11, 24)), (1000, "month", date(2023, 9, 1))],
)
async def test_the_periods_suit_the_span_and_each_record_is_in_one(days: int, unit: str, first: date) -> None:
    """The last period is the one of now; the first the one of the oldest record."""
    ages = [0, 1, days // 2, days]
    await fill("sqlite:crm.db", {"leads": [lead(number, "Open", age) for number, age in enumerate(ages, 1)]})
    timeline = (await figures_of("sqlite:crm.db")).timeline
    assert timeline is not None
    assert (timeline.unit, timeline.starts[0]) == (unit, first)
    (leads,) = timeline.entities
    assert sum(leads.created) == len(ages)
    assert leads.created[0] == 1
    assert leads.created[-1] >= 1
    assert (leads.created_elsewhere, leads.modified_elsewhere) == (0, 0)
    assert timeline.starts[-1] <= NOW.date()


async def test_dates_far_away_and_in_the_future_are_counted_apart() -> None:
    """One record of the year 1 would else make sixty thousand periods of nothing."""
    made = ["0001-01-01T00:00:00Z", "2010-05-05T00:00:00Z", "2027-01-01T00:00:00Z", STAMP]
    records = [record(number, createdOn=stamp) for number, stamp in enumerate(made, 1)]
    await fill("sqlite:crm.db", {"customers": records})
    timeline = (await figures_of("sqlite:crm.db")).timeline
    assert timeline is not None
    assert timeline.starts[0] == date(2026, 6, 1)
    assert (sum(timeline.entities[0].created), timeline.entities[0].created_elsewhere) == (1, 3)


async def test_on_the_29th_of_february_five_years_back_is_a_date_too() -> None:
    await fill("sqlite:crm.db", {"customers": [record(1, createdOn="2024-02-01T00:00:00Z")]})
    found = await figures_of("sqlite:crm.db", now=datetime(2028, 2, 29, tzinfo=UTC))
    assert found.timeline is not None
    assert found.timeline.starts[0] == date(2024, 2, 1)


async def test_a_group_of_many_tells_its_size_and_its_first_ids() -> None:
    """A number that a hundred share is a placeholder; the largest groups come first."""
    customers = [record(number, address=at(None, None)) for number in range(1, 111)]
    numbers = ["000-000-0000"] * 100 + ["208 555 0101"] * 2 + [f"208 555 010{each}" for each in range(2, 10)]
    contacts = [contact(1000 + each, each, "Phone", number) for each, number in enumerate(numbers, 1)]
    await fill("sqlite:crm.db", {"customers": customers, "customer_contacts": contacts})
    by_phone = (await figures_of("sqlite:crm.db")).likenesses[0]
    assert (by_phone.groups, by_phone.records, by_phone.sizes) == (2, 102, (100, 2))
    assert by_phone.first == (tuple(range(1, 9)), (101, 102))


async def test_one_of_several_tenants_is_chosen_and_the_others_stay_out() -> None:
    """Where none was named, the error says which there are."""
    for tenant, status in ((7, "New"), (30, "Dismissed")):
        await fill("duckdb:crm.duckdb", {"bookings": [record(1, status=status)]}, tenant=tenant)
    assert (await figures_of("duckdb:crm.duckdb", tenant=30)).bookings == (Count("Dismissed", 1),)
    for asked in (None, 8):
        with pytest.raises(ConfigError, match="7, 30"):
            await figures_of("duckdb:crm.duckdb", tenant=asked)


async def test_what_is_set_aside_and_what_failed_is_told() -> None:
    failed = ledger_of("leads", guarantee="none", watermark=None, error=LastError(STAMP, "403 Forbidden"))
    odd = OddRecord(key="id:5", id=5, reason="modifiedOn is missing", seen=STAMP, raw="{}")
    async with open_destination("sqlite:crm.db") as mirror:
        await mirror.commit(Batch(7, "leads", (), failed, odd=(odd,)))
    (leads,) = (await figures_of("sqlite:crm.db")).freshness
    assert (leads.quarantined, leads.error, leads.watermark, leads.age_seconds) == (
        1, "403 Forbidden", None, None,
    )  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
async def test_looking_changes_no_byte_and_leaves_no_file_behind(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither beside the mirror nor where temporary files are."""
    rooms = tmp_path / "temporary"
    rooms.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rooms))
    await fill(place, SMALL)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    await figures_of(place)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert list(rooms.iterdir()) == []


async def test_cancelled_it_stops_and_cleans_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the middle of a query: the thread has ended when the caller goes on."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    customers = [record(number, address=at(1, 1, street=f"{number} Elm St")) for number in range(3000)]
    await fill("sqlite:crm.db", {"customers": customers})
    async with open_destination("sqlite:crm.db", read_only=True) as mirror:
        task = asyncio.create_task(gather(mirror, "sqlite:crm.db", now=NOW))
        while not list((tmp_path / "temporary").glob("*/facts.duckdb")):
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert list((tmp_path / "temporary").iterdir()) == []


async def test_a_mirror_that_breaks_underneath_is_an_error_that_says_so() -> None:
    await fill("ndjson:out", {"leads": [lead(1, "Open", 1)]})
    async with open_destination("ndjson:out", read_only=True) as mirror:
        Path("out/7/leads/000001.ndjson").unlink()
        with pytest.raises(SyncError, match="000001"):
            await gather(mirror, "ndjson:out", now=NOW)


def test_figures_go_to_json_and_back() -> None:
    """So that a program may keep them."""
    empty = Figures(
        location="crm.db", tenant=7, as_of=NOW, freshness=(), timeline=None, leads=None, bookings=None,
        atlas=None, gaps=(), likenesses=(), not_mirrored=("leads",), history=(),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(empty), type=Figures) == empty
