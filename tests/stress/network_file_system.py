"""Two hosts and one store on a network file system: `network_file_system.py [--rounds N] [--folder FOLDER]`

Hosts are namespaces of processes, mounts and names, each with a client of its own of one GlusterFS server on this
machine (Debian's glusterfs-server and glusterfs-client), so that files and locks go over the wire. With --folder they
share that folder instead, such as one of an NFS server that is mounted already. They train one grid together, construct
and list; then every run is there, `store check` is clean from both, and the journal is the rollback journal.

One JSON line, exit 1 where that does not hold; where there is no such file system the line says why, and the exit is 0.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

NCCLI = Path(sys.executable).with_name("nccli")
PORT = 24_999
SEEDS = {"one": "0..7", "two": "4..11"}
HOSTS = tuple(SEEDS)
TRAINED = 12
TRAIN = "train-dufm --K 4 --L 3 --n 2 --width 6 --tol 0 --steps 20000 --quiet --format ids --seed"
NAMESPACES = ("unshare", "--mount", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child")
COHERENT = ("--attribute-timeout=0", "--entry-timeout=0", "--direct-io-mode=enable")
"""A client without caches, as an NFS client drops its own once it has a lock. Measured with 20 rounds: without direct
I/O, GlusterFS's default, pages outlive a lock in the kernel and the hosts damage the store within half a minute."""

SERVER = """
volume posix
  type storage/posix
  option directory {brick}
end-volume
volume locks
  type features/locks
  subvolumes posix
end-volume
volume server
  type protocol/server
  option transport-type tcp
  option transport.socket.bind-address 127.0.0.1
  option transport.socket.listen-port {port}
  option auth.addr.locks.allow 127.0.0.1
  subvolumes locks
end-volume
"""
CLIENT = """
volume remote
  type protocol/client
  option transport-type tcp
  option remote-host 127.0.0.1
  option remote-port {port}
  option remote-subvolume locks
end-volume
"""


class AbsentError(Exception):
    """Something that this machine lacks."""


def quietly(*command: str | Path) -> None:
    """Run a command of the system.

    Raises:
        AbsentError: it is not there or fails, with what it said.
    """
    if shutil.which(str(command[0])) is None:
        raise AbsentError(f"there is no {command[0]}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AbsentError(f"{shlex.join(map(str, command))}: {done.stderr.strip() or done.returncode}")


@contextmanager
def server(place: Path) -> Iterator[Path]:
    """A GlusterFS server; yields the file that its clients are described by."""
    (place / "brick").mkdir()
    (place / "server.vol").write_text(SERVER.format(brick=place / "brick", port=PORT))
    (place / "client.vol").write_text(CLIENT.format(port=PORT))
    quietly("glusterfsd", "-f", place / "server.vol", "-p", place / "pid", "-l", place / "server.log")
    try:
        yield place / "client.vol"
    finally:
        subprocess.run(["kill", (place / "pid").read_text().strip()], check=False)


@contextmanager
def client(described: Path, point: Path) -> Iterator[Path]:
    """The server's files, mounted."""
    point.mkdir()
    quietly("glusterfs", "-f", described, "-l", described.with_name(f"{point.name}.log"), *COHERENT, point)
    try:
        for _ in range(100):
            if os.path.ismount(point):
                break
            time.sleep(0.1)
        else:
            raise AbsentError(
                f"glusterfs does not mount: {described.with_name(f'{point.name}.log').read_text()[-300:]}"
            )
        yield point
    finally:
        subprocess.run(["umount", "-l", point], check=False)


def on_host(name: str, mounted: Path, here: Path, script: str) -> "subprocess.Popen[str]":
    """Start a script on a host, in the shared folder, which has the same name on all of them."""
    begin = f"set -e; hostname {name}; mount --bind {shlex.quote(str(mounted))} {shlex.quote(str(here))}"
    line = f'{begin}; cd {shlex.quote(str(here))}; nccli() {{ {NCCLI} "$@"; }}; {script}'
    return subprocess.Popen(
        [*NAMESPACES, "bash", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def scene(mounted: dict[str, Path], here: Path, rounds: int) -> dict[str, Any]:
    """What the hosts do at once, and what is there afterwards."""
    work = f"""
    nccli {TRAIN} $SEEDS > trained-$(hostname) &
    for K in $(seq 3 {rounds + 2}); do
        nccli construct --kind dnc --K $K --L 3 --quiet --format ids
        nccli runs list --limit 3 --format ids > /dev/null
    done > constructed-$(hostname)
    wait $!
    """
    began = time.perf_counter()
    running = {name: on_host(name, mounted[name], here, f"SEEDS={SEEDS[name]}; {work}") for name in HOSTS}
    said = {name: process.communicate()[1] for name, process in running.items()}
    seconds = time.perf_counter() - began
    failed = {name: said[name][-500:] for name, process in running.items() if process.returncode}
    checks, ids, hosts = {}, {}, set()
    for name in HOSTS:
        checking = on_host(name, mounted[name], here, "nccli store check --format json")
        out, err = checking.communicate()
        checks[name] = {row["check"]: row["value"] for row in json.loads(out)} if out else {"error": err}
        failed |= {f"store check on {name}": err[-500:]} if checking.returncode else {}
        exported = on_host(name, mounted[name], here, "nccli runs export").communicate()[0]
        records = [json.loads(line)["run"] for line in exported.splitlines()]
        ids[name] = sorted(record["id"] for record in records)
        hosts |= {record["host"] for record in records}
    trained = {name: (mounted[name] / f"trained-{name}").read_text().split() for name in HOSTS}
    constructed = {name: (mounted[name] / f"constructed-{name}").read_text().split() for name in HOSTS}
    wanted = sorted({*trained["one"], *trained["two"], *constructed["one"]})
    left = sorted(path.name for path in mounted["one"].iterdir() if "-" in path.name and "nccli.db" in path.name)
    held = {
        "every command ended well": not failed,
        "both hosts got what they asked for": constructed["one"] == constructed["two"]
        and {len(trained[name]) for name in HOSTS} == {8},
        "every run is there once, from both": ids["one"] == ids["two"] == wanted and len(wanted) == TRAINED + rounds,
        "both hosts worked": hosts >= set(HOSTS),
        "the journal is the rollback journal": {check.get("journal") for check in checks.values()} == {"delete"},
        "nothing is left behind": not left,
    }
    system = checks["one"].get("file system")
    figures = {"runs": len(ids["one"]), "seconds": round(seconds, 1), "file system": system, "left": left}
    return {**figures, "failed": failed, "held": held}


def main() -> int:
    """Mount, run and print what held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="constructions a host")
    parser.add_argument("--folder", type=Path, help="an empty folder on a network file system that is mounted already")
    options = parser.parse_args()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        here = place / "shared"
        here.mkdir()
        try:
            quietly(*NAMESPACES, "true")
            if options.folder is None:
                described = stack.enter_context(server(place))
                mounted = {name: stack.enter_context(client(described, place / name)) for name in HOSTS}
            else:
                mounted = dict.fromkeys(HOSTS, options.folder.resolve())
        except AbsentError as error:
            print(json.dumps({"scene": "two hosts", "skipped": str(error)}))
            return 0
        found = scene(mounted, here, options.rounds)
    print(json.dumps({"scene": "two hosts", **found}))
    return int(not all(found["held"].values()))


if __name__ == "__main__":
    sys.exit(main())
