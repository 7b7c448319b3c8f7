"""Fails three calls deep. Expected: an unhandled ZeroDivisionError on every interpreter."""


def ratio(part, whole):
    return part / whole


def share(parts):
    return [ratio(part, sum(parts)) for part in parts]


share([1, -1])
