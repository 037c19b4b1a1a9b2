"""Checks Host and Origin of a browser under `run`: only our own pages may change anything.

Everything it plays with is pretend, but any page that is open in the same browser could play along.
"""

from typing import Any, Final

from aiohttp import web

from bot.web.answers import answer_error
from bot.web.background import PARTS
from bot.web.peers import is_named_as_ours, sent_by_our_page

__all__ = ["keep_to_ourselves"]

_LOOKING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def keep_to_ourselves(request: web.Request, handler: Any) -> web.StreamResponse:
    hosts = request.app[PARTS].hosts
    if hosts is not None:
        if not is_named_as_ours(request, hosts):
            return answer_error(request, 403, "Not a name of ours: use the address that `run` printed.")
        if request.method not in _LOOKING and not sent_by_our_page(request):
            return answer_error(request, 403, "That is taken from our own page only.")
    response: web.StreamResponse = await handler(request)
    return response
