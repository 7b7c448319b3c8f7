"""Raises an error whose context leads into a circle.

Expected: up to 3.8 the interpreter goes round for ever when it links the next one, a hang; from 3.9 on an unhandled
KeyError.
"""


def circle():
    first, second, third = ValueError("first"), ValueError("second"), ValueError("third")
    first.__context__ = second
    second.__context__ = third
    third.__context__ = second
    try:
        raise first
    except ValueError:
        raise KeyError("last")


circle()
