"""The table of order kinds: complete, and without contradictions."""

from bot.money import ORDER_KINDS, PAYMENTS, PAYOUTS, OrderKind, Right
from bot.store.migrations import first_guards, second_guards
from bot.store.rows import kinds_sql


def test_every_kind_has_its_facts() -> None:
    assert set(ORDER_KINDS) == set(OrderKind)


def test_the_facts_agree_with_each_other() -> None:
    for kind, facts in ORDER_KINDS.items():
        assert not (facts.comes_in and facts.goes_out), kind
        assert facts.goes_out or not facts.is_payout, kind
        assert facts.comes_in or not facts.is_payment, kind
        assert not (facts.makes_agreement and facts.ends_agreement), kind
    rights = [facts.right for facts in ORDER_KINDS.values() if facts.right is not None]
    assert len(rights) == len(set(rights))
    assert Right.APPROVE not in rights


def test_the_schema_says_the_same() -> None:
    """Its guards were written once and stay; a kind that joins a set needs a migration too."""
    assert f"kind IN {kinds_sql(PAYOUTS)}" in second_guards._PAYOUTS_ARE_OFF
    assert f"kind IN {kinds_sql(PAYMENTS)}" in second_guards._NOTHING_TO_REFUND
    assert "kind = 'collection'" in first_guards._NOTHING_TO_REFUND
