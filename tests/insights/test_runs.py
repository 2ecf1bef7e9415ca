"""What the ledgers' histories say of syncs, put together from the runs of their entities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from insights_kit import ledger_of

from servicetitan_crm_async._core.clock import ticks_of, to_text
from servicetitan_crm_async.insights.runs import age, history, last_run
from servicetitan_crm_async.sync import FinishedRun, Ledger

START = datetime(2026, 6, 1, 3, tzinfo=UTC)


def run(at: float, seconds: float | None, *, records: int = 10, retries: int | None = 0) -> FinishedRun:
    """One that began so many seconds after `START`; without seconds, as an older version wrote it."""
    return FinishedRun(
        since=None,
        until=None,
        ended=to_text(ticks_of(START + timedelta(seconds=at + (seconds or 0)))),
        strategy="windows",
        guarantee="exact",
        records=records,
        requests=2,
        retries=retries,
        throttled=None if retries is None else 0,
        seconds=seconds,
    )


def ledger(entity: str, *runs: FinishedRun, forgotten: int = 0) -> Ledger:
    return ledger_of(entity, history=runs, runs=len(runs) + forgotten)


def test_runs_that_overlap_are_one_sync_and_its_time_is_not_counted_twice() -> None:
    """Entities take turns: leads end early, customers late, and the contacts bridge both."""
    night = history(
        [
            ledger("leads", run(0, 2), run(3600, 1)),
            ledger("customers", run(1, 9, records=90, retries=3), run(3600, 2)),
        ]
    )
    assert [(each.entities, each.records, each.requests, each.seconds) for each in night] == [
        (2, 100, 4, 10.0),
        (2, 20, 4, 2.0),
    ]
    assert [each.retries for each in night] == [3, 0]
    assert night[0].pace == 10.0


def test_what_an_older_version_did_not_count_stays_unknown() -> None:
    """Unknown is not zero, and there is no pace without a time."""
    (one,) = history([ledger("leads", run(0, None, retries=None))])
    assert (one.records, one.seconds, one.retries, one.throttled, one.pace) == (10, None, None, None, None)


def test_syncs_that_some_ledger_has_forgotten_are_left_out() -> None:
    """Tag types ran every night with the others; only the last run of customers is remembered."""
    found = history(
        [
            ledger("tag_types", *(run(3600 * hour, 1) for hour in range(4))),
            ledger("customers", run(3600 * 3, 1), forgotten=3),
        ]
    )
    assert [each.entities for each in found] == [2]


def test_an_entity_that_never_ran_to_its_end_hides_no_history_of_the_others() -> None:
    found = history([ledger("leads"), ledger("customers", run(0, 1))])
    assert [each.entities for each in found] == [1]
    assert last_run(ledger("leads")) is None
    assert last_run(ledger("customers", run(0, 1))) == "2026-06-01T03:00:01.0000000Z"


def test_a_watermark_ahead_of_the_clock_has_no_negative_age() -> None:
    assert age("2026-06-01T03:00:10.0000000Z", START) == 0
    assert age("2026-06-01T02:59:50.0000000Z", START) == 10
    assert age(None, START) is None
