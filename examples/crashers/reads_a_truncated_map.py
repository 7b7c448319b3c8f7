"""Maps a file into memory, cuts the file to nothing, and reads where it was. Expected: SIGBUS on every interpreter."""

import mmap
import tempfile

with tempfile.TemporaryFile() as file:
    file.truncate(mmap.PAGESIZE)
    page = mmap.mmap(file.fileno(), 0)
    file.truncate(0)
    print(page[0])
