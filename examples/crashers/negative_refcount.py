"""Lets go of an object more often than it was taken.

Expected: a fatal error about the reference count on debug builds; release builds do not look and end well.
"""

import ctypes
import sys

thing = object()
offset = object.__basicsize__ - 2 * ctypes.sizeof(ctypes.c_ssize_t)
count = ctypes.c_ssize_t.from_address(id(thing) + offset)
count.value = -1000
alias = thing
del alias
count.value = 1000
print("nobody counted", sys.getrefcount(thing))
