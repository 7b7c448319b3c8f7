"""`python -m server.store`"""

import sys

from server.store.service import main

sys.exit(main())
