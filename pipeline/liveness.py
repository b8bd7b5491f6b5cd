"""Liveness of processes, identified by host, pid and start time, because pids are reused."""

import socket

import psutil


def process() -> str:
    """Return host, pid and start time of this process, which no later process shares."""
    own = psutil.Process()
    return f"{socket.gethostname()} {own.pid} {own.create_time()}"


def is_dead(identity: str) -> bool:
    """Return True if a process of this host has ended.

    For processes of other hosts, return False.
    """
    host, pid, created = identity.rsplit(" ", 2)
    if host != socket.gethostname():
        return False
    try:
        candidate = psutil.Process(int(pid))
        return bool(candidate.status() == psutil.STATUS_ZOMBIE or abs(candidate.create_time() - float(created)) > 1)
    except psutil.NoSuchProcess:
        return True
