"""Where the files of runs are in an artifact store."""


def artifact_key(session_id: str, name: str, *, retries: int = 0) -> str:
    """Give where a run's file goes: what a retry makes anew does not write over what was there."""
    life = f"retry-{retries}/" if retries else ""
    return f"runs/{session_id}/{life}{name}"
