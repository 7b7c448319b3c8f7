"""Options that several commands share as one value: a dataclass whose members are options."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter
from typing import Any, get_type_hints

Command = Callable[..., None]


def spread(command: Command) -> Command:
    """The command with an option for each member of its parameters that are dataclasses, in the place of these."""
    plain = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {one.name: one.annotation for one in plain if is_dataclass(one.annotation)}
    wide = [option for one in plain for option in _options(one, groups)]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in groups.items()}
        command(**made, **given)

    run.__annotations__ = {one.name: one.annotation for one in wide}
    vars(run)["__signature__"] = inspect.Signature(wide)
    return run


def _options(parameter: Parameter, groups: dict[str, Any]) -> Iterator[Parameter]:
    if parameter.name not in groups:
        # All are given by name, so that their order is free.
        yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
        return
    kind = groups[parameter.name]
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        default = Parameter.empty if one.default is MISSING else one.default
        yield Parameter(one.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[one.name])
