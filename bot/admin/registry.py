"""The operator's commands that read or write the store, each a function of named values.

The same functions run in the process that owns the database and in a command line of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from bot.admin.agreements import agreements_list, approvals_list
from bot.admin.base import AdminContext, CommandError
from bot.admin.merchants import (
    merchants_add,
    merchants_close,
    merchants_limit,
    merchants_list,
    staff_add,
    staff_remove,
    staff_unlock,
)
from bot.admin.orders import incidents_list, orders_audit, orders_list, orders_settle, orders_show
from bot.admin.outbox import outbox_list, outbox_redrive
from bot.admin.payouts import payouts_status, payouts_switch
from bot.admin.people import people_forget, people_show, people_unlink
from bot.admin.reconcile import reconcile_accounts, reconcile_find, reconcile_list, reconcile_orders

__all__ = ["COMMANDS", "CommandError", "AdminContext"]

Command = Callable[[AdminContext, dict[str, Any]], Awaitable[Any]]

COMMANDS: Final[dict[str, Command]] = {
    "merchants.add": merchants_add,
    "merchants.list": merchants_list,
    "merchants.close": merchants_close,
    "merchants.limit": merchants_limit,
    "staff.add": staff_add,
    "staff.unlock": staff_unlock,
    "staff.remove": staff_remove,
    "payouts.switch": payouts_switch,
    "payouts.status": payouts_status,
    "agreements.list": agreements_list,
    "approvals.list": approvals_list,
    "orders.list": orders_list,
    "orders.show": orders_show,
    "orders.settle": orders_settle,
    "orders.incidents": incidents_list,
    "orders.audit": orders_audit,
    "outbox.list": outbox_list,
    "outbox.redrive": outbox_redrive,
    "people.show": people_show,
    "people.unlink": people_unlink,
    "people.forget": people_forget,
    "reconcile.accounts": reconcile_accounts,
    "reconcile.orders": reconcile_orders,
    "reconcile.list": reconcile_list,
    "reconcile.find": reconcile_find,
}
