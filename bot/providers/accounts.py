"""The accounts of the settings by id, each with its adapter: what it can do, and where it leads. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from bot.money import OrderKind, region_of
from bot.providers.base import Account, Adapter, ChecksHolders, PaysBills, able

__all__ = ["Accounts"]

_USUAL_PORTS = {"http": 80, "https": 443}


class Accounts:
    """The accounts by id, each with its adapter."""

    def __init__(self, accounts: Sequence[Account], adapters: Mapping[str, Adapter]) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._adapters = adapters

    def __contains__(self, account_id: str) -> bool:
        return account_id in self._accounts

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def account(self, account_id: str) -> Account:
        """Raises KeyError for an account the settings no longer name."""
        return self._accounts[account_id]

    def adapter(self, account_id: str) -> Adapter:
        return self._adapters[self._accounts[account_id].provider]

    def place(self, account_id: str) -> str:
        """Where the account leads, in one line: provider, address, environment. The spelling of an address
        (a slash at its end, capitals in its host, the usual port) makes no other place."""
        account = self._accounts[account_id]
        where = account.place or _plain_address(account.base_url)
        return " ".join(filter(None, (account.provider, where, account.environment)))

    def leads_to(self, account_id: str, place: str) -> bool:
        """Whether what belongs to `place` can be sent and asked for; what belongs nowhere yet can."""
        return account_id in self._accounts and place in ("", self.place(account_id))

    def can(self, account_id: str, capability: type[object]) -> bool:
        """Whether the account's provider has a capability: a protocol of `bot.providers.base`."""
        return account_id in self._accounts and able(self.adapter(account_id), capability) is not None

    def kinds(self, account_id: str) -> frozenset[OrderKind]:
        """The kinds of order the account can make; none for one the settings no longer name."""
        if account_id not in self._accounts:
            return frozenset()
        return self.adapter(account_id).kinds(self._accounts[account_id])

    def bills(self, account_id: str) -> tuple[str, ...]:
        """The bills that customers may pay through the account, by the names people see."""
        pays = able(self.adapter(account_id), PaysBills)
        return pays.bills(self._accounts[account_id]) if pays is not None else ()

    def for_number(self, party: str) -> Account | None:
        """The account to ask about a number: one of its country that can tell, else any that can; about
        an e-mail address or a party code any that can."""
        telling = [a for a in self._accounts.values() if self.can(a.id, ChecksHolders)]
        home = region_of(party) if party.startswith("+") else None
        return next((a for a in telling if a.region == home), telling[0] if telling else None)


def _plain_address(url: str) -> str:
    """One spelling of an address; as it stands where it cannot be taken apart."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _USUAL_PORTS.get(parts.scheme):
        host += f":{port}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
