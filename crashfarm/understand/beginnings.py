"""How the texts begin that a regular expression fits, as far as that is told at a glance.

Only what the lists of frames are full of is understood: plain characters, groups of alternatives, and the quantifiers
`?`, `*` and `+`. Of everything else it is said that nobody knows.
"""

LENGTH = 2
"""Characters of a beginning, at most."""

_SPECIAL = frozenset(".^$[]{}()|\\?*+")

Texts = frozenset[str]

_Begins = tuple[Texts, Texts]
# Texts that it fits as a whole, all shorter than LENGTH; and beginnings of others, which may go on in any way.

_NONE: Texts = frozenset()
_EMPTY: Texts = frozenset({""})


def of(expression: str) -> Texts | None:
    """Beginnings one of which each text has that it fits, or None where nobody knows, or where it fits any text."""
    whole, begun = _of_alternatives(expression)
    return None if "" in whole | begun else whole | begun


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
    found = [_of_sequence(one) for one in alternatives(expression)]
    return _NONE.union(*(whole for whole, _ in found)), _NONE.union(*(begun for _, begun in found))


def _of_sequence(expression: str) -> _Begins:
    whole, begun, at = _EMPTY, _NONE, 0
    while at < len(expression) and whole:
        atom, at = _atom(expression, at)
        quantifier = expression[at : at + 1]
        quantifier = quantifier if quantifier and quantifier in "?*+{" else ""
        if atom is None or quantifier == "{":
            return _NONE, begun | whole
        if quantifier:
            at += 1
            if expression[at : at + 1] in ("?", "+"):
                return _NONE, begun | whole
            atom = _repeated(atom, quantifier)
        whole, more = _joined(whole, atom)
        begun |= more
    return whole, begun


def _joined(whole: Texts, atom: _Begins) -> _Begins:
    """What begins with one of these texts and goes on with the atom."""
    longer = {text + more for text in whole for more in atom[0]}
    begun = {text + more for text in whole for more in atom[1]} | {text for text in longer if len(text) >= LENGTH}
    return frozenset(text for text in longer if len(text) < LENGTH), frozenset(text[:LENGTH] for text in begun)


def _repeated(atom: _Begins, quantifier: str) -> _Begins:
    whole, begun = last, _ = atom
    for _ in range(LENGTH if quantifier in "*+" else 0):
        last, more = _joined(last, atom)
        whole, begun = whole | last, begun | more
    return whole if quantifier == "+" else whole | _EMPTY, begun


def _atom(expression: str, at: int) -> tuple[_Begins | None, int]:
    """What stands there, or None where that is not understood, and where it ends."""
    character = expression[at]
    if character not in _SPECIAL:
        return (frozenset(character), _NONE), at + 1
    escaped = expression[at + 1 : at + 2]
    if character == "\\" and escaped and not escaped.isalnum():
        return (frozenset(escaped), _NONE), at + 2
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
