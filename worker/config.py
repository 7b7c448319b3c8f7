"""What the owner of a worker machine decides: a TOML file and the options of the command."""

import socket
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from crashfarm import sources
from crashfarm.errors import ConfigError
from crashfarm.queue.leases import LONGEST
from worker import refusing

Seconds = Annotated[float, Meta(gt=0)]
Lease = Annotated[float, Meta(gt=0, le=LONGEST, description="seconds of silence after which others take its jobs over")]
Count = Annotated[int, Meta(ge=1)]
Slots = Annotated[int, Meta(ge=1, le=200, description="how many jobs run at once")]
NAMED = "a letter or digit and up to 99 letters, digits, dots, dashes and underscores"
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description=NAMED)]


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds for every run, in bytes. The time comes with each job and is cut to `seconds`.

    `file` bounds each file that it writes, `open` how many files each of its processes has open, and the worker
    itself, `folder` all files in its working folder. `core` bounds core files, which are read by gdb where the output
    tells no stack; 0 is for none.
    """

    seconds: Seconds = 3600.0
    memory: Count = 2 << 30
    output: Count = 64 << 20
    processes: Count = 256
    file: Count = 4 << 30
    open: Annotated[int, Meta(ge=2048)] = 4096
    folder: Count = 8 << 30
    core: Annotated[int, Meta(ge=0)] = 1 << 30


class BuildsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds for builds that are downloaded: bytes of one download, of its files when unpacked, how many members an
    archive may have, bytes of all builds that are kept, and seconds that a download may take.
    """

    download: Count = 4 << 30
    unpacked: Count = 16 << 30
    members: Count = 300_000
    cache: Count = 32 << 30
    seconds: Seconds = 3600.0


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one worker.

    `allow` lists the programs that may be run, absolute paths whose `*` stays within a path component; nothing else
    is run, whatever the database says, but for the programs of builds that are downloaded from below one of the
    addresses in `allow_builds_from`. `schemes` are those of the URLs that may be given to a program. Times are in
    seconds: a claim that is not renewed for `lease` is taken over, `drain` is how long a stopping worker waits for
    what runs, `idle` is the longest pause between two questions for work, `deny_environment` are patterns of
    variables that a branch may not set, `update` is the command that brings this worker to the version that the farm
    wants (`{version}` in it stands for that), and `quarantine` how long the first rest after failures is.
    """

    name: Name = msgspec.field(default_factory=socket.gethostname)
    slots: Slots = 1
    allow: tuple[str, ...] = ()
    allow_builds_from: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ("http", "https")
    deny_environment: tuple[str, ...] = ("LD_*", "GCONV_PATH", "CRASHFARM_*")
    lease: Lease = 60.0
    heartbeat: Seconds = 10.0
    idle: Seconds = 5.0
    drain: Seconds = 30.0
    update: tuple[str, ...] = ()
    quarantine: Seconds = 60.0
    limits: LimitsConfig = LimitsConfig()
    builds: BuildsConfig = BuildsConfig()


def load(path: Path | None, **options: object) -> Config:
    """Read the file, if there is one, and lay the options over it; those that are None or empty count as not given.

    Raises ConfigError that names the setting.
    """
    try:
        settings = msgspec.toml.decode(path.read_bytes()) if path else {}
        given = {name: value for name, value in options.items() if value not in (None, [], ())}
        config = msgspec.convert(settings | given, Config)
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{path or 'the options'}: {refusing.words(Config, settings | given, str(exc))}") from exc
    except msgspec.MsgspecError as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    for pattern in config.allow:
        if not Path(pattern).is_absolute():
            raise ConfigError(f"allow: {pattern!r} is not an absolute path")
    for prefix in config.allow_builds_from:
        if not sources.is_prefix(prefix):
            raise ConfigError(f"allow_builds_from: {prefix!r} is not an address like https://host/folder/")
    return config
