"""Which file system holds a store, and whether other machines share it."""

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
"""What Linux has mounted: a line each, device, mount point, type, … (man 5 fstab)."""

NETWORK_FILE_SYSTEMS = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "fuse.smbnetfs", "ncpfs", "9p", "dvs"),
        *("afs", "openafs", "coda", "davfs", "fuse.davfs2", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse"),
        *("lustre", "lustre_lite", "gpfs", "mmfs", "beegfs", "beegfs_nodev", "fhgfs", "panfs", "wekafs", "pvfs2"),
        *("orangefs", "ceph", "fuse.ceph", "fuse.ceph-fuse", "glusterfs", "fuse.glusterfs", "fuse.juicefs", "fuse.mfs"),
        *("fuse.moosefs", "fuse.lizardfs", "fuse.quobyte", "gfs2", "ocfs2", "vboxsf", "vmhgfs", "fuse.vmhgfs-fuse"),
    }
)
"""Types that several machines may have mounted at once: SQLite's shared memory does not reach from one to another."""

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""Spaces, tabs, newlines and backslashes of a mount point."""


def file_system(path: Path, mounts: Path | None = None) -> str | None:
    """Type of the file system that holds a path, where its links lead to ("ext4", "nfs4").

    Args:
        path: there or not.
        mounts: a list as `MOUNTS`, which is read for None.

    Returns:
        The type; None where the system has no such list, or no line of it holds the path.
    """
    try:
        listed = (MOUNTS if mounts is None else mounts).read_text(errors="surrogateescape")
    except OSError:
        return None
    place = str(path.resolve())
    found, longest = None, -1
    for line in listed.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[1])
        inside = place == point or place.startswith(point.rstrip(os.sep) + os.sep)
        if inside and len(point) >= longest:  # of several at one point the last is what is seen
            found, longest = fields[2], len(point)
    return found


def is_network(system: str | None) -> bool | None:
    """Whether other machines may share a file system of this type; None where the type is not known."""
    return None if system is None else system in NETWORK_FILE_SYSTEMS
