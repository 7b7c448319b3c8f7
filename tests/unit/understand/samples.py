"""Reports as tools write them, to be varied by the tests."""

STACK = """    #0 0x4f6b78 in inner(char const*) /src/proj/lib/inner.cc:76:7
    #1 0x4f6c08 in ns::Outer::run() /src/proj/lib/outer.cc:83:14
    #2 0x4f6cd3 in LLVMFuzzerTestOneInput /src/proj/fuzz/target_fuzzer.cc:100:6
    #3 0x5125bd in fuzzer::Fuzzer::ExecuteCallback(unsigned char const*) /src/libfuzzer/FuzzerLoop.cpp:550:13

"""
FRAMES = ("inner", "ns::Outer::run", "target_fuzzer.cc")
ADDRESSED = "on address 0x602000000011 at pc 0x0000004f6b79 bp 0x7ffd2297fd70 sp 0x7ffd2297fd58"


def sanitizer(what: str, *more: str, tool: str = "AddressSanitizer") -> str:
    """A sanitizer's report with the stack of `FRAMES`."""
    lines = "".join(f"{line}\n" for line in more)
    return f"{'=' * 65}\n==12==ERROR: {tool}: {what}\n{lines}{STACK}SUMMARY: {tool}: x\n==12==ABORTING\n"


def accessed(what: str, access: str, size: int, address: str = "0x602000000011") -> str:
    """A report of a bad access."""
    return sanitizer(f"{what} {ADDRESSED}", f"{access} of size {size} at {address} thread T0")


def fault(what: str, address: str, access: str = "") -> str:
    """A report of a fatal signal."""
    lines = (f"==12==The signal is caused by a {access} memory access.",) if access else ()
    return sanitizer(
        f"{what} on unknown address {address} (pc 0x4f6b79 bp 0x7ffd2297fd70 sp 0x7ffd2297fd58 T0)", *lines
    )
