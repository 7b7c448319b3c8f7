"""Workers as their owners meet them: started, ended, killed, and told what they may run."""

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.system.conftest import Shell
from tests.system.worker.farmyard import (
    PATIENCE,
    Store,
    fast_config,
    queue,
    run_to_the_end,
    state_of,
    still_running,
    wait_for,
)


def test_each_job_ends_as_its_program_did(farm: Shell, store: Store) -> None:
    """Well, by its own exit status, by a signal, by the time limit."""
    scripts = {"good": "echo fine", "bad": "exit 3", "segv": "kill -SEGV $$", "hang": "sleep 100"}
    queue(farm, scripts, seconds=1)
    run_to_the_end(farm, "--slots", "2")
    results = {result["input_name"]: result for result in store.results()}
    assert {name: result["outcome"] for name, result in results.items()} == {
        "good": "success",
        "bad": "failure",
        "segv": "failure",
        "hang": "failure",
    }
    assert results["bad"]["exit"]["status"] == 3
    assert results["segv"]["exit"]["signal"] == signal.SIGSEGV
    assert results["hang"]["exit"]["killed_for"] == "time"
    assert store.states() == {"completed": 4}


def test_the_output_is_kept_with_the_result(farm: Shell, store: Store) -> None:
    """As an attachment, standard output and standard error together."""
    queue(farm, {"both": "echo to out; echo to err >&2"})
    run_to_the_end(farm)
    [result] = store.results()
    answer = requests.get(f"{store.url}/{store.farm}-history/{result['_id']}/output.txt", auth=store.auth, timeout=20)
    assert answer.text == "to out\nto err\n"


def test_a_job_that_may_not_be_claimed_keeps_nobody(farm: Shell, store: Store) -> None:
    """The others are run, and the worker ends, having said why one is left."""
    refusal = """function (doc, old) {
      if (doc.state === "running" && doc.input.name === "theirs") throw {forbidden: "it is not yours"};
    }"""
    queue(farm, {"ours": "true", "theirs": "true"})
    store.put({"_id": "_design/extra", "validate_doc_update": refusal})
    run_to_the_end(farm)
    assert [result["input_name"] for result in store.results()] == ["ours"]
    assert store.states() == {"completed": 1, "pending": 1}
    told = [doc["text"] for doc in store.documents("message:") if doc["level"] == "warning"]
    assert [text for text in told if "cannot be claimed" in text and "it is not yours" in text]


def test_a_killed_worker_costs_nothing(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Another takes its jobs over after the lease; each counts once."""
    queue(farm, {f"script{n}": "sleep 0.4" for n in range(8)})
    victim = start("--name", "victim", "--slots", "2")
    wait_for(lambda: store.states()["running"])
    victim.kill()
    victim.wait()
    run_to_the_end(farm, "--name", "heir", "--slots", "4")
    assert store.states() == {"completed": 8}
    assert len(store.results()) == 8
    lost = [a for job in store.documents("job:") for a in job["attempts"] if a["outcome"] == "lost"]
    assert {a["worker"] for a in lost} == {"victim"}


def test_a_restarted_worker_takes_its_own_jobs_back_without_waiting(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """The lease would be an hour."""
    queue(farm, {"script": "sleep 0.5"})
    victim = start("--name", "victim", "--lease", "3600")
    wait_for(lambda: store.states()["running"])
    victim.kill()
    victim.wait()
    run_to_the_end(farm, "--name", "victim")
    assert store.states() == {"completed": 1}


def test_sigterm_lets_what_runs_finish(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """The job is completed, the others stay pending, the worker's document says stopped."""
    queue(farm, {f"script{n}": "sleep 1" for n in range(3)})
    worker = start("--name", "alpha")
    wait_for(lambda: store.states()["running"])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    assert store.states() == {"completed": 1, "pending": 2}
    assert [doc["state"] for doc in store.documents("worker:")] == ["stopped"]


def test_a_second_sigterm_gives_back_what_runs(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """At once; the program is ended, and the attempt is not held against the job."""
    queue(farm, {"script": f"sleep {os.getpid()}00"}, seconds=3000)
    worker = start("--name", "alpha")
    wait_for(lambda: still_running(f"sleep {os.getpid()}00"))
    worker.send_signal(signal.SIGTERM)
    wait_for(lambda: store.documents("worker:")[0]["state"] == "draining")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    [job] = store.documents("job:")
    assert (job["state"], [a["outcome"] for a in job["attempts"]]) == ("pending", ["released"])
    assert not still_running(f"sleep {os.getpid()}00")


def test_nothing_that_a_program_started_outlives_its_run(farm: Shell, store: Store) -> None:
    """Not even what began a session of its own and forgot its environment."""
    mark = f"sleep {os.getpid()}11"
    queue(farm, {"daemon": f"setsid {mark} & env -i setsid sh -c '{mark}' & sleep 0.5"})
    run_to_the_end(farm)
    assert store.states() == {"completed": 1}
    assert not still_running(mark)


def test_a_program_that_is_not_allowed_is_never_run(farm: Shell, store: Store) -> None:
    """Its jobs stay for others, and hide none that may be run."""
    queue(farm, {"bad": "echo bad"}, branch="forbidden", program="/bin/echo")
    queue(farm, {"good": "echo good"}, branch="permitted")
    run_to_the_end(farm)
    assert [result["input_name"] for result in store.results()] == ["good"]
    assert store.states() == {"completed": 1, "pending": 1}


def known(store: Store) -> list[dict[str, Any]]:
    """The workers' documents."""
    return [doc for doc in store.documents("worker:") if "lacks" in doc["dynamic_metadata"]]


def test_the_jobs_of_a_program_that_is_not_here_are_left_to_others(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """The worker goes on with the rest, and says what it lacks."""
    queue(farm, {"never": ""}, branch="missing", program="/bin/no-such-program")
    queue(farm, {"good": "echo good"}, branch="there")
    start("--name", "alpha", "--config", fast_config(farm), "--allow", "/bin/sh", "--allow", "/bin/no-such-program")
    wait_for(lambda: "/bin/no-such-program" in str([doc["dynamic_metadata"]["lacks"] for doc in known(store)]))
    wait_for(lambda: store.states() == {"completed": 1, "pending": 1})
    told = farm("crashfarm", "job", "stuck")
    assert "has the program and is allowed to run it" in told.out


def test_a_worker_needs_to_be_told_what_it_may_run(shell: Shell, refused: Callable[..., str]) -> None:
    """One line that says how."""
    assert "--allow" in refused(shell, "crashfarm-worker", "run")


def test_two_processes_cannot_be_one_worker(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """The second one is told to take another name."""
    start("--name", "alpha")
    wait_for(lambda: store.documents("worker:"))
    second = farm("crashfarm-worker", "run", "--name", "alpha", "--allow", "/bin/sh")
    assert second.status == 1
    assert "another --name" in second.err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("slots = 0", "slots"),
        ("lease = 0", "lease"),
        ("colour = 'red'", "colour"),
        ("allow = ['sh']", "not an absolute path"),
        ("= 3", "config.toml"),
    ],
)
def test_a_wrong_setting_is_named(shell: Shell, refused: Callable[..., str], settings: str, said: str) -> None:
    """In one line, before anything is done."""
    file = shell.data.parent / "config.toml"
    file.write_text("allow = ['/bin/sh']\n" * ("allow" not in settings) + settings)
    assert said in refused(shell, "crashfarm-worker", "run", "--config", file)


def test_a_paused_worker_takes_nothing_until_it_is_resumed(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """And says that it is paused, and why; what is stuck by it is shown with that reason."""
    start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: state_of(store) == "waiting")
    assert farm("crashfarm", "worker", "pause", "alpha", "--reason", "new disk").status == 0
    wait_for(lambda: state_of(store) == "paused")
    queue(farm, {"script": "echo run"})
    assert "alpha is to pause (new disk)" in farm("crashfarm", "job", "stuck").out
    assert store.states() == {"pending": 1}
    assert farm("crashfarm", "worker", "resume", "alpha").status == 0
    wait_for(lambda: store.states() == {"completed": 1})


def test_a_worker_restarts_and_stops_when_it_is_wished(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """The restarted one is a new incarnation, with the wish fulfilled; the stopped one ends well."""
    worker = start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: state_of(store) == "waiting")
    [before] = store.documents("worker:alpha")
    assert farm("crashfarm", "worker", "restart", "alpha").status == 0
    wait_for(lambda: store.documents("worker:alpha")[0]["incarnation"] != before["incarnation"])
    wait_for(lambda: state_of(store) == "waiting")
    assert store.documents("worker:alpha")[0]["control"]["desired"] == "run"
    assert farm("crashfarm", "worker", "stop", "alpha").status == 0
    assert worker.wait(PATIENCE) == 0
    assert state_of(store) == "stopped"


def test_a_running_job_that_is_cancelled_is_stopped(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Within a heartbeat; it leaves no result, and the worker goes on."""
    mark = f"sleep {os.getpid()}22"
    queue(farm, {"script": mark}, seconds=3000)
    start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: still_running(mark))
    [job] = store.documents("job:")
    assert farm("crashfarm", "job", "cancel", job["_id"], "--reason", "a mistake").status == 0
    wait_for(lambda: not still_running(mark))
    wait_for(lambda: state_of(store) == "waiting")
    [job] = store.documents("job:")
    assert (job["state"], job["reason"], store.results()) == ("aborted", "a mistake", [])


def test_a_worker_whose_document_is_deleted_registers_anew(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """It does not stumble over it."""
    start("--name", "alpha", "--config", fast_config(farm))
    wait_for(lambda: state_of(store) == "waiting")
    assert farm("crashfarm", "worker", "forget", "alpha").status == 0
    wait_for(lambda: state_of(store) == "waiting")


def test_a_worker_that_fails_job_after_job_takes_itself_out(
    farm: Shell, store: Store, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """It says why, and leaves its jobs to others: their attempts here have failed, but they have not ended."""
    program = farm.data.parent / "of-another-machine"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    queue(farm, {f"script{n}": "" for n in range(9)}, program=str(program))
    start("--name", "alpha", "--config", fast_config(farm), "--allow", str(program))
    wait_for(lambda: state_of(store) == "quarantined")
    [worker] = store.documents("worker:alpha")
    assert "3 jobs in a row could not be run" in worker["state_reason"]
    assert "Exec format error" in worker["state_reason"]
    wait_for(lambda: store.states() == {"pending": 9})
    assert {a["outcome"] for job in store.documents("job:") for a in job.get("attempts", ())} == {"failed"}
