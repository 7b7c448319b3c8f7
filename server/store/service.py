"""Starting and stopping a whole store."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from queue import SimpleQueue

import uvicorn

from crashfarm import __version__
from crashfarm.errors import ConfigError
from server.store import memory, system
from server.store.auth import Authenticator
from server.store.catalog import Catalog
from server.store.events import Events
from server.store.folder import DataFolder
from server.store.http.app import App, Server
from server.store.http.server import PROTOCOL
from server.store.javascript.pool import JavaScript
from server.store.javascript.process import Limits
from server.store.protocol import limited
from server.store.replication.scheduler import Scheduler
from server.store.settings import Settings
from server.store.views import ViewServer

_log = logging.getLogger(__name__)
#: What requests under way are given when the store is told to end, and what the whole end may take.
_GRACE_SECONDS = 2
_STOP_SECONDS = 6.0
_FILES = 65_536
#: Threads for what takes long: listings, views, filters. They mostly wait for the disk or for JavaScript.
_THREADS = 64


@dataclass(frozen=True, slots=True)
class Running:
    """A store that answers: its address, its administrator, and the file with the password."""

    url: str
    admin: str
    password_file: Path

    @property
    def password(self) -> str:
        """The administrator's password."""
        return self.password_file.read_text().strip()


@contextlib.contextmanager
def start(
    data_folder: Path | str,
    host: str = "127.0.0.1",
    port: int = 0,
    admin: str = "admin",
    settings: Settings | None = None,
) -> Iterator[Running]:
    """Run a store in a thread of this process while the block runs. ConfigError when it cannot start."""
    with _started(DataFolder(Path(data_folder), admin), host, port, settings, lambda: None) as running:
        yield running


def serve(
    data_folder: Path | str,
    host: str = "127.0.0.1",
    port: int = 0,
    admin: str = "admin",
    settings: Settings | None = None,
    ready: Callable[[Running], None] | None = None,
) -> None:
    """Run a store until SIGTERM or SIGINT, and a few seconds more at most: then the process ends, whatever it does.

    `ready` is called once the store accepts connections.
    """
    data = DataFolder(Path(data_folder), admin)
    # What may be put from a signal's handler, unlike an Event, and from the thread of the store when that ends.
    told: SimpleQueue[None] = SimpleQueue()
    with _started(data, host, port, settings, lambda: told.put(None)) as running:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.put(None))
        if ready is not None:
            ready(running)
        told.get()
        _end_in_time(data)


def _end_in_time(data: DataFolder) -> None:
    """End the process soon, even in the midst of something: what was acknowledged is on the disk."""

    def end() -> None:
        busy = sorted(thread.name for thread in threading.enumerate() if thread is not threading.current_thread())
        _log.warning("ended while these threads were at work: %s", ", ".join(busy))
        data.withdraw()
        os._exit(0)

    timer = threading.Timer(_STOP_SECONDS, end)
    timer.daemon = True
    timer.start()


class _Uvicorn(uvicorn.Server):
    store: Server

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End feeds and replications first: they would wait for news for ever."""
        self.store.scheduler.end()
        for feed in tuple(self.store.feeds):
            feed.cancel()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for `serve` to handle: a store in a thread must not touch them."""
        yield


@contextlib.contextmanager
def _started(
    data: DataFolder, host: str, port: int, settings: Settings | None, ended: Callable[[], None]
) -> Iterator[Running]:
    """A store in a thread of its own, which calls `ended` when it ends of itself."""
    memory.keep_small()
    _allow_files()
    settings = settings or Settings()
    try:
        listener = _listen(host, port)
        with contextlib.closing(listener), _opened(data, settings) as store:
            url = f"http://{_shown(host)}:{listener.getsockname()[1]}"
            data.announce(url, __version__)
            with _running(_uvicorn(store, settings), listener, ended):
                yield Running(url, data.admin, data.password_file)
    finally:
        data.release()


@contextlib.contextmanager
def _running(server: _Uvicorn, listener: socket.socket, ended: Callable[[], None]) -> Iterator[None]:
    def run() -> None:
        try:
            _run_until_exit(server, listener)
        finally:
            ended()

    thread = threading.Thread(target=run, name="store", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _allow_files() -> None:
    """Every connection and every open database takes file handles: take as many as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, _FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, max(soft, _FILES)), hard))


@contextlib.contextmanager
def _opened(data: DataFolder, settings: Settings) -> Iterator[Server]:
    javascript = JavaScript(Limits(settings.javascript_memory, settings.javascript_seconds))
    catalog = Catalog(data.path, javascript)
    store = Server(
        folder=data.path,
        uuid=data.config["uuid"],
        catalog=catalog,
        authenticator=Authenticator(catalog, data.config["admins"], data.config["secret"], settings),
        events=Events(catalog),
        scheduler=Scheduler(catalog, data.config["uuid"]),
        settings=settings,
        javascript=javascript,
        views=ViewServer(catalog, javascript),
        admins=tuple(data.config["admins"]),
    )
    try:
        system.prepare(store)
        store.scheduler.start()
        yield store
    finally:
        _close(store)


def _close(store: Server) -> None:
    """Functions of design documents are ended first: all others may wait for them."""
    store.javascript.close()
    store.script_threads.shutdown(wait=False, cancel_futures=True)
    store.scheduler.close()
    store.views.close()
    store.catalog.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _uvicorn(store: Server, settings: Settings) -> _Uvicorn:
    config = uvicorn.Config(
        App(store),
        loop="uvloop",
        http=limited(settings),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        headers=[("server", f"CouchDB/{PROTOCOL} (crashfarm/{__version__})")],
        timeout_keep_alive=settings.keep_alive_timeout,
        backlog=2048,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Uvicorn(config)
    server.store = store
    return server


def _run_until_exit(server: _Uvicorn, listener: socket.socket) -> None:
    threads = ThreadPoolExecutor(_THREADS, "store")
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.get_loop().set_default_executor(threads)
        runner.run(server.serve(sockets=[listener]))
        # The runner would wait for threads whose answers nobody awaits any more.
        runner.get_loop().set_default_executor(ThreadPoolExecutor(1))
    threads.shutdown(wait=False, cancel_futures=True)


def main(arguments: list[str] | None = None) -> int:
    """`python -m server.store --data DIR [--host HOST] [--port N]`: prints `ready URL`, serves until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m server.store", description="Serve a data folder.")
    parser.add_argument("--data", required=True, help="the data folder")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--admin", default="admin", help="the administrator's name")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting; goes before settings.json in the data folder",
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = settings_from(settings_in(Path(given.data)) | dict(text.partition("=")[::2] for text in given.set))
        serve(given.data, given.host, given.port, given.admin, settings, _print_ready)
    except ConfigError as error:
        print(f"crashfarm: {error}", file=sys.stderr)
        return 1
    return 0


def settings_in(folder: Path) -> dict[str, str]:
    """What the owner of a data folder wrote into its settings.json, if there is one. ConfigError if it is no object."""
    file = folder / "settings.json"
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{file} has to be an object of settings")
    return {name: str(value) for name, value in found.items()}


def settings_from(given: Mapping[str, str]) -> Settings:
    """Settings from their names and values as text; ConfigError for an unknown name or an unusable value."""
    settings = Settings()
    for name, text in given.items():
        if name not in {each.name for each in fields(Settings)}:
            raise ConfigError(f"there is no setting {name}")
        try:
            value = type(getattr(settings, name))(text)
        except ValueError as error:
            raise ConfigError(f"the setting {name} cannot be {text!r}") from error
        settings = replace(settings, **{name: value})
    return settings


def _print_ready(running: Running) -> None:
    print(f"ready {running.url}", flush=True)
