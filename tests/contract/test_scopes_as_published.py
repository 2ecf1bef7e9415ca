"""The boxes that the doctor tells people to tick, against the groups of the published documents."""

from __future__ import annotations

import re

import pytest
from published_kit import Published, find, read_documents

from servicetitan_crm_async.cli.doctor.scopes import SCOPES, Scope
from servicetitan_crm_async.contract import operation

published = pytest.fixture(scope="module")(read_documents)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.entity)
def test_a_box_is_named_as_the_portal_groups_its_operation(published: Published, scope: Scope) -> None:
    """The module is the document's title, the group the operation's tag with its words apart."""
    document, definition = find(published, operation("portal", scope.operation))
    [tag] = definition["tags"]
    group = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tag)
    assert scope.box == f"{document.tree['info']['title']} > {group}"
