"""`python -m servicetitan_crm_async` is the command `servicetitan-crm`."""

from servicetitan_crm_async.cli import main

raise SystemExit(main())
