"""What some merchants ask of whoever pays: a table, a name, a pupil's number."""

from bot.dialog import OwnReference, Talk, Text
from bot.dialog.views import MerchantCard

__all__ = ["ask_given", "with_given"]


async def ask_given(talk: Talk, merchant: MerchantCard) -> str:
    """What the payer gives; empty for a merchant that asks nothing."""
    if not merchant.asks_for:
        return ""
    return await talk.ask(
        "given", OwnReference(), text="pay.given", merchant=merchant.name, name=merchant.asks_for
    )


def with_given(question: Text, given: str) -> Text:
    """The question with what was given below it, so that it is agreed to as well."""
    if not given:
        return question
    return Text("pay.with_given", {"question": question, "given": given})
