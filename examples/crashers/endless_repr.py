"""An object whose repr needs its own repr, with the recursion limit out of the way.

Expected: SIGSEGV where the limit is all that guards the C stack (to 3.11); RecursionError where C calls are counted.
"""

import sys


class Mirror:
    def __repr__(self):
        return repr([self])


sys.setrecursionlimit(1000000)
print(len(repr(Mirror())))
