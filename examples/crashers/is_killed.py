"""Is ended from outside, as by the kernel when memory runs out. Expected: SIGKILL and no last words."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
