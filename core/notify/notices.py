"""What people are told about their account without asking: it goes out in the transaction of what happened."""

from __future__ import annotations

from core import clock
from core.accounts.models import User
from core.accounts.service import Accounts
from core.audit.origin import origin
from core.budgets.models import Budget, Listener, Subject, Warned
from core.budgets.service import Budgets
from core.db import Connection
from core.keys.models import Key
from core.keys.service import Keys
from core.money import dollars
from core.notify import messages
from core.notify.service import Mail
from core.passkeys.models import Passkey
from core.passkeys.service import Passkeys
from core.tokens.models import Token
from core.tokens.service import Tokens
from core.two_factor.service import TwoFactor


def tell_by_mail(
    mail: Mail,
    accounts: Accounts,
    keys: Keys,
    passkeys: Passkeys,
    tokens: Tokens,
    two_factor: TwoFactor,
    budgets: Budgets,
) -> None:
    """Have mail written about new devices, keys, passkeys and tokens, reset second factors, and budgets in use."""

    def about_device(connection: Connection, user: User, device: str) -> None:
        mail.put(connection, user.email, messages.new_device(clock.now(), device, origin().address))

    def about_key(connection: Connection, user: User, key: Key) -> None:
        mail.put(connection, user.email, messages.key_added(clock.now(), key.name))

    def about_passkey(connection: Connection, user: User, passkey: Passkey) -> None:
        mail.put(connection, user.email, messages.passkey_added(clock.now(), passkey.name))

    def about_token(connection: Connection, user: User, token: Token) -> None:
        mail.put(connection, user.email, messages.token_added(clock.now(), token.name))

    def about_reset(connection: Connection, user: User) -> None:
        mail.put(connection, user.email, messages.two_factor_reset(clock.now()))

    def about_budget(connection: Connection, listener: Listener, warned: Warned, subject: Subject) -> None:
        message = messages.budget_reached(
            _budget(warned.budget, subject, listener),
            warned.percent,
            dollars(warned.spent_micros),
            dollars(warned.budget.limit_micros),
        )
        mail.put(connection, listener.email, message)

    budgets.on_warning(about_budget)
    accounts.on_new_device(about_device)
    keys.on_added(about_key)
    passkeys.on_added(about_passkey)
    tokens.on_added(about_token)
    two_factor.lost.on_reset(about_reset)


def _budget(budget: Budget, subject: Subject, listener: Listener) -> str:
    period = {"day": "daily", "month": "monthly", "run": ""}[budget.period]
    if subject.scope == "organisation":
        return f"the organisation’s {period} budget"
    if subject.scope == "person" and subject.id == listener.user_id:
        return f"your {period} budget"
    return f"the {period} budget of {subject.name}"
