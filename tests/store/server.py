"""A PostgreSQL server of the test session's own, on loopback, and a schema of its own for each store."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "30",
    "shared_buffers": "16MB",
    "listen_addresses": "127.0.0.1",
}


def programs() -> Path | None:
    """The folder of initdb and postgres; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [] if found is None else [Path(found).resolve().parent]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)


@contextmanager
def postgresql(binaries: Path) -> Iterator[str]:
    """A server while the context lasts; yields the URL of its database. As root it runs as another user: it must."""
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="nccli-postgresql-"))
    try:
        if user:
            shutil.chown(folder, "nobody", "nogroup")
        data = folder / "data"
        plain = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "env": {"PATH": os.defpath}}
        make = [binaries / "initdb", "-D", data, "-U", "nccli", "-A", "trust", "--no-sync", "-E", "UTF8", "--no-locale"]
        subprocess.run(make, check=True, stderr=subprocess.DEVNULL, **plain, **user)  # type: ignore[call-overload]
        port = _free_port()
        serve = [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder]
        serve += [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        log = (folder / "log").open("wb")
        server = subprocess.Popen(serve, stderr=log, **plain, **user)  # type: ignore[call-overload]
        try:
            _wait(server, port, folder / "log")
            yield f"postgresql+psycopg://nccli@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: it waits for no client
            server.wait(30)
            log.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_schema(url: str) -> str:
    """The URL of an empty schema of its own."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")  # type: ignore[arg-type]
    return f"{url}?options=-csearch_path%3D{name}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            psycopg.connect(f"postgresql://nccli@127.0.0.1:{port}/postgres", connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            try:
                server.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"the server did not start: {log.read_text()}")
