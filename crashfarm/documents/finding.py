"""A finding: one thing that went wrong in a run, as the log told it.

A result document carries a list of these; the tuple that the views are keyed by starts with a finding's kind, message
and detail.
"""

import enum

import msgspec


class Kind(enum.StrEnum):
    """What sort of thing went wrong; decides which history document a finding belongs to."""

    #: A check that the program makes of itself failed: assert, CHECK, panic with a message.
    ASSERTION = "assertion"
    #: The process was ended by a signal, a fatal error or a kernel oops.
    CRASH = "crash"
    #: A sanitizer spoke: address, undefined, thread, leak, memory, or their kernel and hardware kin.
    SANITIZER = "sanitizer"
    #: Valgrind reported an error.
    VALGRIND = "valgrind"
    #: The run did not end in its time.
    HANG = "hang"
    #: The run asked for more memory than it may have.
    OOM = "oom"
    #: An exception of a managed language that nobody caught.
    EXCEPTION = "exception"


class Severity(enum.StrEnum):
    """How bad a finding looks, to sort by; an estimate, always given with its reason."""

    #: Memory is written where it should not be, or control flow can be led astray.
    CRITICAL = "critical"
    #: Memory is read or freed where it should not be.
    HIGH = "high"
    #: A crash whose reach is not known, or undefined behaviour without a memory access.
    MEDIUM = "medium"
    #: The program ends in an orderly way, or only near null.
    LOW = "low"
    #: Nothing in the log says.
    UNKNOWN = "unknown"


class Frame(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One frame of a stack; what a log does not tell is empty."""

    function: str = ""
    #: Source file as the log wrote it, less the prefixes that differ between machines.
    file: str = ""
    line: int | None = None
    #: Library or executable, its last path component.
    module: str = ""
    #: Offset into the module (or the function, where only that is known), as hexadecimal text with 0x.
    offset: str = ""
    #: True for a call that the compiler folded into its caller.
    inlined: bool = False


class Finding(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One thing that went wrong in a run.

    ``message`` and ``detail`` are the second and third part of the key tuple and are never empty.
    """

    kind: Kind
    #: Readable kind of crash: "Heap-use-after-free READ 4", "SIGSEGV", "Unhandled exception ValueError".
    title: str
    #: Normalised message: addresses, process ids and paths of one machine are replaced; at most 256 characters.
    message: str
    #: For assertions the source file (or the signature where none is known), otherwise the signature.
    detail: str
    #: Groups what is the same; the same on every machine.
    signature: str
    #: Source file and line where it happened, empty and None where the log does not tell.
    file: str = ""
    line: int | None = None
    #: "READ", "WRITE" or empty.
    access: str = ""
    #: Bytes accessed.
    size: int | None = None
    #: Faulting address as hexadecimal text with 0x, or empty.
    address: str = ""
    #: True when the address is within the first 64 KiB or the last page.
    near_null: bool = False
    #: Frames of the crashing thread, innermost first, all that the log holds up to a bound.
    frames: tuple[Frame, ...] = ()
    #: Name or number of the thread.
    thread: str = ""
    severity: Severity = Severity.UNKNOWN
    severity_reason: str = ""
    #: The text it was read from, bounded.
    excerpt: str = ""
    #: How often it was seen in this run.
    count: int = 1
    #: The page or test that was running, from the boundaries in the output; empty when there are none.
    input: str = ""
    #: Version of the rules that made the signature.
    rules_version: str = ""
