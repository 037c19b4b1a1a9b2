"""The operator's commands about people in the terminal: who is linked to what, and the end of a link."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.terminal import Folder, fail, operate, show_table, show_time

__all__ = ["people"]

people = typer.Typer(help="People, and the chats linked to their numbers.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The phone number, as it is dialled or with its country.")]


@people.command("show")
def people_show(number: Number, folder: Folder = Path("kasapay-data")) -> None:
    """A person by their number: language, roles at merchants, and the chats linked to it."""
    found = operate("people.show", {"number": number}, folder)
    print(
        f"{found['number']}, first seen {show_time(found['created_ms'])} UTC, language {found['language']}."
    )
    for role in found["roles"]:
        print(f"On this phone: {role}.")
    rows = [
        chat | {"roles": ", ".join(chat["roles"]), "reachable": _yes(chat["reachable"])}
        for chat in found["chats"]
    ]
    print("Linked chats:")
    show_table(rows, ("id", "kind", "linked_ms", "seen_ms", "reachable", "roles"))
    if rows:
        print(f"End a link with: kasapay people unlink {found['number']} ID")


@people.command("unlink")
def people_unlink(
    number: Number,
    chat: Annotated[str, typer.Argument(help="The beginning of a chat's id, as `people show` says it.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every chat linked to the number.")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """End the link of a chat, of a lost phone say. It sees nothing of the person any more."""
    if not chat and not every:
        fail([f"Name a chat or say --all; see: kasapay people show {number}"])
    done = operate("people.unlink", {"number": number, "chat": chat, "all": every}, folder)
    kinds = " and ".join(done["chats"])
    print(f"Unlinked from {done['number']}: {kinds}. Roles taken up there have ended; results go by SMS.")


@people.command("forget")
def people_forget(
    who: Annotated[str, typer.Argument(help="A phone number, or the code of a payment.")],
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Erase a person as far as the ledger allows: numbers, chats, links, roles, and what was said.

    Payments stay, with number and amount: they answer for money. Backups made before hold everything, and so
    does the chat on the person's own phone.
    """
    if not yes and not typer.confirm(f"Forget {who}? It cannot be undone.", err=True):
        fail(["Nothing was changed."])
    done = operate("people.forget", {"who": who}, folder)
    print(f"Forgotten. Orders that stay in the ledger: {done['orders']}.")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
