"""What a merchant may do by agreement: pre-approvals that stand, who has given them, and their end.

Source: MTN MoMo developer portal, pre-approval; a user's report for the wrapped list.
"""

from typing import Any

from bot.sandbox.model import Entry, moment
from bot.sandbox.momo.access import admit, invalid, momo_error
from bot.sandbox.momo.checks import check_holder
from bot.sandbox.momo.magic import NOTHING_APPROVED
from bot.sandbox.momo.results import SUCCESSFUL
from bot.sandbox.routing import Exchange
from bot.sandbox.wire import Answer, answer_json
from bot.sandbox.world import World

_ID_TYPES = ("msisdn", "email", "id", "alias", "party_code")


def stands(world: World, entry: Entry) -> bool:
    """Whether a pre-approval was given, not cancelled and has not run out."""
    if entry.kind != "pre_approval" or entry.status != SUCCESSFUL or entry.detail["state"] != "APPROVED":
        return False
    expires_at = entry.detail["expires_at"]
    return expires_at is None or expires_at > world.now()


def find_standing(world: World, request: Entry) -> Entry | None:
    """The pre-approval under which this request to pay needs no PIN."""
    if request.kind != "request_to_pay":
        return None
    for entry in world.agreements_of(request.msisdn or request.party):
        fits = entry.currency in ("", request.currency)
        if fits and entry.detail["purse"] == request.detail["purse"] and stands(world, entry):
            return entry
    return None


def list_approved(world: World, ex: Exchange, product: str) -> Answer:
    """`GET preapprovals/{type}/{id}`: those that this merchant may use now."""
    user = admit(world, ex, product)
    id_type, holder = ex.params["type"], ex.params["id"]
    if not world.config.strict:
        id_type = id_type.lower()
    if id_type not in _ID_TYPES or len(holder) > 200:
        raise invalid("The id type must be msisdn, email, id or alias.")
    if id_type not in ("id", "alias"):
        check_holder(id_type.upper(), holder, strict=world.config.strict)
    holder = holder.removeprefix("+")
    found = [
        _show_approved(entry)
        for entry in world.agreements_of(holder)
        if holder != NOTHING_APPROVED
        and entry.detail["purse"] == world.purse(user, product)
        and entry.detail["party_type"] == id_type.upper()
        and stands(world, entry)
    ]
    return answer_json(200, {"preApprovalDetails": found} if ex.faults.wrapped_lists else found)


def cancel_approved(world: World, ex: Exchange, product: str) -> Answer:
    """`DELETE preapproval/{id}`: takes the id of the list, and only while the pre-approval stands."""
    user = admit(world, ex, product)
    entry = world.find_entry("momo", "", ex.params["id"])
    if (
        entry is None
        or entry.kind != "pre_approval"
        or entry.provider_reference != ex.params["id"]
        or entry.detail["purse"] != world.purse(user, product)
    ):
        raise momo_error(404, "RESOURCE_NOT_FOUND")
    ex.reference = entry.reference
    if not stands(world, entry):
        raise momo_error(409, "NOT_ALLOWED", "Only an approved pre-approval can be cancelled.")
    entry.detail["state"] = "CANCELLED"
    entry.updated_at = world.now()
    world.keep_entry(entry)
    return Answer(200)


def _show_approved(entry: Entry) -> dict[str, Any]:
    detail = entry.detail
    shown = {
        "preApprovalId": entry.provider_reference,
        "toFri": f"FRI:{detail['merchant']}/USER",
        "fromFri": f"FRI:{detail['party_id'].removeprefix('+')}/{detail['party_type']}",
        "fromCurrency": entry.currency or None,
        "createdTime": moment(entry.created_at),
        "approvedTime": moment(detail["approved_at"]),
        "expiryTime": None if detail["expires_at"] is None else moment(detail["expires_at"]),
        "status": detail["state"],
        "message": detail["payer_message"],
    }
    return {name: value for name, value in shown.items() if value is not None}
