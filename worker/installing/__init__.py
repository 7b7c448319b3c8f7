"""Builds that are downloaded: fetched, checked, unpacked, kept for the next run, and thrown away when room is short."""
