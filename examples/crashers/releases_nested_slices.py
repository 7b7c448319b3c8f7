"""Lets go of half a million nested slices of iterators, each of which frees the next one.

Expected: ends well up to 3.11; SIGSEGV in 3.12.1 and 3.13.0, where the stack is used up again.
"""

import itertools

nested = iter(())
for _ in range(500_000):
    nested = itertools.islice(nested, 1)
del nested
