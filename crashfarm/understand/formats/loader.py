"""A program that did not start, and processes that a browser lost."""

import re

from crashfarm.documents.finding import Kind
from crashfarm.understand import normalise
from crashfarm.understand.report import Format, Lines, Report

_MISSING = re.compile(
    r"error while loading shared libraries: (?P<library>[^\s:]+): cannot open shared object"
    r"|Library not loaded: (?P<library2>\S+)|Error loading shared library (?P<library3>[^\s:]+): No such file"
    r"|CANNOT LINK EXECUTABLE \"?.*?library \"(?P<library4>[^\"]+)\" not found"
)
_GPU = re.compile(
    r"GPU state invalid after |GPU process exited unexpectedly: exit_code=(?!0\b)|GPU process has crashed"
)


def _missing(lines: Lines, at: int) -> Report | None:
    matched = _MISSING.search(lines[at])
    if not matched:
        return None
    library = next(part for part in matched.groups() if part).replace("\\", "/").rpartition("/")[2]
    return Report(
        kind=Kind.CRASH,
        title="Missing-library",
        format="loader",
        start=at,
        end=at + 1,
        message=normalise.expression(f"missing library {library}"),
        headline=library,
    )


def _gpu(lines: Lines, at: int) -> Report | None:
    if not _GPU.search(lines[at]):
        return None
    return Report(
        kind=Kind.CRASH, title="GPU failure", format="Chromium", start=at, end=at + 1, message="GPU failure", weak=True
    )


FORMATS = (
    Format(
        name="loader",
        needles=(
            "while loading shared libraries: ",
            "Library not loaded: ",
            "Error loading shared library",
            "CANNOT LINK EXECUTABLE",
        ),
        read=_missing,
        cost=1,
    ),
    Format(
        name="GPU",
        needles=("GPU state invalid after", "GPU process exited unexpectedly", "GPU process has crashed"),
        read=_gpu,
        cost=1,
    ),
)
