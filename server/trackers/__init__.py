"""Bringing in bugs from the trackers that keep them: Bugzilla's REST API and GitHub's issues."""
