"""JSON objects in a log, which some tools write instead of text."""

from typing import Any

import msgspec

from crashfarm.understand.report import Lines


def read(lines: Lines, at: int) -> tuple[dict[str, Any], int, int] | None:
    """The JSON object that a line is in, with the line it begins on and the one behind it; None where there is none."""
    begin = next((number for number in range(at, -1, -1) if lines[number].startswith("{")), None)
    if begin is None:
        return None
    stop = next((number + 1 for number in range(at, len(lines)) if lines[number].startswith("}")), begin + 1)
    for end in (begin + 1, stop):
        try:
            data = msgspec.json.decode("\n".join(lines[begin:end]))
        except msgspec.DecodeError:
            continue
        return (data, begin, end) if isinstance(data, dict) else None
    return None
