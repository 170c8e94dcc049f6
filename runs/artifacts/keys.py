"""Where the files of runs are in an artifact store."""


def artifact_key(session_id: str, name: str, *, attempt: int = 1, take: int = 1) -> str:
    """Give where an attempt puts a file of its run: no two attempts, nor takes of one, share it.

    The store knows no lease: who could write where another has written could spoil what the head
    names. So a run that was never disturbed has its files under its id, and whoever is second goes
    beside them.
    """
    folder = "" if (attempt, take) == (1, 1) else f"attempt-{attempt}/"
    if take > 1:
        folder = f"attempt-{attempt}.{take}/"
    return f"runs/{session_id}/{folder}{name}"
