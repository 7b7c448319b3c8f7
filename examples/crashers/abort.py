"""Ends itself as a failing C library would. Expected: SIGABRT on every interpreter."""

import os


def give_up():
    os.abort()


give_up()
