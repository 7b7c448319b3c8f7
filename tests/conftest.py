"""What holds for all tests."""

import os

from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested. CI looks four times as long as a person waits.
settings.register_profile("farm", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)
settings.register_profile("ci", settings.get_profile("farm"), max_examples=100)
settings.load_profile("ci" if os.environ.get("CI") else "farm")
