"""An error ends a thread; the program goes on.

Expected: exit status 0 on every interpreter, with an unhandled LookupError in the output.
"""

import threading


def work():
    raise LookupError("nothing to work on")


thread = threading.Thread(target=work, name="digger")
thread.start()
thread.join()
