"""Tests of views, collation, JavaScript and selectors, without a server."""
