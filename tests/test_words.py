"""Our real catalogues: nothing missing, nothing unused, and every sentence fits where it is read."""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.catalogue import NAV_IDS, Catalogue
from bot.cli.screens.conversations import (
    AMOUNT,
    CARD,
    CODE,
    DETAILS,
    EVERYTHING,
    HOME,
    KINDS,
    MERCHANT,
    PAYER,
    REFUSALS,
    every_conversation,
)
from bot.cli.screens.messages import SAMPLES, SHORT_CODE
from bot.cli.screens.playing import play
from bot.dialog import (
    Accepted,
    Ask,
    Back,
    Choice,
    Confirm,
    Decide,
    Ended,
    Home,
    Leave,
    Number,
    Problem,
    Question,
    Text,
    Typed,
    Value,
    View,
    count_septets,
    fold,
    interpret,
    render_sms,
    render_ussd,
)
from bot.money import (
    EVERY,
    EXPONENTS,
    AgreementState,
    AmountProblem,
    OrderDetails,
    OrderKind,
    OrderState,
    Reason,
    Right,
    StaffRole,
)
from bot.notifications.order_messages import message_values, otp_prompts, result_messages
from bot.providers.base import ChecksHolders
from bot.providers.registry import PROVIDERS
from bot.runtime.timeouts import TIMES
from bot.store.base import Queue
from bot.store.records import AddressRow, OrderRow
from flows.effects import RecentMerchants
from flows.menu import OPENED
from tests.store.make import order as order_row

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = Catalogue.load(ROOT / "locales").languages
# A service's name is as long as the settings let it be.
CATALOGUE = Catalogue.load(ROOT / "locales").speaking(LANGUAGES, "en", "Kasapay of Ghana")


@cache
def conversations() -> list[Any]:
    return list(every_conversation())


RESULTS = ("successful", "failed", "reversed", "checking", "corrected")

# Ids put together at run time, each family with all it can become.
FAMILIES: dict[str, list[str]] = {
    "amount": [p.value for p in AmountProblem],
    "approval.ended": ["approved", "refused", "expired"],
    "approval.outcome": ["approved", "refused", "expired"],
    "approve.over": ["approved", "refused", "expired"],
    "balance": ["locked", "not_allowed", "not_available"],
    "command": ["start", "menu", "cancel", "help"],
    "agreement": [s.value.lower() for s in AgreementState],
    "details": list(DETAILS),
    "details.ended": ["refused", "expired", "not_available", "shown"],
    "details.refused": ["not_allowed", "not_available", "number", "unknown"],
    "every": [*EVERY, "time"],
    "gender": ["male", "female"],
    "kind": [kind.value for kind in OrderKind],
    "often": list(EVERY),
    "open": list(OPENED),
    "note.refused": ["not_allowed", "too_early", "too_late", "not_available"],
    "refused": list(REFUSALS),
    "result": [
        *RESULTS,
        *(f"{kind.value}.{word}" for kind in KINDS for word in RESULTS),
    ],
    "right": [right.value for right in Right if right is not Right.NOTE],
    "role": [*(role.value for role in StaffRole), "removed"],
    "sent": [kind.value for kind in KINDS],
    "language": list(LANGUAGES),
    "link": ["another", "end"],
    "link.refused": ["code", "tries"],
    "unlink.chat": ["telegram", "web"],
    "chat.card": ["foreign", "forwarded", "anonymous", "unreadable"],
    "menu": [
        "pay",
        "payments",
        "invoices",
        "more",
        "business",
        "another",
        "check",
        "auto_debit",
        "bill",
        "link",
        "language",
        "help",
        "staff",
        "balance",
    ],
    "network": ["mtn", "vod", "atl", "mpesa", "orange", "moov", "wave"],
    "pay.refused": ["auto_debit", "merchant", "limit", "number", "too_many"],
    "payments": ["open", "successful", "failed", "reversed", "refunded", "partly_refunded"],
    "reason": [r.value for r in Reason],
    "staff.refused": ["code", "tries"],
    "state": [*(s.value.lower() for s in OrderState), "refunded", "partly_refunded"],
}
# Said with what `message_values` gives.
ORDER_MESSAGES = (
    *(f"result.{said}" for said in FAMILIES["result"]),
    "result.bill.collected",
    "result.bill.failed_kept",
    "result.bill.failed_refund",
    "result.refund.failed_kept",
    "otp.prompt",
    *("coming.payment", "coming.bill", "coming.withdrawal", "coming.preapproval"),
)
# Of a bill whose money has come.
BILLS = (
    *("result.bill.collected", "result.bill.failed_kept", "result.bill.failed_refund"),
    "result.refund.failed_kept",
)
# Told to people by themselves, each with its values.
PUSHED = {
    "announce.paid": {"merchant", "amount", "payer", "when", "code"},
    "announce.busy": {"merchant", "count", "when"},
    "announce.count": {"merchant", "payments", "since", "amount"},
    "approval.asked": {"by", "merchant", "kind", "amount", "to"},
    "approval.asked_chat": {"by", "merchant", "kind", "amount", "to"},
    **{
        f"approval.{heard}.{ended}": {"by", "kind", "amount", "to"}
        for heard in ("outcome", "ended")
        for ended in ("approved", "refused", "expired")
    },
    "autodebit.ended": {"amount", "merchant", "payer", "code"},
    "invoice.ended": {"amount", "merchant", "payer", "code", "state"},
    "invoice.paid": {"amount", "merchant", "payer", "code"},
    "invoice.received": {"amount", "merchant", "description", "until", "reference"},
    "result.doubted": {"amount", "merchant", "code"},
    "result.doubted_other": {"kind", "amount", "code"},
    "result.upheld": {"amount", "merchant", "code"},
    "result.upheld_other": {"kind", "amount", "code"},
    "wallet.refunded": {"amount", "merchant", "paid", "code"},
    "wallet.returned": {"amount", "merchant", "code"},
    "wallet.cash_in": {"amount", "merchant", "code"},
    "wallet.sent": {"amount", "merchant", "code"},
    "wallet.reversed": {"amount", "merchant", "code"},
    "wallet.cash_out_reversed": {"amount", "merchant", "code"},
    "wallet.debited": {"amount", "merchant", "most", "every", "stop", "code"},
    "wallet.debit_reversed": {"amount", "merchant", "code"},
    "staff.reversed": {"kind", "amount", "merchant", "held", "code"},
    "staff.otherwise": {"kind", "amount", "merchant", "held", "said", "code"},
    "staff.corrected": {"kind", "amount", "merchant", "held", "said", "code"},
    "staff.disputed": {"kind", "amount", "merchant", "code"},
    "staff.invoice_late": {"amount", "merchant", "code"},
}
# Read in a chat or an SMS: measured there, if at all.
CHAT_ONLY = {
    "otp.dial",
    "talk.help",
    "help.chat",
    "talk.old_button",
    "talk.button_over",
    "otp.prompt",
    "link.share",
    "link.type_code",
    "link.type_number",
    "link.wrong_code",
    "link.number_first",
    "nav.share",
}
# Lists of what a person has: they go on over pages.
LISTS = {
    "payments.which",
    "balance.which",
    "business.menu",
    "look_up.which",
    "pay_out.bank",
    "invoice.which",
    "invoices.which",
    "charge.which",
    "approve.which",
    "sent_money.which",
    "unlock.which",
    "auto_debit.which",
    "bill.which",
    "pay.merchant_or",
}
# What others wrote, or a whole reason, stands in these: they go on, too.
LISTS |= {
    "invoice.shown",
    "invoices.shown",
    "details.shown",
    "look_up.failed",
    "receipt.shown",
}
# With a notice above, only these go on, with yes and no or the first lines of a menu on the first page.
LONG_WITH_NOTICE = {
    "auto_debit.confirm",
    "pay.with_given",
    "staff.sign",
    "bill.confirm",
    "main.menu",
    "main.more",
    "pay.confirm",
    "pay.confirm_named",
    "pay.confirm_unasked",
    "approve.shown_about",
    "bill.confirm_unasked",
    "charge.amount",
    "debit.not_agreed",
    "pay.confirm_twin",
    "pay.confirm_twin_unasked",
}
# These name two payments or a debit without a PIN, and are rare: with the longest names what can be chosen
# stands on a second page, and all that will happen on the first.
LONG_DECISIONS = {
    "bill.confirm_unasked",
    "pay.confirm_twin",
    "pay.confirm_twin_unasked",
    "pay.with_given",
}
# A screen has eight lines of twenty characters at worst; our figure is the one every network carries.
BUDGET = 160


def is_for_chats(message_id: str) -> bool:
    return (
        message_id in CHAT_ONLY
        or message_id.startswith(("chat.", "command.", "coming.", "help.chat"))
        or message_id.endswith("_chat")
        or message_id in PUSHED
    )


# ---- which ids the code asks for -----------------------------------------------------------------


@cache
def sources() -> list[tuple[str, ast.Module]]:
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for folder in ("bot", "flows")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {"sandbox", "migrations", "screens"} & set(path.parts)
    ]


_ROOTS = {name.split(".")[0] for name in CATALOGUE._entries["en"].sentences}
_ID = re.compile(rf"(?:{'|'.join(sorted(_ROOTS))})(?:\.[a-z0-9_]+)+")
# Words that look like an id and are none.
_NO_ID = {"chat.html", "chat.turn", "staff.add", "staff.remove", "staff.unlock"}


def literal_ids() -> dict[str, str]:
    """Every literal that reads like an id, with the file it stands in."""
    return {
        node.value: name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if _ID.fullmatch(node.value) and node.value not in _NO_ID
    }


def composed_heads() -> dict[str, str]:
    """The beginning of every f-string that reads like an id: `reason.` of f"reason.{...}"."""
    found = {}
    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                head = str(node.values[0].value)
                if head.endswith(".") and _ID.fullmatch(f"{head}x"):
                    found[head.rstrip(".")] = name
    return found


def texts_of(value: Any) -> Iterator[Text]:
    """A text and the texts inside it."""
    if isinstance(value, Text):
        yield value
        for inner in value.values.values():
            yield from texts_of(inner)


def driven_texts() -> Iterator[Text]:
    """Every text the conversations showed when all of them were played."""
    for played in conversations():
        for question in played.asked:
            yield from texts_of(question.text)
            yield from texts_of(question.notice)
            for choice in question.choices:
                yield from texts_of(choice.label)
        if isinstance(played.state, Ended):
            yield from texts_of(Text(played.screen.text, played.screen.values))
            if played.screen.shorter:
                yield from texts_of(Text(played.screen.shorter, played.screen.values))


def composed_ids() -> set[str]:
    return {f"{head}.{tail}" for head, tails in FAMILIES.items() for tail in tails}


@cache
def used_ids() -> frozenset[str]:
    driven = (text.id for text in driven_texts())
    return frozenset({*literal_ids(), *composed_ids(), *ORDER_MESSAGES, *PUSHED, *driven})


def test_every_id_asked_for_is_there_in_every_language() -> None:
    assert CATALOGUE.problems(used_ids()) == []
    for language in LANGUAGES:
        missing = {name for name in used_ids() if name not in CATALOGUE._entries[language].sentences}
        assert missing == set(), f"{language} lacks {missing}"


def test_no_sentence_is_kept_that_nobody_says() -> None:
    for language in LANGUAGES:
        assert CATALOGUE._entries[language].sentences.keys() - used_ids() - NAV_IDS == set()


def test_every_family_of_ids_is_known_here() -> None:
    """A new f-string that makes ids has to be added to FAMILIES with all it can become."""
    assert set(FAMILIES) == set(composed_heads())


def test_every_network_a_provider_names_has_its_word() -> None:
    offered = set()
    for (name, provider), currency in itertools.product(PROVIDERS.items(), EXPONENTS):
        model = provider.settings.account
        account = model(id="a", provider=name, base_url="https://x", currency=currency, region="GH")
        offered |= set(provider.networks(account))
    assert {name.lower() for name in offered} == set(FAMILIES["network"])


# ---- which values it hands over ------------------------------------------------------------------


def given_values() -> dict[str, set[str]]:
    """For each id, the names that are always handed over with it."""
    given: dict[str, set[str]] = {}

    def add(message_id: str, names: set[str]) -> None:
        given[message_id] = given.get(message_id, names) & names

    for text in driven_texts():
        add(text.id, set(text.values))
    names = set(message_values(order_row(), MERCHANT))
    for message_id in ORDER_MESSAGES:
        add(message_id, names)
    add("otp.dial", {*names, "short_code"})
    add("language.first", {"languages"})
    add("coming.payment_hint", {*names, "hint"})
    add("staff.sign", {"what"})
    for message_id, handed in PUSHED.items():
        add(message_id, handed)
    for label in DETAILS:
        add(f"details.{label}", {"value"})
    for problem in AmountProblem:
        add(f"amount.{problem.value}", {"currency"})
    for _, tree in sources():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MADE):
                continue
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                keys = _keys(node.args[1] if len(node.args) > 1 else None)
                if keys is not None:
                    add(first.value, keys)
    return given


_MADE = {"Text", "Screen"}


def _keys(values: ast.expr | None) -> set[str] | None:
    """The keys of a dict written out; None where it is made elsewhere."""
    if values is None:
        return set()
    if not isinstance(values, ast.Dict):
        return None
    keys = [key.value if isinstance(key, ast.Constant) else None for key in values.keys]
    return None if None in keys else {str(key) for key in keys}


def test_every_placeholder_has_its_value() -> None:
    given = given_values()
    for message_id in used_ids() - {f"command.{name}" for name in FAMILIES["command"]}:
        needed = CATALOGUE.placeholders(message_id) - {"service"}
        assert needed <= given.get(message_id, set()), f"{message_id} is said without {needed}"


# What only conversations say. Some of these roots name pushed messages, too.
PLAYED_HEADS = [
    *("pay", "check", "payments", "balance", "link", "language", "staff", "main", "menu", "business"),
    *("right", "role", "look_up", "note", "refund", "pay_out", "withdraw", "invoice", "invoices", "days"),
    *("until", "every", "often", "agreement", "auto_debit", "charge", "details", "approve", "unlock"),
    *(
        "bill",
        "kind",
        "party",
        "receipt",
        "sent_money",
        "left",
        "refused",
        "sent",
        "result",
        "state",
        "reason",
    ),
]


def test_every_id_of_the_conversations_was_played() -> None:
    """So that a sentence that is new is measured, too."""
    heads = tuple(f"{head}." for head in PLAYED_HEADS)
    played = {text.id for text in driven_texts()}
    # What is wrong with an answer.
    beside = {name for name in used_ids() if name.endswith("_not_valid")}
    beside |= {name for notices in (*ABOUT.values(), *ABOUT_ONE.values()) for name in notices}
    # Named when somebody comes back to what they began before staff had a menu.
    beside |= {"menu.balance", "kind.collection"}
    # In place of the name of a colleague who left, where a phone lacks its letters.
    beside |= {"role.removed"}
    # Asked in front of a conversation.
    beside |= {"language.first", "language.word"}
    # Around the sentence that is signed.
    beside |= {"staff.sign"}
    # Said by themselves, not in a conversation.
    beside |= {*PUSHED, "result.refund.failed_kept"}
    beside |= {f"result.{kind.value}.corrected" for kind in KINDS} | {"result.corrected", "result.checking"}
    assert {name for name in used_ids() if name.startswith(heads)} - played - beside == set()


# ---- how they read -------------------------------------------------------------------------------


def say_in(language: str) -> Any:
    return lambda text: CATALOGUE.say(text, language, HOME)


def septets(view: View, language: str) -> int:
    """What the view costs on one screen, however long."""
    whole = render_ussd(view, say_in(language), CATALOGUE.labels(language), budget=10_000, ucs2_budget=10_000)
    cost = count_septets(whole.text)
    assert cost is not None, f"outside GSM-7: {whole.text}"
    return cost


def may_go_on(question: Question[Any]) -> bool:
    """A list, or the first screen where somebody asks for money."""
    return question.text.id in LISTS or (question.text.id == "main.menu" and question.notice is not None)


def is_of_chats(question: Question[Any]) -> bool:
    """On a keypad no amount is offered: its number would be an amount."""
    return is_for_chats(question.text.id) or (question.wants == "amount" and bool(question.choices))


def question_views() -> dict[str, list[View]]:
    """Each question as often as it was asked, with the longest footer it can have."""
    found: dict[str, list[View]] = {}
    for played in conversations():
        for question in played.asked:
            first = question.text.id == "main.menu"
            view = View(
                text=question.text,
                notice=question.notice,
                choices=question.choices,
                back=not first,
                home=not first,
            )
            above = question.notice.id if question.notice is not None else ""
            name = f"{question.text.id}-{len(question.choices)}-{above}"
            rare = question.notice is not None and question.text.id in LONG_WITH_NOTICE
            long = may_go_on(question) or question.text.id in LONG_DECISIONS or rare
            if not long and not is_of_chats(question):
                found.setdefault(name, []).append(view)
    offered = (Choice("continue", Text("talk.continue")), Choice("over", Text("talk.start_over")))
    found["talk.resume"] = [View(text=Text("talk.resume"), choices=offered)]
    words = Text("language.first", {"languages": CATALOGUE.in_each(Text("language.word"))})
    named = tuple(Choice(code, Text(f"language.{code}")) for code in LANGUAGES)
    found["language.first"] = [View(text=words, notice=Text("choice.not_valid"), choices=named)]
    for part in FAMILIES["menu"]:
        begun = Text("talk.resume_part", {"part": Text(f"menu.{part}")})
        found[f"talk.resume_part-{part}"] = [View(text=begun, choices=offered)]
    return found


def last_views() -> dict[str, View]:
    """Each last screen once for every reason it can have."""
    found: dict[str, View] = {}
    for played in conversations():
        # A receipt ends only in a chat.
        text = played.screen.text if isinstance(played.state, Ended) else ""
        if text and not is_for_chats(text) and text != "receipt.shown":
            reason = played.screen.values.get("reason")
            shown = Text(played.screen.text, played.screen.values)
            shorter = played.screen.shorter
            found[f"{shown.id}-{reason.id if isinstance(reason, Text) else ''}"] = View(
                text=shown, ends=True, shorter=Text(shorter, shown.values) if shorter else None
            )
    for name in ("changed", "broken", "left", "too_long", "closed"):
        found[f"talk.{name}"] = View(text=Text(f"talk.{name}"), ends=True)
    for name in ("elsewhere", "over", "three_wrong"):
        found[f"talk.{name}"] = View(text=Text(f"talk.{name}", {"short_code": SHORT_CODE}), ends=True)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_is_one_screen(language: str) -> None:
    longest = {
        name: max(septets(view, language) for view in views) for name, views in question_views().items()
    }
    assert {name: cost for name, cost in longest.items() if cost > BUDGET} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_last_screen_is_never_cut(language: str) -> None:
    for name, view in last_views().items():
        least = view if view.shorter is None else msgspec.structs.replace(view, text=view.shorter)
        assert septets(least, language) <= BUDGET, name
        assert ".." not in render_ussd(view, say_in(language), CATALOGUE.labels(language)).text, name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("staff", [True, False])
@pytest.mark.parametrize("recent", [(), (CARD,)])
def test_the_first_screen_and_what_is_behind_more_are_each_one_screen(
    language: str, staff: bool, recent: tuple[Any, ...]
) -> None:
    """With all that an account can do, and the longest name of a merchant."""
    facts = msgspec.structs.replace(EVERYTHING, staff=staff)
    world = {RecentMerchants: recent}
    for answers, most in (([], 5), (["4"], 8)):
        question = play(answers, world, facts=facts).question
        assert len(question.choices) == most - (0 if staff or answers else 1) - (
            0 if recent or not answers else 1
        ) - (1 if staff and answers else 0)
        for below in {bool(answers), True}:
            view = View(text=question.text, choices=question.choices, back=below, home=below)
            assert septets(view, language) <= BUDGET, question.text.id


def test_no_account_has_several_networks_and_knows_names_or_has_auto_debits() -> None:
    """So the confirmation never shows both, and `conversations` measures neither with the other."""
    for (name, provider), currency in itertools.product(PROVIDERS.items(), EXPONENTS):
        model = provider.settings.account
        account = model(id="a", provider=name, base_url="https://x", currency=currency, region="GH")
        if len(provider.networks(account)) > 1:
            assert not isinstance(provider, ChecksHolders)
            assert OrderKind.PREAPPROVAL not in provider.kinds(account)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("budget", [BUDGET, 182])
def test_what_goes_on_over_pages_makes_sense_from_the_first(language: str, budget: int) -> None:
    for played, place in ((p, i) for p in conversations() for i in range(len(p.asked))):
        question: Question[Any] = played.asked[place]
        if not may_go_on(question):
            continue
        first = question.text.id == "main.menu"
        view = View(
            text=question.text,
            notice=question.notice,
            choices=question.choices,
            back=not first,
            home=not first,
        )
        pages = render_ussd(view, say_in(language), CATALOGUE.labels(language), budget=budget).pages
        shown = [
            render_ussd(
                msgspec.structs.replace(view, page=page),
                say_in(language),
                CATALOGUE.labels(language),
                budget=budget,
            ).text
            for page in range(pages)
        ]
        assert all((count_septets(text) or 999) <= budget for text in shown)
        assert ".." not in "".join(shown), question.text.id
        if question.text.id.endswith(("which", "menu", "bank", "merchant_or")):
            assert "\n1 " in shown[0], question.text.id


# What a question's wrong answer may be told, by what the question wants.
ABOUT = {
    "amount": [
        *sorted(f"amount.{problem}" for problem in FAMILIES["amount"]),
        *("amount.too_small", "amount.over_limit", "amount.steps"),
    ],
    "number": ["number.not_valid", "number.anonymous", "number.foreign"],
    "menu": ["choice.not_valid"],
    "text": ["text.empty", "text.too_long", "text.no_words", "pay_out.unknown_bank", "pay.unknown_merchant"],
    "code": ["code.not_valid", "look_up.no_such"],
}
# Where only one question can say it.
ABOUT_ONE = {
    "main.menu": ["main.not_known"],
    "bill.reference": ["bill.reference_short"],
    "link.type_number": ["link.number_first"],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_asked_again_is_one_screen_with_its_notice(language: str) -> None:
    longest: dict[str, int] = {}
    for played, place in ((p, i) for p in conversations() for i in range(len(p.asked))):
        question: Question[Any] = played.asked[place]
        long = may_go_on(question) or question.text.id in LONG_WITH_NOTICE
        if long or is_of_chats(question):
            continue
        wants = question.wants
        notices = ABOUT.get(
            wants, [question.of.problem] if hasattr(question, "of") and wants == "secret" else []
        ) + ABOUT_ONE.get(question.text.id, [])
        if question.text.id == "main.menu":
            notices = ABOUT_ONE["main.menu"]
        first = question.text.id == "main.menu"
        for notice in notices:
            view = View(
                text=question.text,
                notice=Text(notice, SAMPLES),
                choices=question.choices,
                back=not first,
                home=not first,
            )
            name = f"{question.text.id} after {notice}"
            longest[name] = max(longest.get(name, 0), septets(view, language))
    assert {name: cost for name, cost in longest.items() if cost > BUDGET} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_will_happen_stands_on_one_page_and_yes_and_no_with_it(language: str) -> None:
    """Where a decision goes on: nobody says yes to a sentence they have not seen the end of."""
    notices = (None, Text("choice.not_valid"))
    seen = set()
    for played, notice in itertools.product(conversations(), notices):
        for question in played.asked:
            name = question.text.id
            decided = isinstance(question, Decide | Confirm)
            if not decided or (notice is not None and name in LONG_DECISIONS):
                continue
            seen.add(name)
            view = View(text=question.text, notice=notice, choices=question.choices, back=True, home=True)
            first = render_ussd(view, say_in(language), CATALOGUE.labels(language)).text
            sentence = fold(CATALOGUE.say(question.text, language, HOME))
            assert sentence in first, (name, notice)
            if name not in LONG_DECISIONS:
                assert f"{sentence}\n1 " in first, (name, notice)
                assert "\n2 " in first, (name, notice)
    assert seen >= LONG_DECISIONS


def sms_of(queued: Queue, language: str) -> str:
    view = msgspec.json.decode(queued.row.view, type=View)
    return render_sms(view, say_in(language))


@given(data=st.data())
def test_no_sms_costs_16_bits_for_one_letter(data: st.DataObject) -> None:
    """The names and amounts in it are ASCII here: what others wrote in other letters keeps them."""
    language = data.draw(st.sampled_from(LANGUAGES))
    name = data.draw(st.sampled_from(CATALOGUE.ids()))
    written = st.text(st.characters(max_codepoint=126), max_size=20)
    values: dict[str, Value] = {value: data.draw(written) for value in sorted(CATALOGUE.placeholders(name))}
    text = render_sms(View(text=Text(name, values), ends=True), say_in(language))
    assert count_septets(text) is not None, text


def one_sms(text: str) -> bool:
    return (count_septets(text) or 999) <= BUDGET


BIG_ORDER = order_row(code=CODE, amount_minor=AMOUNT.amount_minor, currency=AMOUNT.currency, payer=PAYER)
LATE_ORDER = msgspec.structs.replace(BIG_ORDER, state=OrderState.FAILED)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("row", "state"),
    [
        (BIG_ORDER, OrderState.SUCCESSFUL),
        (BIG_ORDER, OrderState.FAILED),
        (BIG_ORDER, OrderState.REVERSED),
        (BIG_ORDER, OrderState.UNRESOLVED),
        (LATE_ORDER, OrderState.SUCCESSFUL),
    ],
)
def test_a_result_is_one_sms(language: str, row: OrderRow, state: OrderState) -> None:
    for kind, reason in itertools.product(OrderKind, Reason):
        bill = OrderDetails(service_provider="Ghana Water") if kind is OrderKind.BILL else row.details
        told = msgspec.structs.replace(row, kind=kind, details=bill)
        (queued,) = result_messages(
            told, state, MERCHANT, (), now_ms=0, new_id=lambda: "m", timeouts=TIMES, reason=reason
        )
        text = sms_of(queued, language)
        assert CODE in text
        assert one_sms(text), text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted([*PUSHED, *BILLS]))
def test_what_is_told_by_itself_is_one_sms(name: str, language: str) -> None:
    """But for an invoice: what it is for may be long."""
    values = {key: SAMPLES[key] for key in PUSHED.get(name, SAMPLES)} | {"payer": Number(PAYER)}
    text = render_sms(View(text=Text(name, values), ends=True), say_in(language))
    assert "{" not in text
    assert PAYER not in text
    assert one_sms(text) or name == "invoice.received", text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_is_asked_for_with_a_masked_number(language: str) -> None:
    chat = AddressRow("a", "p1", "telegram", "42", 0, 0, verified_ms=1)
    by_sms, by_chat = otp_prompts(
        BIG_ORDER,
        MERCHANT,
        (chat,),
        now_ms=0,
        new_id=lambda: "m",
        timeouts=TIMES,
        short_code=SHORT_CODE,
        session_open=False,
    )
    for queued in (by_sms, by_chat):
        text = sms_of(queued, language)
        assert PAYER not in text
        assert "+225***707" in text
        assert CODE in text
    assert one_sms(sms_of(by_sms, language)), sms_of(by_sms, language)
    assert SHORT_CODE in sms_of(by_sms, language)
    assert re.search(r"\bPIN\b|\bcode secret\b", sms_of(by_chat, language))  # and never to be typed


# Longer than a page with their longest values, and why.
LONGER = {
    "invoice.received": "the merchant says what it is for",
    "pay.sent_hint": "a shorter one is said where it does not fit",
    "payments.waiting_hint": "a shorter one is said where it does not fit",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_longer_than_a_page_without_need(language: str) -> None:
    """With the longest values that are known here; lists and reasons are measured in their conversations."""
    numbers = {name: Number(PAYER) for name in ("payer", "number")}
    long = {}
    for name in CATALOGUE.ids():
        if is_for_chats(name) and name not in PUSHED:
            continue
        # Only what is typed on this very screen is shown in full.
        masked = name in PUSHED or name in ORDER_MESSAGES or name.startswith(("payments.", "otp."))
        values = {**dict.fromkeys(CATALOGUE.placeholders(name), ""), **SAMPLES, **(numbers if masked else {})}
        if (cost := septets(View(text=Text(name, values), ends=True), language)) > BUDGET:
            long[name] = cost
    assert long.keys() <= LONGER.keys(), long


def sentences(language: str) -> Mapping[str, str]:
    return {
        name: "{}".join(sentence.parts[::2])
        for name, sentence in CATALOGUE._entries[language].sentences.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_lost_on_the_way_to_a_simple_phone(language: str) -> None:
    """Folding may drop an accent; it never leaves a question mark for a letter, nor a longer word."""
    for name, sentence in sentences(language).items():
        if is_for_chats(name):
            continue
        folded = fold(sentence)
        assert folded.count("?") == sentence.count("?"), name
        assert len(folded) == len(sentence), name
        assert count_septets(folded) is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_speaks_the_language_of_programmers(language: str) -> None:
    for name, sentence in sentences(language).items():
        assert not re.search(r"\b(OTP|API|HTTP|ID|MSISDN|UUID|null|None|error|erreur)\b", sentence), name
        assert "_" not in sentence, name
        # A figure with a unit, and an amount as an example, are no codes.
        assert not re.search(r"(?<![+\d.,])\b\d{3}\b", sentence), name


# Words that stand in a sentence, or begin with a figure.
IN_A_SENTENCE = (
    *("state.", "agreement.", "every.", "kind.", "party.", "role.", "until.", "days.", "gender."),
    *("quiet.", "count."),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_clean(language: str) -> None:
    for name, sentence in sentences(language).items():
        assert sentence == sentence.strip(), name
        assert "  " not in sentence, name
        assert "..." not in sentence, name
        if not name.startswith("nav.words."):
            assert sentence[0] == "{" or sentence[0].isupper() or name.startswith(IN_A_SENTENCE), name


def test_french_is_punctuated_as_french() -> None:
    """A no-break space (U+00A0) stands before the high marks and inside the quotes; it is folded to a plain
    space where the alphabet lacks it. A word list has none."""
    for name, sentence in sentences("fr").items():
        if not name.startswith("nav.words."):
            assert not re.search(r"(?<!\u00a0)[:;?!»]|«(?!\u00a0)", sentence), f"{name}: write U+00A0 there"
        assert "’" not in sentence, name


GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
WORDS_FOR_PEOPLE = [
    [cell.strip() for cell in row.strip("| ").split("|")]
    for row in GLOSSARY.partition("## What people read")[2].partition("\n## ")[0].splitlines()
    if row.startswith("| ") and not row.startswith("| what is meant")
]


def words_of(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",") if word.strip()]


@pytest.mark.parametrize(("language", "column"), [("en", 1), ("fr", 3)])
def test_people_read_one_word_for_one_thing(language: str, column: int) -> None:
    """The words of the glossary's table. A word that is not to be used may be a part of one that is: the PIN
    of staff."""
    assert len(WORDS_FOR_PEOPLE) > 10
    wanted = [word for row in WORDS_FOR_PEOPLE for word in words_of(row[column])]
    for row in WORDS_FOR_PEOPLE:
        for word in words_of(row[column + 1]):
            unwanted = re.compile(rf"\b{re.escape(word)}s?\b", re.IGNORECASE)
            for name, sentence in sentences(language).items():
                left = sentence.replace("\u00a0", " ")
                for longer in filter(unwanted.search, wanted):
                    left = left.replace(longer, "")
                assert not unwanted.search(left), f"{name}: not {word!r} for {row[0]}: {sentence}"


# What a name, a bank or somebody's words are put into.
_NAMES = "merchant|name|by|bill|bank|description|service"


def test_french_fits_any_name() -> None:
    """No elision before a name ("de Ama"), no adjective or participle that agrees with what nobody knows."""
    for name, entry in CATALOGUE._entries["fr"].sentences.items():
        shown = "".join(part if place % 2 == 0 else f"{{{part}}}" for place, part in enumerate(entry.parts))
        assert not re.search(rf"\b(?:de|que|le|la|du|des|si|jusque)\s\{{(?:{_NAMES})\}}", shown), name
        assert not re.search(rf"(?:^|[.!?]\s)\{{(?:{_NAMES})\}}\s(?:est|sont|a été)\s", shown), name
        assert not re.search(r"\b(?:tu|ton|ta|tes|toi)\b", shown, re.IGNORECASE), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_choice_begins_with_a_figure_that_its_number_could_run_into(language: str) -> None:
    """ "1 5 000 FCFA" would be read as fifteen thousand."""
    for question in (question for played in conversations() for question in played.asked):
        for choice in question.choices:
            label = CATALOGUE.say(choice.label, language, HOME)
            assert not re.match(r"\d[\d\s]*FCFA", label), f"{choice.label.id}: {label}"


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_languages_differ(language: str) -> None:
    """A sentence nobody translated is English in both. What is only laid out has no words."""
    there, english = sentences(language), sentences("en")
    same = {name for name, text in there.items() if text == english[name] and re.search(r"[^\W_]", text)}
    names = {f"language.{name}" for name in LANGUAGES} | {f"network.{name}" for name in FAMILIES["network"]}
    assert same - names <= {"nav.menu", "receipt.code"}


# ---- what people type ----------------------------------------------------------------------------


def asked(message_id: str) -> Question[Any]:
    return next(q for played in conversations() for q in played.asked if q.text.id == message_id)


@pytest.mark.parametrize(
    ("language", "typed", "meaning"),
    [
        *itertools.product(["en", "fr"], ["back", "Back", "b"], [Back()]),
        *itertools.product(["en", "fr"], ["menu", "HOME", "start", "/start", "/menu"], [Home()]),
        *itertools.product(["en", "fr"], ["cancel", "stop", "quit", "/cancel"], [Leave()]),
        *itertools.product(["en", "fr"], ["yes", "Y", "ok", "1"], [Accepted("yes")]),
        *itertools.product(["en", "fr"], ["no", "N", "2"], [Accepted("no")]),
        *itertools.product(["en"], ["3", "another number"], [Accepted("wallet")]),
        *itertools.product(["fr"], ["3"], [Accepted("wallet")]),
        *itertools.product(["fr"], ["retour", "Retour", "r"], [Back()]),
        *itertools.product(["fr"], ["accueil"], [Home()]),
        *itertools.product(["fr"], ["annuler", "quitter"], [Leave()]),
        *itertools.product(["fr"], ["oui", "OUI", "o", "oui, payer"], [Accepted("yes")]),
        *itertools.product(["fr"], ["non", "n"], [Accepted("no")]),
        *itertools.product(["en"], ["yes, pay"], [Accepted("yes")]),
        *itertools.product(["en"], ["retour", "oui"], [Problem(Text("choice.not_valid"))]),
    ],
)
def test_words_are_understood_in_ones_own_language_and_in_english(
    language: str, typed: str, meaning: Any
) -> None:
    for keypad in (True, False):
        found = interpret(
            asked("pay.confirm_named"),
            Typed(typed),
            CATALOGUE.nav(language),
            keypad=keypad,
            can_go_back=True,
            label_of=say_in(language),
        )
        assert found == meaning


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("typed", "meaning"),
    [("yes", True), ("OUI", True), ("no", False), ("N", False), ("1", True), ("2", False)],
)
def test_a_plain_confirmation_knows_the_same_words(language: str, typed: str, meaning: bool) -> None:
    question = asked("auto_debit.confirm_stop")
    words = CATALOGUE.nav(language)
    found = interpret(question, Typed(typed), words, keypad=True, can_go_back=True, label_of=say_in(language))
    foreign = typed == "OUI" and language != "fr"
    assert found == (Problem(Text("choice.not_valid")) if foreign else Accepted(meaning))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", ["main.menu", "main.more"])
def test_a_choice_may_be_typed_as_it_is_shown(language: str, screen: str) -> None:
    menu = asked(screen)
    # "Help" is a word that is understood everywhere.
    for choice in (one for one in menu.choices if one.value != "help"):
        label = CATALOGUE.say(choice.label, language, HOME)
        for typed in (label, label.upper(), f" {label} "):
            found = interpret(
                menu,
                Typed(typed),
                CATALOGUE.nav(language),
                keypad=True,
                can_go_back=True,
                label_of=say_in(language),
            )
            assert found == Accepted(menu.offered(choice).value if isinstance(menu, Ask) else choice.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_means_two_things(language: str) -> None:
    words = CATALOGUE.nav(language)
    meanings = [words.back, words.home, words.leave, words.yes, words.no]
    for one, other in itertools.combinations(meanings, 2):
        assert not one & other
    for meaning in meanings:
        assert not any(word.isdigit() for word in meaning)
