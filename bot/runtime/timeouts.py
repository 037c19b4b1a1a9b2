"""Every time limit in one place, with its default."""

import msgspec

__all__ = ["TIMES", "Timeouts"]


class Timeouts(msgspec.Struct, frozen=True):
    look_up_s: float = 3.0  # a provider call a person waits for
    call_s: float = 30.0  # a provider call the worker makes
    resume_s: float = 15 * 60  # "continue or start over" is offered this long
    journal_s: float = 24 * 3600  # how long a conversation is kept
    stranger_s: float = 6 * 3600  # a chat never linked, and silent this long without an order, is forgotten
    otp_s: float = 10 * 60  # how long a code is asked for
    send_s: float = 120  # an order not sent by then has failed, nothing taken
    absent_s: float = 120  # no sooner a provider's list or 404 says that a request never arrived
    absent_again_s: float = 60  # and it says so twice, so far apart
    settled_again_s: float = 15 * 60  # what failed for that is asked about once more
    lease_s: float = 60
    duplicate_s: float = 2  # a second "new" within this is the first, repeated
    stray_s: float = 600  # how long a closed session's id answers with its last screen
    silent_s: float = 600  # a session silent for longer takes no answer; a gateway may only lengthen it
    link_code_s: float = 5 * 60
    link_code_tries: int = 5
    link_tries_an_hour: int = 20  # of one network address, or one chat
    hint_spacing_s: float = 5  # between two status calls, whatever callbacks say
    settled_edit_s: float = 45  # a result later than this is also announced, since an edit is silent
    daily_s: float = 24 * 3600  # how often an unresolved order is asked about
    remember_s: float = 8 * 24 * 3600  # how long update ids and turns are remembered
    lapse_s: float = 180 * 24 * 3600  # an address silent this long belongs to nobody any more
    otp_prompt_s: float = 30  # linked chats are asked for a code when the session did not bring it


TIMES = Timeouts()
