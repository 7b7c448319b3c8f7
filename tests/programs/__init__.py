"""Real programs, compiled here, that go wrong for real: what is understood of them. Skipped where a tool is missing."""
