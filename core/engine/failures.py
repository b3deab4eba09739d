"""What can go wrong with a node, beside what its kind says."""

from __future__ import annotations

from core.errors import CoreError


class OutputTooLarge(CoreError):
    """The result of a step is larger than {limit}. Let it give less, or split the work."""

    code = "output_too_large"


class NodeTimedOut(CoreError):
    """The step took longer than its limit of {seconds} s and could not be stopped."""

    code = "timeout"


class TooManyEntries(CoreError):
    """{called} has {count} entries, and {limit} at most can be worked on one by one. Filter it first."""

    code = "too_many_entries"


class InDoubt(CoreError):
    """It is not known whether this step has acted before it was interrupted. Say what happened, and it goes on."""

    code = "in_doubt"


class ChildFailed(CoreError):
    """The workflow inside this step did not succeed: {reason}"""

    code = "child_failed"
