"""Views in words: who is said to speak in a text message."""

from bot.channels.catalogue import Catalogue
from bot.channels.renderer import Renderer
from bot.dialog import Text, View


def test_a_text_message_names_the_service_where_it_stays_one() -> None:
    renderer = Renderer(Catalogue.load(), "GH", screens={}, sign="Kasapay: ")

    def said(words: str) -> str:
        return renderer.message(View(text=Text("chat.said", {"words": words})), "msisdn", "en").text

    assert said("Paid.") == "Kasapay: Paid."
    assert said("x" * 151) == "Kasapay: " + "x" * 151
    assert said("x" * 152) == "x" * 152
    chat = renderer.message(View(text=Text("chat.said", {"words": "Paid."})), "telegram", "en")
    assert chat.text == "Paid."
