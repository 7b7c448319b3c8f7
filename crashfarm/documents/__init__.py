"""The documents that are the farm's state, as frozen values that keep the fields they do not know."""
