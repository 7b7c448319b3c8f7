"""Understanding crashes: from how a run ended and what it wrote to findings with signatures. A pure library.

It reads nothing but what it is given and its own data files, keeps nothing, and never raises, whatever the bytes.
"""

from crashfarm.understand.explaining import describe
from crashfarm.understand.signatures import RULES_VERSION
from crashfarm.understand.understanding import (
    FAILURE,
    SUCCESS,
    Explained,
    Explanation,
    Understanding,
    explain,
    gravest,
    understand,
)

__all__ = [
    "FAILURE",
    "RULES_VERSION",
    "SUCCESS",
    "Explained",
    "Explanation",
    "Understanding",
    "describe",
    "explain",
    "gravest",
    "understand",
]
