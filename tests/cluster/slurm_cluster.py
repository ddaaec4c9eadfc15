"""A Slurm cluster of one node, of the test session's own: munge, MariaDB, slurmdbd, slurmctld and slurmd in a folder.

It needs no systemd, no control groups and no rights; the accounting is there because without it Slurm does not tell
what became of a task that was killed.
"""

import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge", "slurmdbd", "mariadb-server")
_PROGRAMS = ("munged", "mariadb-install-db", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "sbatch", "sacctmgr")
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

_SLURM = """
ClusterName=ci
FirstJobId={first}
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
MailProg=/bin/true
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=3
MaxArraySize=6
NodeName=localhost NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd}
AccountingStoragePass={folder}/munge.sock
"""

_SLURMDBD = """
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CommunicationParameters=NoInAddrAny
SlurmUser={user}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql}
StorageUser={user}
StorageLoc=accounting
"""


def missing() -> list[str]:
    """Programs of Slurm that are not installed."""
    return [each for each in _PROGRAMS if shutil.which(each, path=_PATH) is None]


def install() -> None:
    """Install what is missing, where this is a machine that tests may change."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    )


@dataclass(frozen=True)
class SlurmCluster:
    """A running cluster.

    Attributes:
        folder: of all its files.
    """

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """What a process of a user of this cluster has in its environment."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}

    def ask(self, *command: str) -> str:
        """What one of its programs prints."""
        env = {**os.environ, **self.env}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=60).stdout

    def update_node(self, state: str) -> None:
        """Set the state of its node."""
        self.ask("scontrol", "update", "nodename=localhost", f"state={state}", "reason=test")


@contextmanager
def slurm_cluster() -> Iterator[SlurmCluster]:
    """A cluster while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="nccli-slurm-"))
    folder.chmod(0o755)
    ports = dict(zip(("ctld", "slurmd", "dbd", "sql"), _free_ports(4), strict=True))
    words = {"folder": folder, "user": getpass.getuser(), "first": random.randrange(1000, 60000), **ports}
    (folder / "slurm.conf").write_text(_SLURM.format(**words))
    (folder / "slurmdbd.conf").write_text(_SLURMDBD.format(**words))
    (folder / "slurmdbd.conf").chmod(0o600)
    for name in ("state", "spool", "sql"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    cluster = SlurmCluster(folder)
    try:
        with ExitStack() as stack:
            _start(cluster, stack, ports["sql"])
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(cluster: SlurmCluster, stack: ExitStack, sql: int) -> None:
    folder = cluster.folder

    def serve(name: str, *arguments: str) -> None:
        stack.enter_context(_served(cluster, name, arguments))

    munge = [f"--{name}={folder}/{file}" for name, file in _MUNGE.items()]
    serve("munged", "--force", "--foreground", *munge)
    _wait_for(folder / "munge.sock")
    root = ["--user=root"] if os.geteuid() == 0 else []
    make = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={folder}/sql",
        "--auth-root-authentication-method=normal",
    ]
    subprocess.run([*make, *root], check=True, capture_output=True, env={**os.environ, **cluster.env})
    (folder / "grants.sql").write_text(_GRANTS.format(user=getpass.getuser()))
    serve(
        "mariadbd", "--no-defaults", f"--datadir={folder}/sql", f"--socket={folder}/sql.sock", f"--port={sql}",
        "--bind-address=127.0.0.1", f"--pid-file={folder}/sql.pid", f"--init-file={folder}/grants.sql",
        "--innodb-buffer-pool-size=32M", *root,
    )  # fmt: skip
    _wait_for(folder / "sql.sock")
    serve("slurmdbd", "-D")
    _until(lambda: "ci" in cluster.ask("sacctmgr", "-i", "add", "cluster", "ci") or True)
    serve("slurmctld", "-D", "-i", "-c")
    serve("slurmd", "-D", "-N", "localhost")
    _until(lambda: cluster.ask("sinfo", "-h", "-o", "%T").strip() == "idle")


_MUNGE = {
    "key-file": "munge.key",
    "socket": "munge.sock",
    "pid-file": "munge.pid",
    "log-file": "munge.log",
    "seed-file": "munge.seed",
}
_GRANTS = """
CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1';
CREATE USER IF NOT EXISTS '{user}'@'localhost';
GRANT ALL ON *.* TO '{user}'@'127.0.0.1' WITH GRANT OPTION;
GRANT ALL ON *.* TO '{user}'@'localhost' WITH GRANT OPTION;
"""


@contextmanager
def _served(cluster: SlurmCluster, name: str, arguments: Sequence[str]) -> Iterator[None]:
    program = shutil.which(name, path=_PATH)
    assert program is not None
    with (cluster.folder / f"{name}.out").open("wb") as log:
        server = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **cluster.env},
            start_new_session=True,
        )
        try:
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _wait_for(path: Path) -> None:
    _until(path.exists)


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds; what a server that is not up yet answers is no failure."""
    until, trouble = time.monotonic() + seconds, ""
    while time.monotonic() < until:
        try:
            if holds():
                return
        except subprocess.CalledProcessError as error:
            trouble = error.stderr
        time.sleep(0.1)
    raise AssertionError(f"the cluster is not up after {seconds} s: {trouble}")
