"""Tells the interpreter that its state is beyond repair. Expected: a fatal error and SIGABRT on every interpreter."""

import ctypes


def lose_consistency():
    ctypes.pythonapi.Py_FatalError(b"the state of the example is beyond repair")


lose_consistency()
