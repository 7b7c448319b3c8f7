"""Says that it failed, and nothing else. Expected: exit status 3 on every interpreter, and no finding."""

import sys

sys.exit(3)
