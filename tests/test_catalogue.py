"""The catalogue: what is said, what a fault costs, and what the check finds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.channels.catalogue import NAV_IDS, Catalogue, CatalogueError, native_name
from bot.dialog import Moment, NavLabels, Number, Text, Value
from bot.money import Money, parse_amount

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
NAV = {
    "nav.more": "More",
    "nav.back": "Back",
    "nav.home": "Home",
    "nav.menu": "Menu",
    "nav.words.back": "back, go back",
    "nav.words.home": "menu",
    "nav.words.leave": "cancel",
    "nav.words.yes": "yes",
    "nav.words.no": "no",
    "nav.words.help": "help",
}
ENGLISH = NAV | {
    "pay.amount": "How much? ({currency})",
    "pay.confirm": "Pay {amount} to {merchant} from {payer}?",
    "pay.failed": "Not paid: {reason}",
    "reason.rejected": "you refused it",
    "only.english": "Only here",
}
FRENCH = {
    "nav.more": "Suite",
    "nav.back": "Retour",
    "nav.home": "Accueil",
    "nav.menu": "Menu",
    "nav.words.back": "retour, Précédent",
    "nav.words.home": "accueil",
    "nav.words.leave": "annuler",
    "nav.words.yes": "oui",
    "nav.words.no": "non",
    "nav.words.help": "aide",
    "pay.amount": "Combien ? ({currency})",
    "pay.confirm": "Payer {amount} à {merchant} depuis {payer} ?",
    "pay.failed": "Non payé : {reason}",
    "reason.rejected": "vous avez refusé",
    "only.english": "",
}


def write(root: Path, language: str, entries: dict[str, str], more: str = "") -> None:
    folder = root / language / "LC_MESSAGES"
    folder.mkdir(parents=True)
    body = "".join(f'msgid "{name}"\nmsgstr "{sentence}"\n\n' for name, sentence in entries.items())
    (folder / "kasapay.po").write_text(HEADER + body + more, encoding="utf-8")


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    write(tmp_path, "en", ENGLISH)
    write(tmp_path, "fr", FRENCH)
    return Catalogue.load(tmp_path)


def test_values_are_shown_as_what_they_are(catalogue: Catalogue) -> None:
    values: dict[str, Value] = {
        "amount": Money(1250, "GHS"),
        "merchant": "Ama's Kitchen",
        "payer": Number("+233240000001", masked=False),
    }
    said = catalogue.say(Text("pay.confirm", values), "en", "GH")
    assert said == "Pay GHS 12.50 to Ama's Kitchen from 0240000001?"
    assert catalogue.say(Text("pay.confirm", values), "fr", "KE") == (
        "Payer GHS 12.50 à Ama's Kitchen depuis +233240000001 ?"
    )


@pytest.mark.parametrize(
    ("moment", "region", "said"),
    [
        (Moment(1_795_276_800_000), "GH", "21/11/2026 16:00"),
        (Moment(1_795_276_800_000), "NG", "21/11/2026 17:00"),
        (Moment(1_795_276_800_000), "RW", "21/11/2026 18:00"),
        (Moment(1_795_276_800_000, hour=True), "RW", "18:00"),
        (Moment(1_795_276_800_000, seen_ms=1_795_305_599_999), "GH", "16:00"),
        (Moment(1_795_276_800_000, seen_ms=1_795_305_600_000), "GH", "21/11 16:00"),
        (Moment(1_795_294_800_000, seen_ms=1_795_276_800_000), "KE", "22/11 00:00"),
        (Moment(1_795_294_800_000, day=True), "KE", "22/11/2026"),
        (Moment(1_795_294_800_000, day=True), "SE", "21/11/2026"),
    ],
)
def test_times_are_those_of_the_clocks_at_home(
    catalogue: Catalogue, moment: Moment, region: str, said: str
) -> None:
    text = Text("pay.failed", {"reason": moment})
    assert catalogue.say(text, "en", region) == f"Not paid: {said}"


def test_francs_are_shown_as_people_write_them(catalogue: Catalogue) -> None:
    for currency in ("XOF", "XAF"):
        text = Text("pay.failed", {"reason": Money(1_250_000, currency)})
        assert catalogue.say(text, "en", "CI") == "Not paid: FCFA 1,250,000"
        shown = "1\u00a0250\u00a0000\u00a0FCFA"
        assert catalogue.say(text, "fr", "CI") == f"Non payé : {shown}"
        assert parse_amount(shown, currency) == Money(1_250_000, currency)
        assert catalogue.say(Text("pay.amount", {"currency": currency}), "fr", "CI") == "Combien ? (FCFA)"


def test_numbers_of_others_are_masked(catalogue: Catalogue) -> None:
    said = catalogue.say(Text("pay.failed", {"reason": Number("+233240000001")}), "en", "GH")
    assert said == "Not paid: 024***001"


def test_counts_and_texts_inside_texts(catalogue: Catalogue) -> None:
    assert catalogue.say(Text("pay.failed", {"reason": 3}), "en", "GH") == "Not paid: 3"
    nested = Text("pay.failed", {"reason": Text("reason.rejected")})
    assert catalogue.say(nested, "fr", "GH") == "Non payé : vous avez refusé"


@given(st.text())
def test_a_value_brings_no_placeholder(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    catalogue = _shared(tmp_path_factory)
    values = {"amount": value + "{payer}", "merchant": "{amount}", "payer": "P"}
    assert catalogue.say(Text("pay.confirm", values), "en", "GH") == (
        f"Pay {value}{{payer}} to {{amount}} from P?"
    )


_kept: list[Catalogue] = []


def _shared(factory: pytest.TempPathFactory) -> Catalogue:
    if not _kept:
        root = factory.mktemp("locales")
        write(root, "en", ENGLISH)
        _kept.append(Catalogue.load(root))
    return _kept[0]


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("fr", "Combien ? (GHS)"),
        ("fr-CI", "Combien ? (GHS)"),
        ("FR", "Combien ? (GHS)"),
        ("fr_FR", "Combien ? (GHS)"),
        ("en-GB", "How much? (GHS)"),
        ("sw", "How much? (GHS)"),
        ("", "How much? (GHS)"),
    ],
)
def test_the_nearest_language_is_spoken(catalogue: Catalogue, tag: str, said: str) -> None:
    assert catalogue.say(Text("pay.amount", {"currency": "GHS"}), tag, "GH") == said


def test_what_is_not_translated_is_said_in_english_and_logged_once(catalogue: Catalogue) -> None:
    with capture_logs() as logs:
        assert catalogue.say(Text("only.english"), "fr", "GH") == "Only here"
        assert catalogue.say(Text("only.english"), "fr", "GH") == "Only here"
    assert [(line["event"], line["message_id"], line["language"]) for line in logs] == [
        ("catalogue_fault", "only.english", "fr")
    ]


def test_an_unknown_id_is_said_as_it_is(catalogue: Catalogue) -> None:
    with capture_logs() as logs:
        assert catalogue.say(Text("no.such"), "fr", "GH") == "no.such"
    assert logs[0]["log_level"] == "error"


def test_a_missing_value_falls_back_to_english_and_then_to_a_hole(tmp_path: Path) -> None:
    write(tmp_path, "en", NAV | {"a": "Hello", "b": "Hi {name}"})
    write(tmp_path, "fr", {"a": "Bonjour {nom}", "b": "Salut {name}"})
    catalogue = Catalogue.load(tmp_path)
    with capture_logs() as logs:
        assert catalogue.say(Text("a"), "fr", "GH") == "Hello"
        assert catalogue.say(Text("b"), "fr", "GH") == "Salut {name}"
    assert len(logs) == 2


def test_texts_that_hold_themselves_end(tmp_path: Path) -> None:
    write(tmp_path, "en", NAV | {"a": "({in})"})
    catalogue = Catalogue.load(tmp_path)
    text = Text("a", {"in": "x"})
    for _ in range(40):
        text = Text("a", {"in": text})
    with capture_logs() as logs:
        assert catalogue.say(text, "en", "GH").startswith("((((")
    assert len(logs) == 1


def test_the_words_that_move_about_are_merged_with_english(catalogue: Catalogue) -> None:
    words = catalogue.nav("fr")
    assert {"retour", "précédent", "precedent", "back", "go back"} == words.back
    assert {"menu", "home", "start", "accueil"} == words.home
    assert {"cancel", "annuler"} == words.leave
    assert "oui" in words.yes
    assert "yes" in words.yes
    assert "non" in words.no
    assert catalogue.nav("xx") == catalogue.nav("en")
    assert {"menu", "/menu", "/start", "aide", "/aide", "/help", "annuler"} <= catalogue.command_words()


def test_the_footer_speaks_the_language(catalogue: Catalogue) -> None:
    assert catalogue.labels("fr-CI") == NavLabels("Suite", "Retour", "Accueil", "Menu")
    assert catalogue.labels("en") == NavLabels()


def test_languages_and_their_names(catalogue: Catalogue) -> None:
    assert catalogue.languages == ("en", "fr")
    assert [catalogue.native_name(language) for language in catalogue.languages] == ["English", "Français"]
    assert native_name("sw") == "Kiswahili"
    assert native_name("xx-nonsense-") == "xx-nonsense-"


def test_only_what_is_offered_is_spoken_and_english_stands_in(tmp_path: Path) -> None:
    write(tmp_path, "en", NAV | {"a": "This is {service}", "b": "Only here"})
    write(tmp_path, "fr", NAV | {"a": "Ici {service}"})
    write(tmp_path, "sw", NAV | {"a": "Hii ni {service}"})
    spoken = Catalogue.load(tmp_path).speaking(("fr",), "fr", "Susu")
    assert spoken.languages == ("fr",)
    # Whoever spoke what is offered no more hears the default.
    assert [spoken.say(Text("a"), tag, "GH") for tag in ("fr-CI", "sw", "en")] == ["Ici Susu"] * 3
    assert spoken.say(Text("b"), "fr", "GH") == "Only here"
    assert Catalogue.load(tmp_path).in_each(Text("nav.back")) == "Back"
    assert Catalogue.load(tmp_path).in_each(Text("a")) == ("This is Kasapay / Ici Kasapay / Hii ni Kasapay")


def test_asking_for_what_is_there(catalogue: Catalogue) -> None:
    assert catalogue.has("pay.amount")
    assert not catalogue.has("only.english", "fr")
    assert catalogue.placeholders("pay.confirm") == {"amount", "merchant", "payer"}
    assert catalogue.placeholders("no.such") == frozenset()


def test_the_check_finds_every_kind_of_fault(tmp_path: Path) -> None:
    write(
        tmp_path,
        "en",
        {name: said for name, said in NAV.items() if name != "nav.more"}
        | {"a": "Pay {amount}", "b": "B", "c": "C", "d": "D {x", "e": ""},
    )
    fuzzy = '#, fuzzy\nmsgid "c"\nmsgstr "Ç"\n\nmsgid "b"\nmsgstr "Bé"\n\nmsgid "b"\nmsgstr "Bé"\n'
    write(tmp_path, "fr", NAV | {"a": "Payez {montant}", "z": "Z"}, fuzzy)
    assert Catalogue.load(tmp_path).problems(["a", "asked.for"]) == [
        "en: asked.for is asked for and not there",
        "en: nav.more is asked for and not there",
        "en: e is not translated",
        "en: d has a brace that is no placeholder",
        "fr: c is not translated",
        "fr: b stands there twice",
        "fr: d is missing",
        "fr: nav.more is unknown in English",
        "fr: z is unknown in English",
        "fr: a lacks {amount}",
        "fr: a has unknown {montant}",
    ]


def test_marks_are_not_read_and_their_faults_are_found(tmp_path: Path) -> None:
    marked = "<what>Not paid: {amount}.</what> <money>Nothing was taken.</money> {reason}"
    write(tmp_path, "en", NAV | {"a": marked, "b": "<done>Paid.</done>", "c": "<what>No.</what> <money/>"})
    write(tmp_path, "fr", NAV | {"a": "<wat>Non</wat> {amount}", "b": "<done>Oui.", "c": "</next><next/>Non"})
    catalogue = Catalogue.load(tmp_path)
    assert catalogue.say(Text("a", {"amount": 1, "reason": "Why."}), "en", "GH") == (
        "Not paid: 1. Nothing was taken. Why."
    )
    assert dict(catalogue.parts("a")) == {"what": "Not paid: {amount}.", "money": "Nothing was taken."}
    assert dict(catalogue.parts("c")) == {"what": "No.", "money": ""}
    assert catalogue.parts("no.such") == {}
    assert catalogue.problems() == [
        "fr: a has a mark <wat> that is none of ours",
        "fr: a has a mark </wat> that is none of ours",
        "fr: b does not end its <done>",
        "fr: c has a </next> too many",
        "fr: c has a mark <next/> that is none of ours",
        "fr: a lacks {reason}",
        "fr: a lacks the part <money>",
        "fr: a lacks the part <what>",
        "fr: b lacks the part <done>",
        "fr: c lacks the part <money>",
        "fr: c lacks the part <what>",
    ]


def test_sound_catalogues_have_no_problem(tmp_path: Path) -> None:
    write(tmp_path, "en", ENGLISH)
    write(tmp_path, "fr", FRENCH | {"only.english": "Ici aussi"})
    assert Catalogue.load(tmp_path).problems(ENGLISH) == []


def test_without_english_nothing_starts(tmp_path: Path) -> None:
    write(tmp_path, "fr", FRENCH)
    with pytest.raises(CatalogueError, match="en"):
        Catalogue.load(tmp_path)
    with pytest.raises(CatalogueError):
        Catalogue({})


@pytest.mark.parametrize("content", [b"msgid \xff\xfe", b'msgid\nmsgstr "x"\nrubbish'])
def test_an_unreadable_catalogue_is_named(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "en", ENGLISH)
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "fr" / "LC_MESSAGES" / "kasapay.po").write_bytes(content)
    with pytest.raises(CatalogueError, match=r"fr.*kasapay\.po"):
        Catalogue.load(tmp_path)


def test_our_own_catalogues_are_found_and_can_draw_a_screen() -> None:
    catalogue = Catalogue.load()
    assert {"en", "fr"} <= set(catalogue.languages)
    for language in catalogue.languages:
        assert all(catalogue.has(name, language) for name in NAV_IDS)


def test_each_id_of_our_catalogues_has_one_sentence_and_each_sentence_its_id() -> None:
    """Two branches merged line by line may leave a sentence twice, which a reader of the file would join."""
    for file in sorted((Path(__file__).parents[1] / "locales").glob("*/LC_MESSAGES/*.po")):
        words = [line.split()[0] for line in file.read_text().splitlines() if line.startswith("msg")]
        assert words == ["msgid", "msgstr"] * (len(words) // 2), f"{file.parts[-3]}"
