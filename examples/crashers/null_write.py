"""Writes near address 0 through ctypes. Expected: SIGSEGV on every interpreter."""

import ctypes


def overwrite(address, value):
    ctypes.memset(address, value, 1)


overwrite(8, 255)
