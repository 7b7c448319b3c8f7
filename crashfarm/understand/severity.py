"""An estimate of how bad a finding is, with the reason for it: an ordered list of conditions."""

from collections.abc import Callable

from crashfarm.documents.finding import Kind, Severity
from crashfarm.understand.report import Report

NEAR_NULL = 0x10000
"""Addresses below this are taken for members of a null pointer."""

Condition = Callable[[Report], bool]


def near_null(address: str) -> bool:
    """Whether an address is so near null that it is an offset from a null pointer."""
    try:
        value = int(address, 16)
    except ValueError:
        return False
    return value < NEAR_NULL or value > 0xFFFFFFFFFFFF0000


def estimate(report: Report) -> tuple[Severity, str]:
    """How bad a report looks, and why."""
    for condition, severity, reason in _CONDITIONS:
        if condition(report):
            return severity, reason
    return Severity.UNKNOWN, "the log does not say what happened to memory"


def _title(*words: str) -> Condition:
    return lambda report: any(word in report.title.lower() for word in words)


_CONDITIONS: tuple[tuple[Condition, Severity, str], ...] = (
    (lambda r: r.kind is Kind.HANG, Severity.LOW, "the program only takes too long"),
    (lambda r: r.kind is Kind.OOM, Severity.LOW, "the program only asks for too much memory"),
    (lambda r: r.kind is Kind.EXCEPTION, Severity.LOW, "the program ends in an orderly way"),
    (_title("null-dereference"), Severity.LOW, "only an address near null is touched"),
    (lambda r: r.access == "WRITE" and near_null(r.address), Severity.LOW, "only an address near null is written"),
    (lambda r: r.access == "READ" and near_null(r.address), Severity.LOW, "only an address near null is read"),
    (_title("stack-overflow"), Severity.LOW, "the stack ran out; the guard page stops the program"),
    (_title("leak"), Severity.LOW, "memory is only not given back"),
    (
        _title("bad-cast", "sandbox violation"),
        Severity.CRITICAL,
        "an object is used as what it is not, or after its life",
    ),
    (lambda r: r.access == "WRITE", Severity.CRITICAL, "memory is written where it should not be"),
    (_title("use-after"), Severity.HIGH, "an object is used after its life"),
    (
        _title("double-free", "invalid-free", "bad-free", "heap-corruption"),
        Severity.CRITICAL,
        "the heap's own books are spoiled",
    ),
    (
        _title("overflow read", "overflow", "out-of-bounds", "uninitialized"),
        Severity.HIGH,
        "memory is read where it should not be",
    ),
    (lambda r: r.access == "READ", Severity.HIGH, "memory is read where it should not be"),
    (lambda r: r.kind is Kind.ASSERTION, Severity.MEDIUM, "the program checks itself and stops"),
    (lambda r: r.kind is Kind.SANITIZER, Severity.MEDIUM, "undefined behaviour without a bad access"),
    (lambda r: r.kind is Kind.VALGRIND, Severity.MEDIUM, "valgrind saw an error"),
    (lambda r: r.signal == "SIGABRT", Severity.LOW, "the program ends itself"),
    (lambda r: bool(r.signal), Severity.MEDIUM, "a signal ended the program; how it came to that is not told"),
)
