"""The processes that train for another one."""

from contextlib import suppress

import psutil


def crew_of(process: psutil.Process) -> list[psutil.Process]:
    """Those that a process has at work; one that has just ended, or is being waited for, is none."""
    found = []
    for each in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie too
            if "executors.worker" in " ".join(each.cmdline()):
                found.append(each)
    return found
