"""Calls itself 200,000 deep with the recursion limit out of the way.

Expected: SIGSEGV up to 3.10; from 3.11 on calls from Python to Python take no stack, and the script ends well.
"""

import sys

sys.setrecursionlimit(10**6)


def descend(depth):
    return descend(depth - 1) if depth else "at the bottom"


print(descend(200_000))
