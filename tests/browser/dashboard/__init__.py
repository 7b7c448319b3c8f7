"""The dashboard in Chromium, in front of one farm that all tests of it share."""
