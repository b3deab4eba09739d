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
from core.passkeys.models import Passkey
from core.passkeys.service import Passkeys


def tell_by_mail(mail: Mail, accounts: Accounts, keys: Keys, passkeys: Passkeys) -> None:
    """Have a mail written about each sign-in with a new device, each new key and each new passkey."""

    def about_device(connection: Connection, user: User, device: str) -> None:
        mail.put(connection, user.email, messages.new_device(clock.now(), device, origin().address))

    def about_key(connection: Connection, user: User, key: Key) -> None:
        mail.put(connection, user.email, messages.key_added(clock.now(), key.name))

    def about_passkey(connection: Connection, user: User, passkey: Passkey) -> None:
        mail.put(connection, user.email, messages.passkey_added(clock.now(), passkey.name))

    accounts.on_new_device(about_device)
    keys.on_added(about_key)
    passkeys.on_added(about_passkey)
