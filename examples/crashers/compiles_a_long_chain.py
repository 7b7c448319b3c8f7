"""Compiles an expression of 200,000 attributes, each of the one before.

Expected: the compilers of 3.7 to 3.9 walk it until the stack is used up, SIGSEGV; older and newer ones refuse it and
the script ends well.
"""

try:
    compile("x" + ".a" * 200_000, "long", "eval")
except (MemoryError, RecursionError, SyntaxError) as error:
    print("refused:", type(error).__name__)
