"""With which characters the texts begin that a regular expression fits, as far as that is told at a glance.

Only what the lists of frames are full of is understood: plain characters, groups of alternatives, and the quantifiers
`?`, `*` and `+`. Of everything else it is said that nobody knows.
"""

_SPECIAL = frozenset(".^$[]{}()|\\?*+")

_Begins = frozenset[str] | None
# First characters; the empty text is among them where nothing need be there at all. None where nobody knows.


def of(expression: str) -> frozenset[str] | None:
    """The first characters of all texts that it fits, or None where nobody knows, or where it fits any text."""
    found = _of_alternatives(expression)
    return None if found is None or "" in found else found


def alternatives(expression: str) -> list[str]:
    """The expressions between the bars that stand outside of all groups and sets."""
    found, begin, at, depth = [], 0, 0, 0
    while at < len(expression):
        character = expression[at]
        if character == "[":
            at = _end_of_set(expression, at)
        elif character == "|" and not depth:
            found.append(expression[begin:at])
            begin = at + 1
        depth += (character == "(") - (character == ")")
        at += 2 if character == "\\" else 1
    return [*found, expression[begin:]]


def _end_of_set(expression: str, at: int) -> int:
    """Where the set ends that begins there: at its closing bracket."""
    at += 2 if expression[at + 1 : at + 2] == "^" else 1
    # A bracket that stands first is one of the characters.
    at += 1
    while at < len(expression) and expression[at] != "]":
        at += 2 if expression[at] == "\\" else 1
    return at


def _of_alternatives(expression: str) -> _Begins:
    found: frozenset[str] = frozenset()
    for one in alternatives(expression):
        begins = _of_sequence(one)
        if begins is None:
            return None
        found |= begins
    return found


def _of_sequence(expression: str) -> _Begins:
    found, at = frozenset({""}), 0
    while at < len(expression) and "" in found:
        atom, at = _atom(expression, at)
        quantifier = expression[at : at + 1]
        if atom is None or quantifier == "{":
            return None
        if quantifier and quantifier in "?*+":
            at += 1
            atom |= frozenset("" if quantifier == "+" else {""})
            if expression[at : at + 1] in ("?", "+"):
                return None
        found = found - {""} | atom
    return found


def _atom(expression: str, at: int) -> tuple[_Begins, int]:
    """The first characters of what stands there, and where it ends."""
    character = expression[at]
    if character not in _SPECIAL:
        return frozenset(character), at + 1
    escaped = expression[at + 1 : at + 2]
    if character == "\\" and escaped and not escaped.isalnum():
        return frozenset(escaped), at + 2
    if expression.startswith("(?:", at):
        end = _end_of_group(expression, at)
        return _of_alternatives(expression[at + 3 : end]), end + 1
    return None, at


def _end_of_group(expression: str, at: int) -> int:
    depth = 0
    while at < len(expression):
        character = expression[at]
        if character == "[":
            at = _end_of_set(expression, at)
        depth += (character == "(") - (character == ")")
        if character == ")" and not depth:
            return at
        at += 2 if character == "\\" else 1
    return at
