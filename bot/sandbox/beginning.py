"""How a world begins: from its record, from its configuration, and again after a reset."""

from decimal import Decimal

import msgspec

from bot.sandbox.books import OUTSIDE, handset_holder, purse_of
from bot.sandbox.config import parse_amounts, plain_digits
from bot.sandbox.model import ApiUser, Handset, Setting, Sms, Token
from bot.sandbox.world import World, digest


async def load_world(world: World) -> None:
    """Take up what the record holds, then add what the configuration presets."""
    record = world.record
    world.handsets = await record.load_documents("handset", Handset)
    world.users = await record.load_documents("user", ApiUser)
    world.tokens = await record.load_documents("token", Token)
    world.sms = sorted((await record.load_documents("sms", Sms)).values(), key=lambda sms: sms.seq)
    world.known_phones = set(await record.load_documents("phone", Setting))
    settings = await record.load_documents("setting", Setting)
    if "offset" in settings:
        world.offset = msgspec.json.decode(settings["offset"].value, type=float)
    await world.books.load()
    for entry in await record.load_entries():
        world.take_up(entry)
    world.last_seq = await record.last_seq("entries")
    world.last_seen = await record.last_seq("requests")
    _add_users(world)
    if "books" not in settings:
        _open_books(world)
    _add_handsets(world)


def begin_again(world: World) -> None:
    """Back to the beginning, except that credentials stay valid."""
    world.forget_all()
    _add_users(world)
    _add_handsets(world)
    world.events.tell("reset")


def _open_books(world: World) -> None:
    """Open the books of a record that has none: a new one, or one of version 1.

    How a handset came to what it has is not known there, so that is what it begins with.
    """
    for handset in world.handsets.values():
        for currency, amount in handset.balances.items():
            world.books.open(handset_holder(handset.msisdn), currency, amount)
    for entry in world.entries.values():
        if entry.provider == "momo" and "user" not in entry.detail:
            name = entry.detail["purse"]
            user = world.users.get(name)
            entry.detail |= {
                "user": name,
                "purse": world.purse(user, entry.detail["product"]) if user is not None else name,
                "merchant": user.payee if user is not None else "",
            }
            world.record.put_entry(entry)
        if entry.times_charged > entry.returned:
            world.books.move(entry.kind, entry.currency, entry.amount, OUTSIDE, purse_of(entry))
    world.keep_setting("books", True)


def _add_users(world: World) -> None:
    """The configured API users, as the partner portal would have made them."""
    for user in world.config.momo.users:
        world.keep_user(
            ApiUser(
                api_user=user.api_user,
                key_hashes=[digest(user.api_key)],
                callback_host=user.callback_host,
                environment=user.environment or world.config.momo.environment,
                product=user.product,
                subscription_keys=list(user.subscription_keys),
                payee=user.payee,
                balance=Decimal(user.balance),
                preset=True,
                wallet=user.wallet,
            )
        )


def _add_handsets(world: World) -> None:
    """The configured handsets that are not there: what the record says of one wins."""
    for given in world.config.handsets:
        msisdn = plain_digits(given.msisdn)
        if msisdn not in world.handsets:
            balances = parse_amounts(given.balance)
            world.set_handset(Handset(msisdn=msisdn, name=given.name, pin=given.pin, balances=balances))
