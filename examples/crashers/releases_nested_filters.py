"""Lets go of 700,000 nested filters, each of which frees the next one.

Expected: SIGSEGV up to 3.9, where the stack is used up, and on debug builds; ends well from 3.10 on.
"""

nested = filter(bool, ())
for _ in range(700_000):
    nested = filter(bool, nested)
del nested
