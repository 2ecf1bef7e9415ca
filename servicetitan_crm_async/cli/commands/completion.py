"""`servicetitan-crm completion`: its options."""

from __future__ import annotations

from typing import Literal

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.output import NAME


def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print a script by which the Tab key completes commands, options and their values.

    For this shell alone: `source <(servicetitan-crm completion bash)`

    For bash: `servicetitan-crm completion bash > ~/.local/share/bash-completion/completions/servicetitan-crm`

    For zsh, a folder of $fpath: `servicetitan-crm completion zsh > ~/.zfunc/_servicetitan-crm`

    For fish: `servicetitan-crm completion fish > ~/.config/fish/completions/servicetitan-crm.fish`

    Args:
        shell: For which one.
    """
    from servicetitan_crm_async.cli.app import app

    print(app.generate_completion(prog_name=NAME, shell=shell))
    return Exit.DONE
