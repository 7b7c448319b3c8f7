"""Takes memory until it is stopped, at most 4 GiB. Expected: out of memory, by the worker's limit or the machine's."""

taken = []
while len(taken) < 64:
    taken.append(bytearray(64 * 1024 * 1024))
    taken[-1][::4096] = b"x" * (64 * 1024 * 1024 // 4096)
print("there was room for all of it")
