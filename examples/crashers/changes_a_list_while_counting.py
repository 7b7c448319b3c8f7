"""Empties a list from within a comparison that the list's own search makes.

Expected: the search goes on with an item that is freed and ends in SIGSEGV or SIGBUS on 3.6; ends well from 3.7 on.
"""


class Emptying(str):
    def __eq__(self, other):
        items.clear()
        return NotImplemented


items = [Emptying("here")]
print(items.count(Emptying("there")))
items = [Emptying("here")]
print(Emptying("nowhere") in items)
try:
    items = [Emptying("here")]
    items.remove(Emptying("elsewhere"))
except ValueError as error:
    print(error)
