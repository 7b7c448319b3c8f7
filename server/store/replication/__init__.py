"""Replication by the store itself: between any two databases that speak the protocol."""
