"""Step-up: what is sensitive asks whether the person proved who they are within the last ten minutes.

The moment is in the actor itself (``User.proved_at``). Somebody whose proof nobody knows (a worker, an API token)
has none and is refused.
"""

from __future__ import annotations

from datetime import timedelta

from core import clock
from core.accounts.models import User
from core.errors import StepUpRequired

# ASVS 7.5: re-authenticate before changing what protects the account.
PROOF_LIFE = timedelta(minutes=10)


def is_recent_proof(actor: User) -> bool:
    """Whether the actor proved who they are, by password or code, within the last ten minutes."""
    return actor.proved_at is not None and clock.now() - actor.proved_at <= PROOF_LIFE


def require_recent_proof(actor: User) -> None:
    """Raise ``StepUpRequired`` unless the actor proved who they are within the last ten minutes."""
    if not is_recent_proof(actor):
        raise StepUpRequired
