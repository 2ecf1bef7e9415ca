"""What the reference leaves out beside private names: methods that Python calls, and nobody by name."""

from __future__ import annotations

import griffe


class PublicNames(griffe.Extension):
    """`__eq__` and its like are left out of classes; `__init__` stays, as its arguments are the class's."""

    def on_class_members(self, *, cls: griffe.Class, **_: object) -> None:
        for name in [name for name in cls.members if name.startswith("__") and name != "__init__"]:
            del cls.members[name]
