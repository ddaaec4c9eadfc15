"""Which SQLite journal is safe where a store lies."""

import os
from pathlib import Path

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "ncpfs",
        "9p",
        "fuse.sshfs",
        "glusterfs",
        "fuse.glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ceph",
        "panfs",
    }
)


def wal_is_sound(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has no known fault in write-ahead logging.

    The WAL-reset corruption of 3.7.0 to 3.51.2 is fixed in 3.51.3, 3.50.7 and 3.44.6.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def file_system(path: Path) -> str | None:
    """Type of the file system that holds a path ("ext4", "nfs4"), None where the system does not say."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return None
    place = str(path.resolve())
    found, longest = None, -1
    for line in mounts.read_text(errors="replace").splitlines():
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip(os.sep) + os.sep)
        if inside and len(point) >= longest:
            found, longest = kind, len(point)
    return found


def choose_journal(path: Path, version: tuple[int, int, int]) -> str:
    """Return "wal" where SQLite and the file system are known to carry it, else "delete", the rollback journal."""
    system = file_system(path.resolve().parent)
    return "wal" if wal_is_sound(version) and system is not None and system not in NETWORK_FILE_SYSTEMS else "delete"
