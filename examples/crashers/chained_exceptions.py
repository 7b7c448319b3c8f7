"""Fails while it handles a failure. Expected: an unhandled RuntimeError with its cause on every interpreter."""


def read_setting(settings):
    try:
        return settings["colour"]
    except KeyError as error:
        raise RuntimeError("the setting is missing") from error


read_setting({})
