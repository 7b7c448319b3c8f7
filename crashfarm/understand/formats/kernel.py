"""Kernels: sanitizer reports, oopses, BUGs, panics and stalls of Linux, of Linux as a library, and of Trusty."""

import re

from crashfarm.documents.finding import Frame, Kind
from crashfarm.understand import frames as stack_lines
from crashfarm.understand import normalise
from crashfarm.understand.report import Format, Lines, Report

MAX_LINES = 200
"""Lines of one report that are read."""

_TIME = r"(?:\[\s*\d+\.\d+\](?:\[\s*[\w@]+\])?\s*)?"
_SANITIZER = re.compile(
    r"BUG: (?P<tool>K(?:ASAN|MSAN|CSAN"
    r"|FENCE)): (?P<what>.+?)(?: in (?P<function>[\w.$]+)(?:\+0x[0-9a-f/x]+)?(?: / \S+)?(?:\s.*)?"
    r"| on (?:addr|address) .*| at addr.*)?$"
)
_ACCESS = re.compile(
    r"\b(?P<access>Read|Write) (?:of size (?P<size>\d+) )?(?:at addr(?:ess)? (?P<address>[0-9a-fx]+)"
    r"|by task)|\b(?P<access2>Read|Write) of size (?P<size2>\d+)"
    r"|^" + _TIME + r"(?P<access3>read|write)(?: \([\w ]+\))? to 0x[0-9a-f]+ of (?P<size3>\d+) bytes"
)
_ON_ADDRESS = re.compile(r"(?:on|at) addr(?:ess)?:? (?:0x)?(?P<address>[0-9a-f]{4,16})")
_BUG_AT = re.compile(r"kernel BUG at (?P<file>\S+?):(?P<line>\d+)!")
_WARNING = re.compile(r"WARNING: (?:CPU: \d+ PID: \d+ )?at (?P<file>[^\s:]+):(?P<line>\d+)(?: (?P<function>[\w.]+)\+)?")
_PAGING = re.compile(
    r"(?:(?:BUG: )?[Uu]nable to handle (?:kernel )?|BUG: kernel )(?P<what>NULL pointer dereference|paging request"
    r"|page fault|access to user memory\S*)(?:[^:]*?:? (?:at (?:virtual )?address|for address:|address:"
    r"|at) ?:?(?P<address>[0-9a-fx]+)?)?"
)
_OOPS = re.compile(r"Internal error: (?P<what>.+?)(?:: (?P<code>[0-9a-f]+))? \[#\d+\]")
_FAULTS = re.compile(
    r"(?P<what>general protection fault|divide error|stack segment|invalid opcode|int3|double fault"
    r"|stack guard page was hit)(?:, .*|.*?): (?:0000|[0-9a-f]{4})? ?\[#\d+\]"
    r"|(?P<what2>general protection fault|divide error|double fault|invalid opcode): [0-9a-f]{4}"
)
_PF = re.compile(r"#PF: (?:supervisor|user) (?P<access>read|write) access|#PF: error_code\(0x(?P<code>[0-9a-f]+)\)")
_OOPS_CODE = re.compile(r"Oops: (?P<code>[0-9a-f]{4}) \[#")
_STALL = re.compile(
    r"(?P<what>BUG: soft lockup|BUG: workqueue lockup|INFO: task \S+ blocked for more than"
    r"|INFO: rcu\S* (?:self-)?detected (?:expedited )?stalls?|watchdog: BUG: soft lockup"
    r"|NMI watchdog: Watchdog detected hard LOCKUP|INFO: rcu_\w+ detected stalls)"
)
_PANIC = re.compile(r"Kernel panic - not syncing: (?P<what>.+?)\s*$")
_OTHER = re.compile(
    r"(?:BUG|INFO): (?P<what>sleeping function called from invalid context|spinlock \w+(?: \w+)?"
    r"|bad unlock balance|scheduling while atomic|Bad (?:page|rss-counter) (?:state|map)|memory leak"
    r"|corrupted list|stack guard page was hit|trying to register non-static key|possible (?:circular"
    r"|recursive|irq lock) \S+ dependency|list_\w+ corruption)"
    r"|(?P<what2>WARNING: (?:possible (?:circular locking dependency|recursive locking"
    r"|irq lock inversion dependency|deadlock)|suspicious RCU usage|ODEBUG bug|refcount bug"
    r"|inconsistent lock state|held lock freed|bad unlock balance"
    r"|lock held when returning to user space).*?)(?: detected)?\s*$|(?P<what3>UBSAN: [\w-]+)"
)
_TRACE = re.compile(r"Call [Tt]race:|Backtrace:|Stack [Tt]race:|^" + _TIME + r"#\d+ \[<")
_RIP = re.compile(
    r"\b(?:RIP: [0-9a-f]+:|PC is at "
    r"|pc : )(?:\[<[0-9a-f]+>\]\s*)*(?P<function>[A-Za-z_][\w.]*)\+(?P<offset>0x[0-9a-f]+)"
)
_END = re.compile(
    r"---\[ end |^"
    + _TIME
    + r"(?:Modules linked in|Code:|Rebooting in|Memory state around|Allocated by task|Freed by task"
    r"|Kernel Offset|Dumping ftrace|The buggy address|Object at|Uninit was)|Kernel panic - not syncing"
)
_SEPARATOR = re.compile(r"^" + _TIME + r"[=-]{20,}\s*$")
_ARM_FAULTS = {
    0x01: "Alignment Fault",
    0x03: "Section Access Flag Fault",
    0x05: "Translation Fault, Section (5)",
    0x07: "Translation Fault, Page (7)",
    0x09: "Domain Fault, Section (9)",
    0x0B: "Domain Fault, Page (11)",
    0x0D: "Permission Fault, Section (13)",
    0x0F: "Permission Fault, Page (15)",
    0x17: "Translation Fault, Page (7)",
}
_ARM64_FAULTS = {1: "Translation Fault", 2: "Access Flag Fault", 3: "Permission Fault"}
_PREFIX = "Kernel failure"


def _sanitizer(lines: Lines, at: int) -> Report | None:
    matched = _SANITIZER.search(lines[at])
    if not matched:
        return None
    what = re.sub(r"^(?:maybe wild-memory-access|wild-memory-access.*)$", "wild-memory-access", matched["what"].strip())
    what = what.split(" in ")[0].split(" on ")[0]
    head = lines[at : at + 6]
    access, size, address = _accessed(head)
    title = "-".join(what.split())
    title = f"{title[:1].upper()}{title[1:]}"
    return _made(
        lines,
        at,
        " ".join(filter(None, (title, access, str(size) if size is not None else ""))),
        access=access,
        size=size,
        address=address,
        fallback=matched["function"] or "",
        traced=matched["tool"] != "KASAN",
    )


def _accessed(head: Lines) -> tuple[str, int | None, str]:
    access, size, address = "", None, ""
    for line in head:
        if not access and (found := _ACCESS.search(line)):
            access = (found["access"] or found["access2"] or found["access3"]).upper()
            number = found["size"] or found["size2"] or found["size3"]
            size = int(number) if number else None
        if not address and (found := _ON_ADDRESS.search(line)):
            address = f"0x{found['address'].removeprefix('0x')}"
    return access, size, address


def _oops(lines: Lines, at: int) -> Report | None:
    """An oops: what its first line says, or the lines around it."""
    for read in (_bug_at, _paging, _fault, _stall, _other):
        if report := read(lines, at):
            return report
    return None


def _bug_at(lines: Lines, at: int) -> Report | None:
    if matched := _BUG_AT.search(lines[at]):
        place = normalise.source_path(matched["file"])
        return _made(lines, at, f"{place[:1].upper()}{place[1:]}:{{*}}!", file=place, line=int(matched["line"]))
    if matched := _WARNING.search(lines[at]):
        place = normalise.source_path(matched["file"])
        title = f"WARNING in {matched['function'] or place}"
        return _made(lines, at, title, file=place, line=int(matched["line"]), counter=True)
    return None


def _paging(lines: Lines, at: int) -> Report | None:
    matched = _PAGING.search(lines[at])
    if not matched and not _OOPS.search(lines[at]):
        return None
    near = lines[at : at + 14]
    address = f"0x{matched['address'].removeprefix('0x')}" if matched and matched["address"] else ""
    what = "Null-pointer-dereference" if matched and matched["what"].startswith("NULL") else "Paging-request"
    access, fault = _fault_code(near)
    title = " ".join(filter(None, (access, fault))) if fault else " ".join(filter(None, (what, access)))
    return _made(lines, at, title, access=access, address=address, counter=True)


def _fault_code(near: Lines) -> tuple[str, str]:
    """Access and name of the fault, from the code that the processor gave."""
    for line in near:
        if found := _PF.search(line):
            if found["access"]:
                return found["access"].upper(), ""
        elif (found := _OOPS_CODE.search(line)) and "Internal error" not in line:
            return ("WRITE" if int(found["code"], 16) & 2 else "READ"), ""
        elif (found := _OOPS.search(line)) and found["code"]:
            if "BUG" in found["what"]:
                return "", "BUG"
            return _arm_code(int(found["code"], 16))
    return "", ""


def _arm_code(code: int) -> tuple[str, str]:
    if code > 0xFFFF:
        name = _ARM64_FAULTS.get((code & 0x3F) >> 2, "Fault")
        return ("WRITE" if code & 0x40 else "READ"), f"{name}, level {code & 3} ({code & 0x3F})"
    return ("WRITE" if code & 0x800 else "READ"), _ARM_FAULTS.get(code & 0x1F, f"Fault ({code & 0x1F})")


def _fault(lines: Lines, at: int) -> Report | None:
    matched = _FAULTS.search(lines[at])
    if not matched:
        return None
    what = (matched["what"] or matched["what2"]).replace(" ", "-").capitalize()
    return _made(lines, at, what, counter=True)


def _stall(lines: Lines, at: int) -> Report | None:
    if matched := _STALL.search(lines[at]):
        what = re.sub(r"task \S+", "task", matched["what"].removeprefix("watchdog: "))
        return _made(
            lines, at, what.removeprefix("BUG: ").removeprefix("INFO: ").capitalize(), kind=Kind.HANG, counter=True
        )
    return None


def _other(lines: Lines, at: int) -> Report | None:
    if matched := _OTHER.search(lines[at]):
        what = matched["what"] or matched["what2"] or matched["what3"]
        return _made(lines, at, what[:1].upper() + what[1:], kind=Kind.SANITIZER)
    if matched := _PANIC.search(lines[at]):
        text = normalise.message(matched["what"])
        return _made(lines, at, f"Panic: {text}", counter=True)
    return None


def _made(
    lines: Lines,
    at: int,
    title: str,
    *,
    kind: Kind = Kind.SANITIZER,
    access: str = "",
    size: int | None = None,
    address: str = "",
    file: str = "",
    line: int | None = None,
    fallback: str = "",
    counter: bool = False,
    traced: bool = False,
) -> Report:
    end, found = _stack(lines, at + 1, counter=counter, traced=traced, interrupted=kind is Kind.HANG)
    if not found and fallback:
        found = [Frame(function=fallback)]
    return Report(
        kind=kind,
        title=f"{_PREFIX} {title}",
        format="kernel",
        start=at,
        end=end,
        message=f"{_PREFIX}: {title}",
        stack=tuple(found),
        file=file,
        line=line,
        access=access,
        size=size,
        address=address,
        covers_rest=True,
    )


def _stack(
    lines: Lines, at: int, *, counter: bool, traced: bool = False, interrupted: bool = False
) -> tuple[int, list[Frame]]:
    """The call trace, below the place of the program counter where `counter` asks for it.

    `traced` says that it begins without a heading, `interrupted` that what counts is what an interrupt came upon.
    """
    found: list[Frame] = []
    top: Frame | None = None
    end = at
    for position in range(at, min(len(lines), at + MAX_LINES)):
        line = lines[position]
        if counter and (interrupted or (top is None and not found)) and (place := _RIP.search(line)):
            top = Frame(function=place["function"], offset=place["offset"])
            found.clear()
        traced = traced or bool(_TRACE.search(line))
        frame = stack_lines.parse(line) if traced or "[<" in line else None
        if frame is not None and frame.function:
            found.append(frame)
            end = position + 1
        elif (found and (_END.search(line) or not re.sub(_TIME, "", line).strip())) or (
            not found and position > at + 6 and _SEPARATOR.search(line)
        ):
            break
    if top and not (found and any(frame.function == top.function for frame in found[:3])):
        found.insert(0, top)
    return end, found


def _trusty(lines: Lines, at: int) -> Report | None:
    """Trusty: what faulted, then the stacks of the kernel and the app."""
    begin = next((n for n in range(at, min(len(lines), at + 40)) if "Backtrace for thread" in lines[n]), None)
    if begin is None:
        return None
    found = [frame for frame in map(stack_lines.parse, lines[begin + 1 : begin + 80]) if frame]
    crash = [frame for frame in found if frame.function]
    return Report(
        kind=Kind.CRASH,
        title="Trusted app crash",
        format="Trusty",
        start=at,
        end=begin + 2 + len(found),
        message="Trusted app crash",
        stack=tuple(crash),
        signal="SIGSEGV",
    )


FORMATS = (
    Format(
        name="kernel sanitizer",
        needles=("BUG: KASAN: ", "BUG: KMSAN: ", "BUG: KCSAN: ", "BUG: KFENCE: "),
        read=_sanitizer,
        cost=200,
    ),
    Format(
        name="kernel",
        needles=(
            "kernel BUG at",
            "WARNING: CPU:",
            "WARNING: at ",
            "nable to handle kernel",
            "unable to handle page fault",
            "BUG: kernel NULL pointer",
            "Internal error: ",
            "general protection fault",
            "divide error: ",
            "double fault: ",
            "invalid opcode: ",
            "stack segment: ",
            "soft lockup",
            "workqueue lockup",
            "hard LOCKUP",
            "blocked for more than",
            "detected stall",
            "self-detected stall",
            "Kernel panic - not syncing",
            "BUG: sleeping function",
            "BUG: spinlock",
            "BUG: Bad ",
            "BUG: memory leak",
            "BUG: scheduling while",
            "BUG: corrupted list",
            "INFO: possible",
            "INFO: trying to register",
            "WARNING: possible",
            "WARNING: suspicious RCU",
            "WARNING: ODEBUG",
            "WARNING: refcount",
            "WARNING: inconsistent",
            "WARNING: bad unlock",
            "WARNING: held lock",
            "UBSAN: ",
        ),
        read=_oops,
        cost=200,
    ),
    Format(name="Trusty", needles=("panic notifier - trusty", "Trusted App crash"), read=_trusty),
)
