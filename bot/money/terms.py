"""The details of an order that only some kinds have. Pure values, kept with the order as JSON."""

import msgspec

__all__ = ["OrderDetails"]


class OrderDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """Empty where a kind of order has no use for a field.

    `validity_s`: for how long a pre-approval or an invoice shall stand, in seconds. `description`: the
    words of an invoice, or the reason of a refund. A bill is paid to `service_provider` under the
    customer's own `customer_reference` there (a meter, a contract). `bank_code` and `account_number` name
    a bank account in place of a wallet. What the order is about, where it is about another: the payment a
    refund gives back, the invoice or pre-approval it ends, by our reference (`about_reference`) and theirs.
    `given` is what the payer gave where the merchant asked for something, and `asked_for` its name then.
    """

    validity_s: int | None = None
    description: str = ""
    service_provider: str = ""
    customer_reference: str = ""
    bank_code: str = ""
    account_number: str = ""
    about_reference: str = ""
    about_provider_reference: str = ""
    asked_for: str = ""
    given: str = ""
