"""The alphabet against an independent codec, and the replacements of the languages we serve."""

import unicodedata

import gsm0338
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.dialog.septets import (
    BASIC,
    EXTENSION,
    count_septets,
    count_ucs2,
    fits,
    fold,
    pack_ussd,
    prefers_ucs2,
)

# A judge of its own: another project's table of the same alphabet.
ORACLE = gsm0338.Codec()


def in_oracle(character: str) -> int | None:
    try:
        return len(ORACLE.encode(character)[0])
    except UnicodeError:
        return None


def test_the_tables_are_whole() -> None:
    assert len(BASIC) == 127
    assert len(EXTENSION) == 10


def test_every_character_costs_what_the_oracle_says() -> None:
    disagreements = [
        (hex(code), count_septets(chr(code)), in_oracle(chr(code)))
        for code in range(0x3000)
        if code != 0x1B  # the escape itself is no character
        and count_septets(chr(code)) != in_oracle(chr(code))
    ]
    assert disagreements == []


@given(st.text(st.sampled_from("".join(BASIC) + "".join(EXTENSION))))
def test_whole_texts_cost_what_the_oracle_says(text: str) -> None:
    assert count_septets(text) == len(ORACLE.encode(text)[0])


@pytest.mark.parametrize(
    ("text", "septets"),
    [("", 0), ("a", 1), ("€", 2), ("[5]", 5), ("a\nb", 3), ("a\r\nb", 4), ("Ç", 1), ("ç", None), ("`", None)],
)
def test_counting(text: str, septets: int | None) -> None:
    assert count_septets(text) == septets


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("", ""),
        ("1", "31"),
        ("hello", "E8329BFD06"),
        ("*123#", "AA986C3602"),
        ("1234567", "31D98C56B3DD1A"),
        ("12345678", "31D98C56B3DD70"),
        ("€5", "9B720D"),
    ],
)
def test_packing_vectors(text: str, packed: str) -> None:
    assert pack_ussd(text).hex().upper() == packed


@pytest.mark.parametrize(("length", "octets"), [(181, 159), (182, 160), (183, 161)])
def test_packed_length_at_the_limit(length: int, octets: int) -> None:
    assert len(pack_ussd("a" * length)) == octets


def test_a_final_cr_on_an_octet_boundary_is_doubled() -> None:
    assert pack_ussd("1234567\r") == pack_ussd("1234567\r\r")
    assert len(pack_ussd("1234567\r")) == 8
    assert pack_ussd("123456\r") == pack_ussd("123456\r\r")[:7]


def test_packing_refuses_what_the_alphabet_lacks() -> None:
    with pytest.raises(ValueError, match="CEDILLA"):
        pack_ussd("ça")


def unpack(packed: bytes) -> list[int]:
    bits = int.from_bytes(packed, "little")
    return [bits >> (7 * place) & 127 for place in range(len(packed) * 8 // 7)]


@given(st.text(st.sampled_from("".join(BASIC) + "".join(EXTENSION)), max_size=40))
def test_packing_can_be_undone(text: str) -> None:
    codes = list(ORACLE.encode(text)[0])
    unpacked = unpack(pack_ussd(text))
    assert unpacked[: len(codes)] == codes
    assert all(code == 0x0D for code in unpacked[len(codes) :])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # French
        ("Où êtes-vous ?", "Où etes-vous ?"),
        ("Réessayez à côté", "Réessayez à coté"),
        ("français, œuf, Œuvre, naïf, Noël", "francais, oeuf, OEuvre, naif, Noel"),
        ("ÀÂÈÊËÎÏÔÙÛ", "AAEEEIIOUU"),
        ("« oui » l’heure… – fin", '" oui " l\'heure... - fin'),
        ("1\u202f000\u00a0F", "1 000 F"),
        # Portuguese
        ("não, ações, água, três, avô, nº 2", "nao, acoes, agua, tres, avo, no. 2"),
        # Swahili
        ("ng’ombe", "ng'ombe"),
        # Twi, Ewe, Ga
        ("Wo ho te sɛn? Ɛyɛ, ɔkɔ", "Wo ho te sen? Eye, oko"),
        ("ɖe ƒe ɣe ŋu ʋu ʒi", "de fe ge ngu vu zhi"),
        ("ɛ\u0301 ɔ\u0303", "e o"),
        # Hausa
        ("ɓera, ɗaki, ƙasa, ƴaƴa, Ɓ Ɗ Ƙ Ƴ, ʼyaʼya", "bera, daki, kasa, yaya, B D K Y, 'ya'ya"),
        # Yoruba, Igbo
        ("ẹ ọ ṣ, ẹ́, ń ǹ, á í ó ú, è", "e o s, e, n n, a i o u, è"),
        ("ị ọ ụ ṅ ñ", "i o u n ñ"),
        # Lingala, Bambara, Wolof, Fulfulde
        ("ɲɔ ŋ ë ɓ ɗ", "nyo ng e b d"),
        # Money and signs
        ("₦500 ₵20 5 €", "NGN500 GHS20 5 €"),
        ("“a” ‘b’ • c × 2", "\"a\" 'b' - c x 2"),
        # Legal characters stay, also decomposed ones
        ("e\u0301 a\u0300 n\u0303", "é à ñ"),
        ("Ñandú Ç @ _ ¡", "Ñandu Ç @ _ ¡"),
        # Invisible things vanish, other blanks are blanks
        ("a\u200bb\u200e\ufeffc\x00d\u3000e\tf", "abcd e f"),
        # Compatibility forms
        ("５０ ﬁn ² №", "50 fin 2 No"),
        # Nothing to write
        ("日 🙂", "? ?"),
    ],
)
def test_transliteration(text: str, written: str) -> None:
    assert fold(text) == written


@given(st.text())
@example("\ud800")
def test_folded_text_is_in_the_alphabet_and_stays(text: str) -> None:
    folded = fold(text)
    assert count_septets(folded) is not None
    assert fold(folded) == folded


@given(st.text(st.sampled_from("".join(BASIC) + "".join(EXTENSION))))
def test_legal_text_is_only_composed(text: str) -> None:
    assert fold(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "ucs2"),
    [
        ("Pay 500 GHS", False),
        ("1234", False),
        ("", False),
        ("ɛyɛ ɔ ɖ", False),
        ("ክፍያ 500", True),
        ("دفع 500", True),
        ("Pay to 王", False),
    ],
)
def test_a_foreign_script_is_better_as_ucs2(text: str, ucs2: bool) -> None:
    assert prefers_ucs2(text) is ucs2


def test_fitting() -> None:
    assert fits("a" * 160, 160)
    assert not fits("a" * 161, 160)
    assert not fits("€" * 81, 160)
    assert fits("ም" * 70, 160)
    assert not fits("ም" * 71, 160)
    assert fits("ም" * 80, 182, 80)
    assert not fits("ም" * 61, 60)
    assert count_ucs2("a🙂") == 3
