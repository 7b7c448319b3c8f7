"""Raises an error with 110,000 others behind it, which the interpreter wants to print.

Expected: SIGSEGV up to 3.11; 3.12 loses its standard error over it; 3.13 prints some megabytes of unhandled ValueError.
"""

linked = None
for number in range(110_000):
    error = ValueError(number)
    error.__context__ = linked
    linked = error
raise linked
