"""Which processes of this machine are still alive, known by more than a number that another may have by now."""

import socket

import psutil


def process() -> str:
    """This process as one that is never mistaken for a later one of the same number."""
    own = psutil.Process()
    return f"{socket.gethostname()} {own.pid} {own.create_time()}"


def is_dead(known: str) -> bool:
    """Whether a process of this host is gone, reaped or not; of those of other hosts nothing is known."""
    host, pid, created = known.rsplit(" ", 2)
    if host != socket.gethostname():
        return False
    try:
        found = psutil.Process(int(pid))
        return bool(found.status() == psutil.STATUS_ZOMBIE or abs(found.create_time() - float(created)) > 1)
    except psutil.NoSuchProcess:
        return True
