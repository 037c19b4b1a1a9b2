"""Lists agreements and the requests that wait for a second approval. Changes nothing."""

from collections.abc import Sequence
from typing import Any, Final

from bot.admin.base import AdminContext, CommandError
from bot.money import AgreementKind, Money, mask_msisdn, show_amount
from bot.store.records import AgreementRow, ApprovalRow, MerchantRow

__all__ = ["agreements_list", "approvals_list"]

_SHOWN_AT_MOST: Final = 200


async def agreements_list(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """What has not ended, newest first; of one merchant where `merchant` is its code."""
    found = [
        (row, merchant)
        for merchant in await _merchants(ctx, values)
        for kind in AgreementKind
        for row in await ctx.store.agreements_of_merchant(merchant.id, kind, _SHOWN_AT_MOST)
    ]
    found.sort(key=lambda pair: pair[0].created_ms, reverse=True)
    return [_agreement(row, merchant) for row, merchant in found[:_SHOWN_AT_MOST]]


async def approvals_list(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """What waits for a second person, oldest first; of one merchant where `merchant` is its code."""
    found = [
        (row, merchant)
        for merchant in await _merchants(ctx, values)
        for row in await ctx.store.approvals_waiting(merchant.id, ctx.clock(), _SHOWN_AT_MOST)
    ]
    found.sort(key=lambda pair: pair[0].created_ms)
    return [await _approval(ctx, row, merchant) for row, merchant in found[:_SHOWN_AT_MOST]]


def _agreement(row: AgreementRow, merchant: MerchantRow) -> dict[str, Any]:
    return {
        "code": row.code,
        "kind": row.kind.value,
        "state": row.state.value,
        "merchant": merchant.name,
        "customer": mask_msisdn(row.payer),
        # A consent is about no money.
        "amount": show_amount(Money(row.amount_minor, row.currency)) if row.amount_minor else "",
        "every": row.every,
        "made_ms": row.created_ms,
        "until_ms": row.until_ms,
    }


async def _approval(ctx: AdminContext, row: ApprovalRow, merchant: MerchantRow) -> dict[str, Any]:
    wanted = row.request
    asked = await ctx.store.staff_member(row.asked_by)
    return {
        "code": wanted.code,
        "kind": wanted.kind.value,
        "merchant": merchant.name,
        "amount": show_amount(Money(wanted.amount_minor, wanted.currency)),
        "to": mask_msisdn(wanted.payee or wanted.details.account_number),
        "asked_by": asked.name if asked else "",
        "asked_ms": row.created_ms,
        "until_ms": row.expires_ms,
    }


async def _merchants(ctx: AdminContext, values: dict[str, Any]) -> Sequence[MerchantRow]:
    code = str(values.get("merchant", "")).strip()
    if not code:
        rows: Sequence[MerchantRow] = await ctx.store.merchants()
        return rows
    row = await ctx.store.merchant_by_code(code)
    if row is None:
        raise CommandError(f"No merchant has the code {code!r}.")
    return [row]
