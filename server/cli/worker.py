"""`crashfarm worker`: the machines that lend themselves."""

import getpass
import json
from typing import Annotated

import typer

from crashfarm import console, times
from crashfarm.documents.base import plain_name
from crashfarm.documents.worker import Wish, Worker, worker_id
from crashfarm.errors import NotFound
from server import workers
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


def _wish(names: list[str], desired: Wish, reason: str, data: options.Data) -> None:
    status = options.connect(data).status
    for name in names:
        workers.wish(status, name, desired, reason, getpass.getuser())
        console.tell(f"{name} is to {desired}")


_COLUMNS = ("name", "state", "wish", "running", "slots", "machine", "heartbeat", "version", "reason")


def _cells(worker: Worker) -> tuple[object, ...]:
    machine = f"{worker.os_name} {worker.os_version} {worker.cpu_name}"
    slots = (len(worker.running), worker.slots)
    told = (worker.heartbeat_at, worker.version, worker.state_reason)
    return (plain_name(worker.id), worker.state, worker.control.desired, *slots, machine, *told)
