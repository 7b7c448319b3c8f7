"""`crashfarm worker`: the machines that lend themselves."""

import getpass
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.base import plain_name
from crashfarm.documents.worker import Wish, Worker, worker_id
from crashfarm.errors import ConfigError, NotFound
from server import accounts, workers
from server.cli import options

app = typer.Typer(help="Workers: the machines that run jobs.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why; the worker's owner sees it.")]


def register(parent: typer.Typer) -> None:
    """Add the commands of this room."""
    parent.add_typer(app, name="worker")


@app.command("list")
def show(data: options.Data = None, as_json: options.AsJson = False) -> None:
    """List all workers and how they do."""
    found = workers.load(options.connect(data).status)
    console.print_table(_COLUMNS, map(_cells, found), as_json=as_json)


@app.command("show")
def show_one(
    name: Annotated[str, typer.Argument(metavar="WORKER", show_default=False)], data: options.Data = None
) -> None:
    """Show a worker's whole document, as JSON."""
    doc = options.connect(data).status.get(worker_id(name))
    if doc is None:
        raise NotFound(f"there is no worker {name}: see 'crashfarm worker list'")
    console.tell(json.dumps(doc, indent=1, ensure_ascii=False))


@app.command("pause")
def pause(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """Let workers rest: what runs goes on, nothing new is begun until they are resumed."""
    _wish(names, Wish.PAUSE, reason, data)


@app.command("resume")
def resume(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """End a pause, a drain, a stop that has not happened yet, or a quarantine."""
    _wish(names, Wish.RUN, reason, data)


@app.command("drain")
def drain(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """Let workers end what runs and begin nothing more, and stay."""
    _wish(names, Wish.DRAIN, reason, data)


@app.command("stop")
def stop(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """End workers at once; what runs goes back to the queue."""
    _wish(names, Wish.STOP, reason, data)


@app.command("restart")
def restart(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """Let workers end what runs and begin anew."""
    _wish(names, Wish.RESTART, reason, data)


@app.command("update")
def update(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """Let workers end what runs, run the update command of their own configuration, and begin anew."""
    _wish(names, Wish.UPDATE, reason, data)


@app.command("quarantine")
def quarantine(names: options.WorkerNames, reason: Reason = "", data: options.Data = None) -> None:
    """Take workers out until they are resumed."""
    status, now = options.connect(data).status, times.to_text(times.utc_now())
    for name in names:
        workers.quarantine(status, name, reason or "taken out by an admin", getpass.getuser(), now)
        console.tell(f"{name} is in quarantine")


@app.command("forget")
def forget(names: options.WorkerNames, data: options.Data = None) -> None:
    """Delete the documents of workers that will not come back."""
    status = options.connect(data).status
    for name in names:
        workers.forget(status, name)
        console.tell(f"{name} is forgotten")


@app.command("account")
def account(
    name: Annotated[str, typer.Argument(metavar="WORKER", help="The worker's name.", show_default=False)],
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the password here, readable by you alone.")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Give an account that is there a new password.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the account away.")] = False,
    data: options.Data = None,
) -> None:
    """Make an account for a machine that is lent: it may write what a worker must, and no more.

    The password is shown once and kept nowhere. Example: crashfarm worker account barn --file barn.password
    """
    farm = options.connect(data)
    if remove:
        accounts.remove(farm.connection, name)
        console.tell(f"{name} has no account any more")
        return
    with _secret_file(file) as write:
        write(accounts.create(farm.connection, name, renew=renew))
    where = f"COUCHDB_URL={farm.connection.url} CRASHFARM_FARM={farm.status.name}"
    console.say(f"on that machine: {where} COUCHDB_USER={name} COUCHDB_PASSWORD_FILE={file or '…'}")
    console.say(f"                 crashfarm-worker run --name {name} --allow PROGRAM")


@contextmanager
def _secret_file(file: Path | None) -> Iterator[Callable[[str], None]]:
    """Where a password goes: a new file that nobody else can read, or standard output."""
    if file is None:
        yield console.tell
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigError(f"cannot write to {file}: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "w") as opened:
            yield lambda password: print(password, file=opened)
    except BaseException:
        file.unlink()
        raise


def _wish(names: list[str], desired: Wish, reason: str, data: options.Data) -> None:
    status = options.connect(data).status
    for name in names:
        workers.wish(status, name, desired, reason, getpass.getuser())
        console.tell(f"{name} is to {desired}")


_COLUMNS = ("name", "state", "since", "wish", "running", "slots", "machine", "heartbeat", "version", "reason")


def _cells(worker: Worker) -> tuple[object, ...]:
    machine = f"{worker.os_name} {worker.os_version} {worker.cpu_name}"
    slots = (len(worker.running), worker.slots)
    told = (worker.heartbeat_at, worker.version, worker.state_reason)
    return (plain_name(worker.id), worker.state, worker.state_since, worker.control.desired, *slots, machine, *told)
