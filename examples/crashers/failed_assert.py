"""Breaks a promise that only a C assert checks: a buffer of no bytes to print into.

Expected: a failed assertion and SIGABRT on debug builds; release builds are compiled without asserts and end well.
"""

import ctypes

buffer = ctypes.create_string_buffer(16)
ctypes.pythonapi.PyOS_snprintf(buffer, ctypes.c_size_t(0), b"text")
print("no assert looked")
