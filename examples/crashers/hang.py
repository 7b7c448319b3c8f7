"""Never ends. Expected: a hang on every interpreter, ended by the worker's time limit."""


def wait_for_nothing():
    while True:
        pass


wait_for_nothing()
