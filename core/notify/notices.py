"""What people are told about their account without asking: it goes out in the transaction of what happened."""

from __future__ import annotations

from core import clock
from core.accounts.models import User
from core.accounts.service import Accounts
from core.audit.origin import origin
from core.db import Connection
from core.keys.models import Key
from core.keys.service import Keys
from core.notify import messages
from core.notify.service import Mail


def tell_by_mail(mail: Mail, accounts: Accounts, keys: Keys) -> None:
    """Have a mail written about each sign-in with a new device and each new key."""

    def about_device(connection: Connection, user: User, device: str) -> None:
        mail.put(connection, user.email, messages.new_device(clock.now(), device, origin().address))

    def about_key(connection: Connection, user: User, key: Key) -> None:
        mail.put(connection, user.email, messages.key_added(clock.now(), key.name))

    accounts.on_new_device(about_device)
    keys.on_added(about_key)
