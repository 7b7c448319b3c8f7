"""What debuggers, programs' own handlers, guarding allocators and the kernel's lesser tools write."""

import pytest

from crashfarm.documents.finding import Finding, Kind
from crashfarm.understand import explain

STACK = """    #0 0x55d3c1 in parse_tag(char const*, int) /home/u/proj/src/tag.c:10:5
    #1 0x55d3f2 in walk_list /home/u/proj/src/list.c:20:9
    #2 0x55d411 in main /home/u/proj/src/main.c:30:3
"""


def only(output: str) -> tuple[Finding, tuple[str, ...]]:
    """The one finding of an output, and the parts of its signature."""
    told = explain(output=output.encode())
    assert len(told.explained) == 1, told.understanding
    return told.explained[0].finding, told.explained[0].signature.parts


LLDB = """Process 77 stopped
* thread #1, queue = 'com.apple.main-thread', stop reason = {reason}
    frame #0: 0x0000000100003f5c a.out`inlined_one [inlined] set_key(t=0x0) at tree.c:17:3
  * frame #1: 0x0000000100003f5c a.out`insert(t=0x0000000000000000, k=5) at tree.c:18:8
    frame #2: 0x0000000100003f7c a.out`tree::Builder::build(int) + 44
    frame #3: 0x00000001aaaa0000 dyld`start + 2544
"""


@pytest.mark.parametrize(
    ("reason", "title", "address"),
    [
        ("EXC_BAD_ACCESS (code=1, address=0x18)", "Null-dereference", "0x18"),
        ("EXC_BAD_ACCESS (code=2, address=0x7fff5f3fffe8)", "UNKNOWN", "0x7fff5f3fffe8"),
        ("signal SIGABRT", "SIGABRT", ""),
        ("EXC_BREAKPOINT (code=EXC_I386_BPT, subcode=0x0)", "SIGTRAP", ""),
        ("hit program assert", "SIGABRT", ""),
    ],
)
def test_lldbs_account_is_read(reason: str, title: str, address: str) -> None:
    """Reason, address, and the frames with the inlined ones."""
    finding, parts = only(LLDB.format(reason=reason))
    assert (finding.kind, finding.title, finding.address) == (Kind.CRASH, title, address)
    assert [frame.function for frame in finding.frames] == ["set_key", "insert", "tree::Builder::build", "start"]
    assert finding.frames[0].inlined
    assert parts[:2] == ("set_key", "insert")


@pytest.mark.parametrize("reason", ["breakpoint 1.1", "step over", "signal SIGSTOP"])
def test_lldb_that_only_stopped_is_no_crash(reason: str) -> None:
    """A person was looking."""
    assert explain(output=LLDB.format(reason=reason).encode()).understanding.findings == ()


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("*** SIGSEGV (@0x10) received by PID 1234 (TID 0x7f) from PID 16; stack trace: ***", "Null-dereference"),
        ("*** SIGSEGV (@0x7fff12345678) received by PID 1 (TID 0x7f); stack trace: ***", "UNKNOWN"),
        ("*** SIGABRT received at time=1690000000 on cpu 3 ***", "Abrt"),
    ],
)
@pytest.mark.parametrize("column", ["", "         16  "])
def test_glogs_and_abseils_handlers_are_read(head: str, title: str, column: str) -> None:
    """Abseil writes the frames' sizes, too."""
    rows = ["absl::AbslFailureSignalHandler()", "store::Table::put()", "serve()", "main"]
    stack = "".join(f"    @     0x55e0c{number}  {column}{row}\n" for number, row in enumerate(rows))
    finding, parts = only(f"{head}\nPC: @     0x55e0c1  {column}store::Table::put()\n{stack}")
    assert (finding.kind, finding.title) == (Kind.CRASH, title)
    assert parts == ("store::Table::put", "serve")


@pytest.mark.parametrize(
    "head",
    [
        "F1122 10:11:12.123456  1234 table.cc:12] Check failed: x > 0 (-1 vs. 0) ",
        "F0000 00:00:1690000000.123456    1234 table.cc:12] Check failed: x > 0 (-1 vs. 0) ",
    ],
)
def test_stack_behind_glogs_check_is_read(head: str) -> None:
    """Whichever way the time is written."""
    rows = ("google::LogMessage::Fail()", "google::LogMessageFatal::~LogMessageFatal()", "store_it()", "main")
    stack = "".join(f"    @     0x7f0{number} {row}\n" for number, row in enumerate(rows))
    finding, parts = only(f"{head}\n*** Check failure stack trace: ***\n{stack}")
    assert (finding.title, parts) == ("CHECK failure", ("x > 0 in table.cc", "store_it"))


WEBKIT = """ASSERTION FAILED: !structure(vm)->mayIntercept(name)
/usr/src/Source/JavaScriptCore/runtime/Object.h(54) : void JSC::Object::put(JSC::Cell*)
"""


@pytest.mark.parametrize(
    "stack",
    [
        "1    0x103389e34 WTFCrash\n2    0x1041f869c JSC::Object::put(JSC::Cell*)\n3    0x1041f9768 JSC::run(int)\n",
        "1   0x7ffff1bff562 /usr/lib/libQt5WebKit.so.5(WTFCrash+0x1e) [0x7ffff1bff562]\n"
        "2   0x7ffff10f9cac /usr/lib/libQt5WebKit.so.5(+0x8efcac) [0x7ffff10f9cac]\n"
        "3   0x7ffff10ebfb7 /usr/lib/libQt5WebKit.so.5(_ZN3JSC6Object3putEPNS_4CellE+0x3b) [0x7ffff10ebfb7]\n"
        "4   0x7ffff10ebfb8 /usr/lib/libQt5WebKit.so.5(_ZN3JSC3runEi+0x3b) [0x7ffff10ebfb8]\n",
    ],
)
def test_webkits_own_stack_is_read(stack: str) -> None:
    """As macOS and as Linux write it."""
    finding, parts = only(WEBKIT + stack)
    assert (finding.title, parts) == (
        "ASSERT",
        ("!structure(vm)->mayIntercept(name)", "JSC::Object::put", "JSC::run"),
    )


def test_functions_with_arguments_in_backtrace_symbols_are_read() -> None:
    """V8's own stack has them demangled."""
    output = (
        "#\n# Fatal error in ../../src/objects/map.cc, line 321\n# Check failed: Count() == 0 (3 vs. 0).\n#\n"
        "==== C stack trace ===============================\n\n"
        "    /home/u/d8(v8::base::debug::StackTrace::StackTrace()+0x13) [0x55e1]\n"
        "    /home/u/d8(V8_Fatal(char const*, int, char const*, ...)+0x1a8) [0x55e2]\n"
        "    /home/u/d8(v8::internal::Map::Check()+0x1) [0x55e3]\n"
    )
    assert only(output)[1] == ("Count() == 0 in map.cc", "v8::internal::Map::Check")


@pytest.mark.parametrize("text", ["Fatal JavaScript out of memory: Reached heap limit", "Fatal javascript OOM in GC"])
def test_v8s_want_of_memory_is_no_crash_by_itself(text: str) -> None:
    """It ends in an orderly way, whatever its handler prints."""
    output = f"#\n# {text}\n#\nReceived signal 6\n".encode()
    assert explain(output=output).understanding.findings == ()
    assert explain(exit_status=134, output=output).understanding.findings[0].kind is Kind.OOM


@pytest.mark.parametrize(
    ("what", "title"),
    [
        ("Use After Free", "Heap-use-after-free"),
        ("Double Free", "Heap-double-free"),
        ("Invalid (Wild) Free", "Invalid-free"),
    ],
)
def test_gwp_asans_reports_are_read(what: str, title: str) -> None:
    """The stack of the access, not the one of the release."""
    output = (
        f"*** GWP-ASan detected a memory error ***\n{what} at 0x7feccab26000 (0 bytes into a 41-byte allocation at "
        "0x7feccab26000) by thread 31 here:\n  #0 ./a.out(use_it+0x9) [0x56a1]\n  #1 ./a.out(serve+0x1a) [0x56a2]\n\n"
        "0x7feccab26000 was deallocated by thread 31 here:\n  #0 ./a.out(free_it+0x9) [0x56a3]\n"
    )
    finding, parts = only(output)
    assert (finding.kind, finding.title, parts) == (Kind.SANITIZER, title, ("use_it", "serve"))


def test_scudos_words_are_read() -> None:
    """Addresses in them do not split a bucket."""
    finding, parts = only("Scudo ERROR: corrupted chunk header at address 0x200012340\n")
    assert (finding.title, parts) == ("Heap-corruption", ("corrupted chunk header at address ADDR",))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('ASSERT: "i >= 0 && i < size()" in file /usr/include/qt/qvector.h, line 432', "i >= 0 && i < size()"),
        ("/usr/include/c++/v1/vector:1393: assertion __n < size() failed: vector[] index", "__n < size()"),
        ("/x/include/c++/v1/span:99: libc++ Hardening assertion __i < size() failed: out of", "__i < size()"),
    ],
)
def test_checks_of_libraries_are_read(line: str, text: str) -> None:
    """Qt's and libc++'s."""
    finding, parts = only(line + "\n")
    assert (finding.kind, finding.title, parts[0]) == (Kind.ASSERTION, "ASSERT", text)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (
            "BUG: KMSAN: uninit-value in strlen lib/string.c:5 [inline]\n"
            "BUG: KMSAN: uninit-value in copy_name+0x1a/0x30 fs/x.c:9\n strlen lib/string.c:5 [inline]\n",
            "Kernel failure Uninit-value",
        ),
        (
            "BUG: KCSAN: data-race in copy_name / read_name\n\nwrite to 0xffffff82dd of 4 bytes by task 9 on cpu 0:\n",
            "Kernel failure Data-race WRITE 4",
        ),
        (
            "BUG: KFENCE: out-of-bounds read in copy_name+0xa6/0x234\n\nOut-of-bounds read at 0xffff8c3f2e29 (1B):\n",
            "Kernel failure Out-of-bounds-read",
        ),
    ],
)
def test_traces_without_a_heading_are_read(head: str, title: str) -> None:
    """Some of the kernel's tools write the stack at once."""
    finding, parts = only(head + " copy_name+0x1a/0x30 fs/x.c:9\n vfs_do+0x22/0x33 fs/y.c:10\n\n")
    assert (finding.title, parts) == (title, ("copy_name", "vfs_do"))


def test_modern_null_pointer_of_the_kernel_is_read() -> None:
    """Its first line names no page fault."""
    output = (
        "[  10.0] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
        "[  10.0] #PF: supervisor write access in kernel mode\n[  10.0] Oops: 0002 [#1] PREEMPT SMP PTI\n"
        "[  10.0] RIP: 0010:my_driver_write+0x2a/0x40 [mydrv]\n[  10.0] Call Trace:\n[  10.0]  <TASK>\n"
        "[  10.0]  vfs_write+0xb9/0x270\n[  10.0]  ksys_write+0x67/0xf0\n[  10.0]  </TASK>\n"
    )
    finding, parts = only(output)
    assert finding.title == "Kernel failure Null-pointer-dereference WRITE"
    assert (finding.address, finding.near_null) == ("0x0000000000000008", True)
    assert parts == ("my_driver_write", "vfs_write", "ksys_write")


def test_stall_is_where_the_interrupt_came_upon_it() -> None:
    """What stands above is the watchdog's own."""
    output = (
        "rcu: INFO: rcu_preempt self-detected stall on CPU\nCall Trace:\n <IRQ>\n sched_show_task+0x1/0x2\n </IRQ>\n"
        "RIP: 0010:spin_forever+0x1/0x2\n loop_caller+0x3/0x4\n"
    )
    finding, parts = only(output)
    assert (finding.kind, parts) == (Kind.HANG, ("spin_forever", "loop_caller"))


def test_order_of_locks_has_the_stack_of_the_first_mutex() -> None:
    """ThreadSanitizer names the mutex above it."""
    output = (
        "WARNING: ThreadSanitizer: lock-order-inversion (potential deadlock) (pid=9)\n"
        "  Cycle in lock order graph: M9 (0x7b10) => M10 (0x7b11) => M9\n\n"
        "  Mutex M10 acquired here while holding mutex M9 in main thread:\n"
        "    #0 pthread_mutex_lock <null> (a.out+0x4)\n    #1 take_both /home/u/l.c:9 (a.out+0x5)\n"
    )
    finding, parts = only(output)
    assert (finding.title, parts) == ("Lock-order-inversion", ("take_both",))


def test_gos_race_detector_is_read() -> None:
    """The first access, with its stack."""
    output = (
        "==================\nWARNING: DATA RACE\nWrite at 0x00c0000b4010 by goroutine 7:\n  ex/store.(*Table).Put()\n"
        "      /home/u/a.go:9 +0x44\n  main.main.func1()\n      /home/u/a.go:15 +0x20\n\n"
        "Previous read at 0x00c0000b4010 by main goroutine:\n  main.main()\n      /home/u/a.go:18 +0x9e\n"
        "==================\nFound 1 data race(s)\n"
    )
    finding, parts = only(output)
    assert (finding.kind, finding.title) == (Kind.SANITIZER, "Data race WRITE")
    assert parts[0] == "store.(*Table).Put"
    assert (finding.file.rpartition("/")[2], finding.line) == ("a.go", 9)


def test_helgrinds_race_has_frames() -> None:
    """The locks that were held stand above them."""
    output = (
        "==77== Possible data race during write of size 4 at 0x30 by thread #1\n==77== Locks held: none\n"
        "==77==    at 0x4005: bump (h.c:10)\n==77==    by 0x4006: serve (h.c:20)\n==77==\n"
    )
    finding, parts = only(output)
    assert (finding.kind, finding.title, parts) == (Kind.VALGRIND, "Data race", ("bump", "serve"))


def test_honggfuzzs_frames_in_parts_are_read() -> None:
    """Function, file and line, each under its name."""
    output = (
        "SIGNAL: SIGSEGV (11)\nFAULT ADDRESS: 0x10\nSTACK:\n"
        " <0x000000000055> [func:parse_tag file:/src/a.c line:3 module:/a.out]\n"
        " <0x000000000056> [func:UNKNOWN file: line:0 module:/a.out]\n"
    )
    finding, parts = only(output)
    assert (parts, finding.frames[0].line, finding.frames[1].function) == (("parse_tag",), 3, "")


def test_reports_without_a_frame_of_the_program_have_none_in_the_signature() -> None:
    """What prints the report stands on every report."""
    output = (
        "==9== ERROR: libFuzzer: fuzz target overwrites its const input\n"
        "    #0 0x5 in __sanitizer_print_stack_trace /llvm/a.cpp:87:3\n"
        "    #1 0x6 in fuzzer::PrintStackTrace() /llvm/FuzzerUtil.cpp:210:5\nSUMMARY: libFuzzer: x\n"
    )
    assert only(output)[1] == ()


def test_rusts_two_words_on_one_overflow_are_one_finding() -> None:
    """The guard page's handler speaks, then the runtime."""
    output = "\nthread 'main' has overflowed its stack\nfatal runtime error: stack overflow\nAborted (core dumped)\n"
    finding, _ = only(output)
    assert (finding.title, finding.thread) == ("Stack-overflow", "main")
