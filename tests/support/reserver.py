"""What a process does that opens and settles calls as fast as it can."""

from __future__ import annotations

import random
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from core.budgets.failures import BudgetExceeded
from core.db import Database
from core.ledger.service import Ledger
from core.llm.pricing import OwnPrice, Tokens
from core.prices.service import Prices
from core.rollup.service import Rollup
from core.usage.models import CallOrigin
from core.usage.service import Usage

PRICE = OwnPrice(1_000_000, 1_000_000)
LEASE = timedelta(seconds=2)


def usage_of(url: str) -> Usage:
    """Return the books of a database, without what only people need."""
    db = Database(url)
    nobody: Any = None  # tells nothing to the audit log
    return Usage(db, Ledger(), Prices(db, nobody), Rollup())


def spend(url: str, origin: CallOrigin, seed: int, calls: int, told: Connection) -> None:
    """Make so many calls; tell when it begins and, at the end, how many were sent and how many were refused."""
    usage, dice, sent = usage_of(url), random.Random(seed), 0
    told.send("begun")
    for _ in range(calls):
        bound = Tokens(dice.randint(1, 400), dice.randint(1, 400))
        try:
            call_id = usage.open_call(origin, bound, PRICE, lease=LEASE)
        except BudgetExceeded:
            continue
        sent += 1
        if dice.random() < 0.2:
            usage.fail(call_id, "bad_key", 1)
        else:
            used = Tokens(dice.randint(0, bound.input), dice.randint(0, bound.output))
            usage.settle(call_id, origin, used, 1)
    told.send((sent, calls - sent))
