"""The envelope around every Startbutton answer, bent by the switches."""

from typing import Any

from bot.sandbox.fault_values import FaultValues
from bot.sandbox.startbutton.checks import Declined
from bot.sandbox.wire import Answer, answer_json


def refusal(declined: Declined, faults: FaultValues) -> Answer:
    """The envelope of a failure."""
    key = "status" if faults.envelope_key == "status" else "success"
    body: dict[str, Any] = {key: False, "message": declined.message}
    data = faults.envelope_data
    if data == "null" or (data == "usual" and declined.null_data):
        body["data"] = None
    elif data == "empty" or (data == "usual" and declined.empty_data):
        body["data"] = {}
    return answer_json(faults.refusal_status or declined.status, body)


def granted(faults: FaultValues, message: str, data: object, *, usual: str = "success") -> Answer:
    """The envelope of a success; without `data` where that is None."""
    key = usual if faults.envelope_key == "usual" else faults.envelope_key
    body = {key: True, "message": message}
    return answer_json(200, body if data is None else body | {"data": data})
