"""Importers, against servers on this machine that speak the trackers' languages."""
