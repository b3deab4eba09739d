"""A process that opens and settles calls as fast as it can.

Started with the URL of the database, the origin as JSON, a seed and a number of calls.

It prints "begun" before its first call and, at the end, how many were sent and how many were refused.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import timedelta

from core.budgets.failures import BudgetExceeded
from core.db import Database
from core.ledger.service import Ledger
from core.llm.pricing import OwnPrice, Tokens
from core.usage.models import CallOrigin
from core.usage.service import Usage

PRICE = OwnPrice(1_000_000, 1_000_000)
LEASE = timedelta(seconds=2)


def main(url: str, origin_json: str, seed: str, calls: str) -> None:
    """Make the calls."""
    usage, origin = Usage(Database(url), Ledger()), CallOrigin(**json.loads(origin_json))
    dice, sent, refused = random.Random(int(seed)), 0, 0
    print("begun", flush=True)
    for _ in range(int(calls)):
        bound = Tokens(dice.randint(1, 400), dice.randint(1, 400))
        try:
            call_id = usage.open_call(origin, bound, PRICE, lease=LEASE)
        except BudgetExceeded:
            refused += 1
            continue
        sent += 1
        if dice.random() < 0.2:
            usage.fail(call_id, "bad_key", 1)
        else:
            usage.settle(
                call_id, origin, Tokens(dice.randint(0, bound.input), dice.randint(0, bound.output)), PRICE, 1
            )
    print(sent, refused, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
