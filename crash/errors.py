"""Errors of crash tests.

CrashError
├── SubjectError       what is to be tested can't be: no such workflow, prompt or point
├── StuckError         the run waits for something that will not come
└── LaneError          a process of the kit's own ended, or did not answer
"""


class CrashError(Exception):
    """The root of this package's errors; the message is for people."""


class SubjectError(CrashError):
    """What was asked for can't be tested."""


class StuckError(CrashError):
    """No run is due, none ever will be, and the one that is tested has not ended."""


class LaneError(CrashError):
    """A process of the kit's own ended, or did not answer; its log says more."""
