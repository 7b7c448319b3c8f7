"""Names of functions: demangled, and without what is not part of the name (arguments, qualifiers, hashes)."""

import re
from functools import lru_cache

import itanium_demangler

MAX_NAME = 300
"""Characters of a function's name that are kept."""

_STRUCTOR = re.compile(r"([\w~]+)(<[^{}]*>)?::\{(?:base |complete |allocating |deleting )?(ctor|dtor)\}")
_ANONYMOUS = re.compile(
    r"(?:\(anonymous(?: namespace| class)?\)|`anonymous[ -]namespace'|\{anonymous\}|_GLOBAL__N_1)::|@?\(anonymous\)"
)
_RUST_HASH = re.compile(r"::h[0-9a-f]{5,16}(?: \(\.llvm\.\d+\))?$|\[[0-9a-f]{16}\]")
_CLONE = re.compile(
    r" ?\[clone [^\]]*\]|\.(?:part|isra|constprop|cold|llvm)\.?[\d.]*(?=$|\()|@@?(?:GLIBC|GLIBCXX|CXXABI)[\w.]*$"
)
_GLIBC = re.compile(r"^_*GI_(?=[_a-z])")
"""What glibc writes before names that it calls itself by."""
_OPERATOR = re.compile(r"operator(?:\(\)|<=>|<<=?|>>=?|->\*?|[<>]=?|\[\])")
_RUST_ESCAPES = {
    "$LT$": "<",
    "$GT$": ">",
    "$u20$": " ",
    "$u7b$": "{",
    "$u7d$": "}",
    "$RF$": "&",
    "$BP$": "*",
    "$C$": ",",
}
_OPEN = {"<": ">", "{": "}", "[": "]"}


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """The name in a function's description, as a stack line has it."""
    name = _GLIBC.sub("", demangle(text.strip())[: 4 * MAX_NAME])
    if "$" in name and ("$LT$" in name or "$u" in name):
        name = _unescape_rust(name)
    name = _ANONYMOUS.sub("", _CLONE.sub("", name))
    name = _RUST_HASH.sub("", name[: _arguments(name)].strip())
    return name[:MAX_NAME]


def demangle(name: str) -> str:
    """A C++ name as it was written in the source, where it is mangled and can be read."""
    mangled = name[1:] if name.startswith("__Z") else name
    if not mangled.startswith("_Z"):
        return name
    try:
        parsed = itanium_demangler.parse(mangled)
    except Exception:
        return name
    return _STRUCTOR.sub(_structor, str(parsed)) if parsed is not None else name


def _structor(matched: re.Match[str]) -> str:
    tilde = "~" if matched[3] == "dtor" else ""
    return f"{matched[1]}{matched[2] or ''}::{tilde}{matched[1]}"


def _unescape_rust(name: str) -> str:
    for escape, character in _RUST_ESCAPES.items():
        name = name.replace(escape, character)
    return name.replace("..", "::").removeprefix("_") if name.startswith("_<") else name.replace("..", "::")


def _arguments(name: str) -> int:
    """Where the list of arguments begins: the first round bracket that is not inside another one or an operator."""
    masked = _OPERATOR.sub(lambda matched: "o" * len(matched[0]), name)
    closers: list[str] = []
    for position, character in enumerate(masked):
        if closers and character == closers[-1]:
            closers.pop()
        elif character in _OPEN:
            closers.append(_OPEN[character])
        elif character == "(" and not closers and position:
            if not masked.startswith("(*", position):
                return position
            closers.append(")")
    return len(name) if not closers else _first_bracket(masked)


def _first_bracket(name: str) -> int:
    """For names that were cut off inside a bracket, or use one in a way of their own."""
    at = name.find("(", 1)
    return at if at > 0 else len(name)
