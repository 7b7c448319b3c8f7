"""Shrinks an array of bytes from within an assignment to it.

Expected: the byte is written into memory that is freed, SIGSEGV up to 3.9; from 3.10 on the index is checked again, and
the script ends well.
"""


class Shrinking:
    def __index__(self):
        data.clear()
        return 65


data = bytearray(1 << 20)
try:
    data[1 << 19] = Shrinking()
except IndexError as error:
    print("refused:", error)
