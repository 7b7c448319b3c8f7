"""Gives a function a constant that it does not have.

Expected: interpreters trust their bytecode, so reading far beyond the constants ends in SIGSEGV or worse;
before 3.8 code objects have no replace(), and it is an unhandled AttributeError.
"""

import opcode


def give():
    return 1


load = opcode.opmap["LOAD_CONST"]
code = bytes([opcode.opmap["EXTENDED_ARG"], 255, opcode.opmap["EXTENDED_ARG"], 255, load, 255])
give.__code__ = give.__code__.replace(co_code=code + bytes([opcode.opmap["RETURN_VALUE"], 0]) * 4)
print(give())
