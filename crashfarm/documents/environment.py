"""Where something was seen: the six parts of the key tuple that name a build and a machine."""

from typing import Any, Self

import msgspec


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A build on a kind of machine."""

    product: str
    branch: str
    buildtype: str
    os_name: str
    os_version: str
    cpu_name: str

    @classmethod
    def of(cls, thing: Any) -> Self:
        """The environment of anything that has the six fields."""
        return cls(**{name: getattr(thing, name) for name in cls.__struct_fields__})

    def parts(self) -> tuple[str, ...]:
        """The six parts in the order of the key tuple."""
        return tuple(getattr(self, name) for name in self.__struct_fields__)
