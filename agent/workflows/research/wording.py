"""Words that progress, reports and the offline playbook share."""


def counted(count: int, noun: str) -> str:
    """Give a number of things: `1 finding`, `3 findings`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
