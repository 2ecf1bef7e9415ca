"""`servicetitan-crm operations`: its options."""

from __future__ import annotations

import msgspec

from servicetitan_crm_async.cli.commands.flags import Flag
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.output import for_programs
from servicetitan_crm_async.contract import ContractName


def operations(*, contract: ContractName | None = None, json: Flag = False) -> int:
    """List every operation of the published contracts, and the method of the client for each.

    Example: `servicetitan-crm operations --contract portal --json`

    Args:
        contract: Of this contract alone.
        json: One JSON array even on a terminal; without a terminal it comes anyway.
    """
    from servicetitan_crm_async.cli.operations import listed

    rows = listed(contract)
    if for_programs(json):
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return Exit.DONE
    from servicetitan_crm_async.cli.catalogue import print_rows

    print_rows(rows)
    return Exit.DONE
