"""Each way in which programs, runtimes, kernels and debuggers tell of an end, read as a finding."""

import json

import pytest

from crashfarm.documents.finding import Kind
from crashfarm.understand import explain
from tests.unit.understand.samples import STACK, fault

JAVA = "\tat com.x.A.b(A.java:1)\n\tat com.x.A.c(A.java:2)\n"
CALLS = "main.crash(0x1)\n\t/home/u/go/src/x.go:12 +0x1d\nmain.main()\n\t/home/u/go/src/x.go:20 +0x1\n"
TRACE = " [<ffffffff81234567>] kasan_report+0x1/0x2\n [<ffffffff81234569>] foo_release+0x12/0x34 drivers/foo.c:12\n"
GDB = "#0  0x0000555555555131 in crash (p=0x0) at t.c:3\n#1  0x0000555555555150 in run () at t.c:9\n"

# text, kind, title, parts of the signature
REPORTS: dict[str, tuple[str, Kind, str, tuple[str, ...]]] = {
    "chromium check": (
        "[1:2:0101/000000.1:FATAL:foo.cc(12)] Check failed: a == b (1 vs. 2)\n#0 0x7f1234567890 bar::Baz()\n",
        Kind.ASSERTION,
        "CHECK failure",
        ("a == b in foo.cc", "bar::Baz"),
    ),
    "chromium security check": (
        "[1:1:0826/102126:FATAL:S.cpp(238)] Security DCHECK failed: a <= 0. \n",
        Kind.ASSERTION,
        "Security DCHECK failure",
        ("a <= 0 in S.cpp",),
    ),
    "glog": (
        "F0813 00:29:27.775753  384244 file.cc:130] Check failed: ok()\n",
        Kind.ASSERTION,
        "CHECK failure",
        ("ok() in file.cc",),
    ),
    "v8 check": (
        "#\n# Fatal error in ../../src/x.cc, line 12\n# Check failed: 0 == result.\n#\n",
        Kind.ASSERTION,
        "CHECK failure",
        ("0 == result in x.cc",),
    ),
    "v8 debug check": (
        "#\n# Fatal error in ../src/x.cc, line 12\n# Debug check failed: a (0 vs. 1).\n#\n",
        Kind.ASSERTION,
        "DCHECK failure",
        ("a in x.cc",),
    ),
    "v8 unreachable": (
        "#\n# Fatal error in ../src/typer.cc, line 2\n# unreachable code\n#\n",
        Kind.ASSERTION,
        "Unreachable code",
        ("typer.cc",),
    ),
    "v8 correctness": (
        "# V8 correctness failure\n# V8 correctness configs: a:b\n# V8 correctness sources: 12,34\n",
        Kind.ASSERTION,
        "V8 correctness failure",
        ("configs: a:b", "sources: 12,34"),
    ),
    "webkit": ("ASSERTION FAILED: m_x\n../Source/WTF/x.cpp(12) : void foo()\n", Kind.ASSERTION, "ASSERT", ("m_x",)),
    "glibc assert and the abort it leads to": (
        "t: t.c:12: void *f(int): Assertion `x > 0' failed.\n" + fault("ABRT", "0x0539000001ac"),
        Kind.ASSERTION,
        "ASSERT",
        ("x > 0", "inner", "ns::Outer::run"),
    ),
    "bsd assert": ("Assertion failed: (x > 0), function f, file t.c, line 12.\n", Kind.ASSERTION, "ASSERT", ("x > 0",)),
    "glibc heap": (
        "free(): double free detected in tcache 2\nAborted (core dumped)\n",
        Kind.CRASH,
        "Abrt",
        ("free(): double free detected in tcache N",),
    ),
    "gecko assertion": (
        "[7] ###!!! ASSERTION: bad thing: 'x', file c:/builds/m/build/src/layout/base/nsFoo.cpp, line 12\n",
        Kind.ASSERTION,
        "Assertion",
        ("bad thing: 'x'",),
    ),
    "gecko crash": (
        "Hit MOZ_CRASH(boom) at /builds/worker/checkouts/gecko/dom/F.cpp:12\n",
        Kind.ASSERTION,
        "MOZ_CRASH",
        ("boom",),
    ),
    "rust in one line": (
        "thread 'main' panicked at 'it broke', src/main.rs:2:5\n",
        Kind.ASSERTION,
        "ASSERT",
        ("it broke",),
    ),
    "rust in two lines": (
        "thread 'main' panicked at src/main.rs:2:5:\nthe len is 3\nstack backtrace:\n   0: rust_begin_unwind\n"
        "             at /rustc/abc/library/std/src/panicking.rs:645:5\n   1: demo::broken\n             "
        "at ./src/main.rs:2:5\n",
        Kind.ASSERTION,
        "ASSERT",
        ("the len is N", "demo::broken"),
    ),
    "go runtime error": (
        f"panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\n{CALLS}exit status 2\n",
        Kind.CRASH,
        "Index out of range",
        ("main.crash",),
    ),
    "go panic": (
        f"panic: boom\n\ngoroutine 1 [running]:\nnet/http.(*conn).serve(0x1)\n\t/go/x.go:1 +0x1\n{CALLS}",
        Kind.ASSERTION,
        "ASSERT",
        ("boom", "http.(*conn).serve", "main.crash"),
    ),
    "go fatal error": (
        f"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n{CALLS}",
        Kind.HANG,
        "Deadlock",
        ("all goroutines are asleep - deadlock!", "main.crash"),
    ),
    "jazzer": (
        f"== Java Exception: java.lang.IllegalStateException: no\n{JAVA}",
        Kind.EXCEPTION,
        "Uncaught exception",
        ("com.x.A.b", "com.x.A.c"),
    ),
    "jazzer security": (
        f"== Java Exception: com.code_intelligence.jazzer.api.FuzzerSecurityIssueHigh: x\n{JAVA}",
        Kind.EXCEPTION,
        "Security exception",
        ("com.x.A.b", "com.x.A.c"),
    ),
    "java": (
        f'Exception in thread "main" java.lang.NullPointerException\n\tat '
        f"java.base/java.util.Objects.requireNonNull(Objects.java:208)\n{JAVA}",
        Kind.EXCEPTION,
        "Uncaught exception",
        ("com.x.A.b", "com.x.A.c"),
    ),
    "java out of memory": (
        f'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space\n{JAVA}',
        Kind.OOM,
        "Out-of-memory",
        ("com.x.A.b", "com.x.A.c"),
    ),
    "node": (
        "/srv/app/x.js:3\n    throw new TypeError('no');\n    ^\n\nTypeError: no\n    at inner "
        "(/srv/app/x.js:3:9)\n    at node:internal/main:1:2\n",
        Kind.EXCEPTION,
        "Unhandled exception TypeError",
        ("TypeError", "inner"),
    ),
    "kasan": (
        f"BUG: KASAN: use-after-free in foo_release+0x12/0x34 at addr ffff880012345678\nRead of size 8 "
        f"by task syz/12\nCall Trace:\n{TRACE}\n",
        Kind.SANITIZER,
        "Kernel failure Use-after-free READ 8",
        ("foo_release",),
    ),
    "general protection fault": (
        f"general protection fault: 0000 [#1] SMP KASAN\nRIP: 0010:foo+0x12/0x34\nCall Trace:\n{TRACE}\n",
        Kind.SANITIZER,
        "Kernel failure General-protection-fault",
        ("foo", "foo_release"),
    ),
    "arm oops": (
        "Unable to handle kernel paging request at virtual address dead0008\nInternal error: Oops: 817 [#1] SMP ARM\n"
        "[<c0001234>] (foo+0x1/0x2) from [<c0001235>] (bar+0x1/0x2)\n",
        Kind.SANITIZER,
        "Kernel failure WRITE Translation Fault, Page (7)",
        ("foo",),
    ),
    "kernel bug": (
        f"kernel BUG at mm/slab.c:12!\ninvalid opcode: 0000 [#1]\nCall Trace:\n{TRACE}\n",
        Kind.SANITIZER,
        "Kernel failure Mm/slab.c:{*}!",
        ("foo_release",),
    ),
    "android tombstone": (
        "I/DEBUG ( 1): signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 00000008\n"
        "I/DEBUG ( 1):     #00  pc 00012345  /system/lib/libfoo.so (foo::bar(int)+12)\n"
        "I/DEBUG ( 1):     #01  pc 00012346  /system/lib/libfoo.so (baz+12)\n",
        Kind.CRASH,
        "Null-dereference",
        ("foo::bar", "baz"),
    ),
    "chromium signal handler": (
        "Received signal 11 SEGV_MAPERR 7f0000000008\n#0 0x7f1234567890 foo::bar()\n[end of stack trace]\n",
        Kind.CRASH,
        "UNKNOWN",
        ("foo::bar",),
    ),
    "gdb": (f"Program received signal SIGSEGV, Segmentation fault.\n{GDB}", Kind.CRASH, "SIGSEGV", ("crash", "run")),
    "gdb on an assertion": (
        "Program terminated with signal SIGABRT, Aborted.\n#0  raise (sig=6) at raise.c:51\n#1  0x7f12 "
        "in abort () at abort.c:79\n"
        '#2  0x7f13 in __assert_fail (assertion=0x5 "x", file=0x6 "t.c", line=3) at assert.c:101\n'
        "#3  0x5512 in decide (x=1) at t.c:3\n",
        Kind.CRASH,
        "SIGABRT",
        ("decide",),
    ),
    "cdb": (
        "(14a8.c04): Access violation - code c0000005 (!!! second chance !!!)\nREAD_ADDRESS:  "
        "0000000000000010\n\nSTACK_TEXT:\n"
        "002df7e4 00fd1423 00fd1078 00fd1078 7f956000 app!ns::crash+0x1e [c:\\src\\t.cpp @ 12]\n"
        "002df8b8 00fd1969 00000001 00328df8 0032e9c0 app!outer+0x23\n\n",
        Kind.CRASH,
        "READ",
        ("ns::crash", "outer"),
    ),
    "apple": (
        "Exception Type:        EXC_BAD_ACCESS (SIGSEGV)\nException Codes:       KERN_INVALID_ADDRESS at "
        "0x0000000000000010\n\n"
        "Thread 0 Crashed:\n0   app    0x00000001004b04c4 ns::crash(int) + 180 (t.cpp:12)\n1   app    "
        "0x00000001004b0500 outer + 12\n\n",
        Kind.CRASH,
        "SIGSEGV",
        ("ns::crash", "outer"),
    ),
    "minidump text": (
        "Crash reason:  SIGSEGV / SEGV_MAPERR\nCrash address: 0x10\n\nThread 0 main (crashed)\n 0  "
        "app!ns::crash(int) [t.cpp : 12 + 0x3]\n"
        "    rip = 0x1\n 1  app!outer [t.cpp : 20 + 0x5]\n\nThread 1\n 0  libc.so!poll\n",
        Kind.CRASH,
        "SIGSEGV",
        ("ns::crash", "outer"),
    ),
    "minidump with bars": (
        "Crash|SIGSEGV|0x10|0\n0|0|app|ns::crash(int)|hg:x:dir/t.cpp:12ab|12|0x3\n0|1|app|outer|||0x5\n1|0|libc.so|poll|||0x1\n",
        Kind.CRASH,
        "SIGSEGV",
        ("ns::crash", "outer"),
    ),
    "valgrind": (
        "==9== Invalid read of size 4\n==9==    at 0x4005: crash (t.c:6)\n==9==    by 0x4006: outer (in "
        "/srv/app)\n==9==  Address 0x52 is 0 bytes after\n==9== \n",
        Kind.VALGRIND,
        "Invalid read of size 4",
        ("crash", "outer"),
    ),
    "valgrind leak": (
        "==9== 10 bytes in 1 blocks are definitely lost in loss record 1 of 1\n==9==    at 0x48: malloc "
        "(vg_replace_malloc.c:381)\n==9==    by 0x40: owner (t.c:5)\n==9== \n",
        Kind.VALGRIND,
        "Leak_DefinitelyLost",
        ("owner",),
    ),
    "missing library": (
        "./t: error while loading shared libraries: libx.so.1: cannot open shared object file\n",
        Kind.CRASH,
        "Missing-library",
        ("libx.so.1",),
    ),
    "detector": (
        "===BUG DETECTED: Arbitrary domain name resolution===\n==1== ERROR: libFuzzer: deadly signal\n" + STACK,
        Kind.SANITIZER,
        "Arbitrary DNS resolution",
        ("inner", "ns::Outer::run", "target_fuzzer.cc"),
    ),
    "java machine": (
        "# A fatal error has been detected by the Java Runtime Environment:\n#\n"
        "#  SIGSEGV (0xb) at pc=0x7f, pid=1, tid=2\n#\n"
        "# Problematic frame:\n# C  [libfoo.so+0x1234]  crash+0x12\n#\n\nNative frames: (J=compiled Java code)\n"
        "C  [libfoo.so+0x1234]  crash+0x12\nj  com.x.A.call()V+0\n\n",
        Kind.CRASH,
        "SIGSEGV",
        ("crash", "com.x.A.call"),
    ),
    "dotnet": (
        "Unhandled exception. System.NullReferenceException: not set.\n"
        "   at App.Widget.Draw(Int32 x) in /src/app/Widget.cs:line 12\n   at App.Program.Main(String[] args)\n",
        Kind.EXCEPTION,
        "Unhandled exception NullReferenceException",
        ("NullReferenceException", "App.Widget.Draw", "App.Program.Main"),
    ),
    "go calling c": (
        f"SIGSEGV: segmentation violation\nPC=0x4a1 m=0 sigcode=1\n\ngoroutine 1 [syscall]:\n{CALLS}",
        Kind.CRASH,
        "SIGSEGV",
        ("main.crash",),
    ),
    "honggfuzz": (
        "SIGNAL: SIGSEGV (11)\nFAULT ADDRESS: 0x0\nSTACK:\n"
        " <0x5131> [crash():3 at /src/t.c]\n <0x5150> [outer():9 at /src/t.c]\n",
        Kind.CRASH,
        "SIGSEGV",
        ("crash", "outer"),
    ),
    "afl": ("[-] PROGRAM ABORT : Program crashed with signal 11\n", Kind.CRASH, "SIGSEGV", ()),
    "chakra": (
        "ASSERTION 12: (e:\\a\\lib\\x.cpp, line 123) bad thing\n Failure: (x)\n",
        Kind.ASSERTION,
        "ASSERT",
        ("bad thing",),
    ),
    "skia": ('/b/src/Sk.cpp:12: failed assertion "count > 0"\n', Kind.ASSERTION, "ASSERT", ("count > 0",)),
    "apple json": (
        '{"app_name":"x"}\n{\n "exception": {"type":"EXC_BAD_ACCESS","signal":"SIGSEGV"},\n'
        ' "faultingThread": 0,\n "threads": [{"frames":[{"symbol":"ns::crash(int)","imageIndex":0}]}],\n'
        ' "usedImages": [{"name":"app"}]\n}\n',
        Kind.CRASH,
        "SIGSEGV",
        ("ns::crash",),
    ),
    "centipede": ("========= Per-input timeout exceeded: 26 > 25 (sec); exiting\n", Kind.HANG, "Timeout", ()),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_format_is_read(name: str) -> None:
    """Kind, title and what identifies it."""
    text, kind, title, parts = REPORTS[name]
    explained = explain(output=f"some words before\n{text}".encode()).explained
    assert [(one.finding.kind, one.finding.title, one.signature.parts) for one in explained] == [(kind, title, parts)]
    assert explained[0].finding.message
    assert explained[0].finding.detail
    assert explained[0].finding.excerpt.splitlines()[0] in text


def test_valgrind_speaks_xml_too() -> None:
    """An <error> element tells the same as the text does."""
    xml = (
        "<error>\n<unique>0x0</unique>\n<kind>InvalidRead</kind>\n<what>Invalid read of size "
        "4</what>\n<stack>\n<frame>\n"
        "<ip>0x40</ip>\n<obj>/srv/app</obj>\n<fn>crash</fn>\n<dir>/srv</dir>\n<file>t.c</file>\n<line>6</line>\n</frame>\n"
        "</stack>\n<auxwhat>Address 0x52 is 0 bytes after a block</auxwhat>\n</error>\n"
    )
    (one,) = explain(output=xml.encode()).explained
    assert (one.finding.title, one.finding.access, one.finding.size, one.signature.parts) == (
        "Invalid read of size 4",
        "READ",
        4,
        ("crash",),
    )


def test_rust_minidump_json_gives_inlined_frames() -> None:
    """Inlined functions stand before the frame they are in."""
    frame = {
        "module": "app",
        "function": "outer",
        "file": "t.rs",
        "line": 9,
        "inlines": [{"function": "inner", "file": "t.rs", "line": 3}],
    }
    data = {
        "crash_info": {"type": "SIGSEGV", "address": "0x10", "crashing_thread": 0},
        "crashing_thread": {"frames": [frame]},
    }
    (one,) = explain(output=json.dumps(data).encode()).explained
    assert [(each.function, each.inlined) for each in one.finding.frames] == [("inner", True), ("outer", False)]
    assert (one.finding.title, one.finding.near_null) == ("SIGSEGV", True)


def test_casr_json_is_read() -> None:
    """CASR's own words are the title, its stack trace the frames."""
    data = {
        "CrashSeverity": {
            "Type": "EXPLOITABLE",
            "ShortDescription": "heap-buffer-overflow(write)",
            "Description": "Heap buffer overflow",
        },
        "Stacktrace": ["#0 0x4f6b78 in crash(char const*) /src/t.c:6:7", "#1 0x4f6c08 in outer /src/t.c:9:1"],
        "CrashLine": "/src/t.c:6:7",
        "AsanReport": ["==1==ERROR"],
    }
    (one,) = explain(output=json.dumps(data, indent=2).encode()).explained
    assert (one.finding.kind, one.finding.title) == (Kind.SANITIZER, "heap-buffer-overflow(write)")
    assert one.signature.parts == ("crash", "outer")


def test_an_android_abort_message_is_the_assertion() -> None:
    """The tombstone quotes the check that ended the process."""
    text = (
        "Fatal signal 6 (SIGABRT), code -6 in tid 2 (Main)\npid: 1, tid: 2, name: Main  >>> com.x <<<\n"
        "signal 6 (SIGABRT), code -6 (SI_TKILL), fault addr --------\n"
        "Abort message: [FATAL:View.cpp(1838)] Check failed: state < 3.\n"
        "    #0 0xa26fcd8b in logging::LogMessage::~LogMessage() base/logging.cc:532:29\n    #1 "
        "0xa3c30597 in View::check() View.cpp:1838:5\n"
    )
    (one,) = explain(output=text.encode()).explained
    assert (one.finding.kind, one.signature.parts) == (Kind.ASSERTION, ("state < 3 in View.cpp", "View::check"))


@pytest.mark.parametrize(
    "text",
    [
        "#\n# Fatal error in CALL_AND_RETRY_LAST\n# Allocation failed - JavaScript heap out of memory\n#\n",
        "#\n# Runtime error in ../../src/runtime/runtime-test.cc, line 87\n#\n",
        "ASSERT should not be triggered when type is changed.\n",
        "Error: 0 errors\npanic: not at all\nfatal error: x\nAssertion ok\nTraceback: none\n",
        "Sandbox testing mode is enabled.\n"
        + fault("SEGV", "0x7f0000000000")
        + "Caught harmless ASan fault. Exiting...\n",
    ],
)
def test_what_is_no_crash_gives_no_finding(text: str) -> None:
    """Words alone, and ends that are said to be orderly, raise no alarm."""
    assert explain(output=text.encode()).understanding.findings == ()
