"""Why a deployment is not made."""


class RefusedError(Exception):
    """Something is missing, or would be lost; the message says what, and what to do."""
