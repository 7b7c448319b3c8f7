"""Asks an iterator that asks an iterator, 200,000 deep, each step a C call.

Expected: the C stack overflows with SIGSEGV; interpreters that count the depth of C calls raise instead.
"""

iterator = iter(())
for _ in range(200000):
    iterator = filter(None, iterator)
next(iterator, None)
print("survived")
