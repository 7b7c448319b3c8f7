"""Sanitizers' reports: kinds in the words of their trade, accesses, frames."""

import pytest

from crashfarm.documents.finding import Finding, Kind
from crashfarm.understand import explain
from tests.unit.understand.samples import ADDRESSED, FRAMES, STACK, accessed, fault, sanitizer

REPORTS = {
    "Heap-buffer-overflow READ 1": accessed("heap-buffer-overflow", "READ", 1),
    "Heap-buffer-overflow WRITE {*}": accessed("heap-buffer-overflow", "WRITE", 1234),
    "Heap-use-after-free WRITE 8": accessed("heap-use-after-free", "WRITE", 8),
    "Stack-use-after-scope READ 8": accessed("stack-use-after-scope", "READ", 8),
    "Use-after-poison READ 4": accessed("use-after-poison", "READ", 4),
    "Global-buffer-overflow READ 2": accessed("global-buffer-overflow", "READ", 2),
    "Container-overflow WRITE 16": accessed("container-overflow", "WRITE", 16),
    "Heap-double-free": sanitizer("attempting double-free on 0x602000000010 in thread T0:"),
    "Invalid-free": sanitizer("attempting free on address which was not malloc()-ed: 0x7ffd in thread T0"),
    "Alloc-dealloc-mismatch": sanitizer("alloc-dealloc-mismatch (malloc vs operator delete) on 0x602000000010"),
    "Negative-size-param": sanitizer("negative-size-param: (size=-1)"),
    "Memcpy-param-overlap": sanitizer("memcpy-param-overlap: memory ranges [0x10,0x20) and [0x18, 0x28) overlap"),
    "Odr-violation": sanitizer("odr-violation (0x000000a1):"),
    "Calloc-overflow": sanitizer("calloc parameters overflow: count * size (1 * -1) cannot be represented"),
    "Out-of-memory": sanitizer("out of memory: allocator is trying to allocate 0x1000 bytes"),
    "Floating-point-exception": fault("FPE", "0x0000004f6b79"),
    "Divide-by-zero": fault("int-divide-by-zero", "0x00000000", "READ"),
    "Ill": fault("ILL", "0x631000001001"),
    "Bus": fault("BUS", "0x603000250000"),
    "Breakpoint": fault("breakpoint", "0xba0f4780", "READ"),
    "Abrt": fault("ABRT", "0x0539000001ac"),
    "UNKNOWN WRITE": fault("SEGV", "0x7f0000000000", "WRITE"),
    "UNKNOWN READ": fault("access-violation", "0x00010008", "READ"),
    "Null-dereference READ": fault("SEGV", "0x000000000008", "READ"),
    "Null-dereference": fault("SEGV", "0x000000000008"),
    "Use-of-uninitialized-value": "==9==WARNING: MemorySanitizer: use-of-uninitialized-value\n" + STACK,
    "Tag-mismatch WRITE 4": (
        "==9==ERROR: HWAddressSanitizer: tag-mismatch on address 0x0042000 at pc 0x0055\n"
        "WRITE of size 4 at 0x0042000 tags: 3c/00 (ptr/mem) in thread T0\n" + STACK
    ),
    "Timeout": "==1== ERROR: libFuzzer: timeout after 26 seconds\n" + STACK,
    "Overwrites-const-input": "==1== ERROR: libFuzzer: fuzz target overwrites its const input\n" + STACK,
    "Unexpected-exit": "==1== ERROR: libFuzzer: fuzz target exited\n" + STACK,
    "Fatal-signal": "==1== ERROR: libFuzzer: deadly signal\n" + STACK,
}
UNDEFINED = {
    "shift exponent 35 is too large for 32-bit type 'int'": "Undefined-shift",
    "left shift of 1 by 31 places cannot be represented in type 'int'": "Undefined-shift",
    "index 12 out of bounds for type 'int [10]'": "Index-out-of-bounds",
    "null pointer passed as argument 2, which is declared to never be null": "Invalid-null-argument",
    "store to null pointer of type 'int'": "Null-dereference WRITE",
    "load of null pointer of type 'int'": "Null-dereference READ",
    "member access within null pointer of type 'struct X'": "Null-dereference",
    "load of misaligned address 0x7f for type 'int', which requires 4 byte alignment": "Misaligned-address",
    "load of value 7, which is not a valid value for type 'Color'": "Invalid-enum-value",
    "load of value 7, which is not a valid value for type 'const bool'": "Invalid-bool-value",
    "execution reached an unreachable program point": "Unreachable code",
    "execution reached the end of a value-returning function without returning a value": "No-return-value",
    "variable length array bound evaluates to non-positive value 0": "Non-positive-vla-bound-value",
    "1e+30 is outside the range of representable values of type 'int'": "Float-cast-overflow",
    "unsigned integer overflow: 1 - 2 cannot be represented in type 'unsigned int'": "Unsigned-integer-overflow",
    "signed integer overflow: 2147483647 * 2 cannot be represented in type 'int'": "Integer-overflow",
    "division of -2147483648 by -1 cannot be represented in type 'int'": "Integer-overflow",
    "division by zero": "Divide-by-zero",
    "addition of unsigned offset to 0x1 overflowed to 0x0": "Pointer-overflow",
    "load of address 0x1 with insufficient space for an object of type 'int'": "Object-size",
    "call to function foo through pointer to incorrect function type 'void (*)()'": "Incorrect-function-pointer-type",
}


def only(text: str) -> tuple[Finding, tuple[str, ...]]:
    """The only finding of a log, and the parts of its signature."""
    explained = explain(output=text.encode()).explained
    assert len(explained) == 1
    return explained[0].finding, explained[0].signature.parts


@pytest.mark.parametrize("title", REPORTS)
def test_a_report_is_named_and_its_frames_are_found(title: str) -> None:
    """Every kind of report has its name and the program's own frames."""
    finding, parts = only(REPORTS[title])
    assert finding.title == title
    assert parts == FRAMES
    assert (finding.frames[0].file, finding.frames[0].line) == ("proj/lib/inner.cc", 76)


@pytest.mark.parametrize("sentence", UNDEFINED)
def test_undefined_behaviour_is_named_without_a_stack_too(sentence: str) -> None:
    """The sentence tells the kind, the place stands in for the stack."""
    finding, _ = only(f"lib/a.cpp:12:3: runtime error: {sentence}\n")
    assert (finding.kind, finding.title) == (Kind.SANITIZER, UNDEFINED[sentence])
    assert (finding.file, finding.line) == ("lib/a.cpp", 12)
    assert finding.signature == f"{finding.title} | lib/a.cpp:12"


def test_access_size_address_and_thread_are_fields() -> None:
    """What the report says of the access is kept apart from the title."""
    finding, _ = only(accessed("heap-use-after-free", "WRITE", 8))
    assert (finding.access, finding.size, finding.address) == ("WRITE", 8, "0x602000000011")
    assert (finding.thread, finding.near_null, finding.severity) == ("T0", False, "critical")


def test_an_address_near_null_is_said_to_be() -> None:
    """A small address is an offset from a null pointer."""
    finding, _ = only(fault("SEGV", "0x000000000008", "READ"))
    assert finding.near_null
    assert finding.severity == "low"
    assert finding.severity_reason


def test_the_signature_does_not_know_pid_address_or_folder() -> None:
    """Two machines, two processes, one signature."""
    one = accessed("heap-use-after-free", "READ", 4)
    other = (
        one.replace("==12==", "==31337==").replace("0x6020", "0x6ff0").replace("/src/proj", "/home/u/build/src/proj")
    )
    assert only(one)[0].signature == only(other)[0].signature


def test_a_bad_cast_names_both_types() -> None:
    """The wanted type and the real one tell one bad cast from another."""
    note = "0x7f: note: object is of type 'B'\n 00 00\n    #0 0x4f6b78 in convert(A*) a.cc:1:2\n"
    what = "a.cc:1:2: runtime error: member call on address 0x7f which does not point to an object of type 'A'\n"
    finding, parts = only(what + note)
    assert finding.title == "Bad-cast"
    assert parts == ("Bad-cast to A from B", "convert")


def test_the_first_direct_leak_stands_for_a_list_of_leaks() -> None:
    """Allocators are not to blame, and indirect leaks follow from direct ones."""
    leaks = (
        "==3==ERROR: LeakSanitizer: detected memory leaks\n\n"
        "Indirect leak of 8 byte(s) in 1 object(s) allocated from:\n"
        "    #0 0x1234 in malloc a.c:1\n    #1 0x1235 in child b.c:2\n\n"
        "Direct leak of 32 byte(s) in 2 object(s) allocated from:\n"
        "    #0 0x1234 in malloc a.c:1\n    #1 0x1235 in owner b.c:9\n\n"
        "SUMMARY: AddressSanitizer: 40 byte(s) leaked in 3 allocation(s).\n"
    )
    finding, parts = only(leaks)
    assert finding.title == "Direct-leak"
    assert parts == ("owner",)


def test_a_recursion_is_known_by_its_round() -> None:
    """How deep a stack overflowed, and where in the round, makes no difference."""

    def overflow(*functions: str) -> str:
        frames = "".join(f"    #{n} 0x46723{n % 10} in {name} /src/r.c:{n}:1\n" for n, name in enumerate(functions))
        return f"==1==ERROR: AddressSanitizer: stack-overflow on address 0x7ffc (pc 0x4 bp 0x5 sp 0x6 T0)\n{frames}\n"

    one, _ = only(overflow("leaf", *["walk", "visit"] * 12))
    other, _ = only(overflow(*["visit", "walk"] * 9))
    assert one.signature == other.signature == "recursion | visit | walk"


def test_a_race_keeps_the_stack_of_the_first_access() -> None:
    """ThreadSanitizer's frames have no addresses."""
    race = (
        "WARNING: ThreadSanitizer: data race (pid=5)\n  Write of size 4 at 0x7b by thread T1:\n"
        "    #0 worker(int) /src/a.cc:12:3 (a.out+0x4a1)\n\n  Previous read of size 4 at 0x7b by main thread:\n"
        "    #0 reader /src/a.cc:20 (a.out+0x4a2)\n"
    )
    finding, parts = only(race)
    assert (finding.title, parts, finding.frames[0].module) == ("Data race WRITE 4", ("worker",), "a.out")


def test_two_different_reports_are_two_findings_and_the_same_one_is_counted() -> None:
    """A, B, A, A: two findings, counted."""
    first = f"a.c:1:2: runtime error: division by zero\n{STACK}"
    other = f"==1==ERROR: AddressSanitizer: heap-use-after-free {ADDRESSED}\nREAD of size 1 at 0x6 thread T0\n{STACK}"
    found = explain(output=(first + other + first + first).encode()).understanding.findings
    assert [(finding.title, finding.count) for finding in found] == [
        ("Divide-by-zero", 3),
        ("Heap-use-after-free READ 1", 1),
    ]
