"""Views in words: a USSD screen, an SMS or a chat message, in the person's language. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from bot.channels.base import Button
from bot.channels.catalogue import Catalogue
from bot.dialog import Text, View, fits
from bot.dialog.screens import UssdScreen, render_chat, render_sms, render_ussd

__all__ = ["Rendered", "Renderer"]

# Septets that one text message holds, and characters where one of them is outside GSM-7.
_ONE_SMS: Final = (160, 70)


class Rendered(msgspec.Struct, frozen=True):
    """A view in words for one address. `wants` is the view's hint (with "secret" a page hides what is typed);
    `wants_contact` is the label of the button that shares a contact card, where one is asked for."""

    text: str
    buttons: tuple[Button, ...] = ()
    wants: str = ""
    wants_contact: str = ""


class Renderer:
    """`screens`: how much a screen of each gateway holds, in septets, and in characters where it holds a
    letter that GSM 7-bit lacks. `sign` stands before a text message where it still is one with it."""

    def __init__(
        self, catalogue: Catalogue, region: str, *, screens: Mapping[str, tuple[int, int]], sign: str = ""
    ) -> None:
        self._catalogue = catalogue
        self._sign = sign
        self._region = region
        self._screens = screens

    def screen(self, view: View, gateway: str, language: str) -> UssdScreen:
        septets, characters = self._screens[gateway]
        return render_ussd(
            view,
            lambda text: self.say(text, language),
            self._catalogue.labels(language),
            budget=septets,
            ucs2_budget=characters,
        )

    def message(self, view: View, kind: str, language: str) -> Rendered:
        """For an address of the kind `msisdn` (an SMS: no buttons), `telegram` or `web`."""
        if kind == "msisdn":
            said = render_sms(view, lambda text: self.say(text, language))
            return Rendered(self._sign + said if fits(self._sign + said, *_ONE_SMS) else said)
        chat = render_chat(view, lambda text: self.say(text, language), self._catalogue.labels(language))
        share = self.say(Text("nav.share"), language) if view.wants == "contact" else ""
        return Rendered(chat.text, tuple(Button(*button) for button in chat.buttons), view.wants, share)

    def say(self, text: Text, language: str) -> str:
        return self._catalogue.say(text, language, self._region)
