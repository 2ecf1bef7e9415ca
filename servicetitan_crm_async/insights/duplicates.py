"""Records that may be one and the same; a person has to decide.

Compared as the flows compare before they create something: telephone numbers by the digits that are
dialled, addresses by street, unit and zip (the city where there is no zip) in any of their spellings. An
address with a unit is another one than the same without.
"""

from __future__ import annotations

from collections.abc import Collection

from servicetitan_crm_async.insights.facts import Facts
from servicetitan_crm_async.insights.figures import Likeness

GROUPS = 10
"""Of each kind, for a page that a person reads."""
IDS = 8
"""Of each group: a number that hundreds share is a placeholder, and no one compares those by hand."""

_BY_PHONE = """
select customers.id as id, phone_key(contacts.value) as shared
from customer_contacts as contacts join customers on customers.id = contacts.owner
where customers.active and contacts.active and contacts.kind in ('Phone', 'MobilePhone')"""
_PARTS = ", ".join(f"coalesce({part}, '') as {part}" for part in ("street", "unit", "city", "zip"))
# Most customers have their own address for a location, and the key is by far the dearest part of it all.
_PLACES = f"""
create or replace temp table places as
select *, place_key(street, unit, city, zip) as shared from (
    select {_PARTS} from customers where active union select {_PARTS} from locations where active
)"""  # noqa: S608  # names of ours
_BY_ADDRESS = f"""
select id, shared from (select id, {_PARTS} from {{entity}} where active)
join places using (street, unit, city, zip)"""  # noqa: S608
# One customer may have a number twice, and it is no duplicate of itself.
_ALIKE = """
create or replace temp table alike as
select list_sort(list(distinct id)) as ids from ({keyed}) where shared <> ''
group by shared having count(distinct id) > 1"""


def likenesses(facts: Facts, mirrored: Collection[str]) -> tuple[Likeness, ...]:
    """Customers with the same number, customers and locations with the same address."""
    facts.rows(_PLACES)
    kinds = (
        ("customers", "telephone number", _BY_PHONE, {"customers", "customer_contacts"}),
        ("customers", "address", _BY_ADDRESS.format(entity="customers"), {"customers"}),
        ("locations", "address", _BY_ADDRESS.format(entity="locations"), {"locations"}),
    )
    return tuple(
        _likeness(facts, entity, shared, keyed)
        for entity, shared, keyed, needed in kinds
        if needed <= set(mirrored)
    )


def _likeness(facts: Facts, entity: str, shared: str, keyed: str) -> Likeness:
    facts.rows(_ALIKE.format(keyed=keyed))
    ((groups, records),) = facts.rows("select count(*), coalesce(sum(len(ids)), 0) from alike")
    largest = facts.rows(
        "select len(ids), ids[:?] from alike order by len(ids) desc, ids[1] limit ?", (IDS, GROUPS)
    )
    return Likeness(
        entity=entity,
        shared=shared,
        groups=int(groups),
        records=int(records),
        first=tuple(tuple(ids) for _, ids in largest),
        sizes=tuple(int(size) for size, _ in largest),
    )
