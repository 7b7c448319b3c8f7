"""Reads the byte at address 0 through ctypes. Expected: SIGSEGV on every interpreter."""

import ctypes


def read(address):
    return ctypes.string_at(address)


read(0)
