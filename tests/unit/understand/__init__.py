"""Tests of understanding crashes: a pure library, so they need nothing."""
