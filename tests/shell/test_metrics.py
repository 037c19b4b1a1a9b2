"""What the figures say while a provider fails and people pay; that no label gives anybody away; and that the
alerts of the documentation ask for figures there are."""

import asyncio
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families as families

from bot.app.figures import take_figures, watch_figures
from bot.runtime.metrics import Metrics
from tests.conversations.people import Phone, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """The sum of what the figures show under this name with these labels."""
    return sum(
        sample.value
        for family in families(metrics.render().decode())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def figures(stage: Stage) -> Metrics:
    await take_figures(stage.store, stage.kasapay.metrics, stage.kasapay.clock)
    return stage.kasapay.metrics


async def test_a_failing_provider_shows(stage: Stage) -> None:
    stage.faults(error_status=503)
    await Robot(stage, Phone(stage, EFUA), "1001").pay()
    await stage.pass_time(600)
    for _ in range(3):
        await stage.kasapay.calls.balance("momo-ghana", 1.0)
    metrics = await figures(stage)
    calls = "kasapay_provider_calls_total"
    momo = {"provider": "momo", "account": "momo-ghana"}
    assert value(metrics, calls, **momo, outcome="ok") == 0
    assert value(metrics, calls, **momo, outcome="not_sent") >= 10
    assert value(metrics, calls, **momo, outcome="held_back") >= 1
    tried = value(metrics, calls, **momo) - value(metrics, calls, **momo, outcome="held_back")
    assert value(metrics, "kasapay_provider_call_seconds_count", **momo) == tried
    assert value(metrics, "kasapay_provider_left_alone", **momo) == 1
    assert value(metrics, "kasapay_provider_left_alone", provider="startbutton") == 0


async def test_what_needs_a_person_shows_until_it_is_seen_to(stage: Stage) -> None:
    await Robot(stage, Phone(stage, EFUA), "1001").pay()
    await stage.settle()
    await stage.pass_time(30)
    metrics = await figures(stage)
    assert value(metrics, "kasapay_orders_open", account="momo-ghana", state="PENDING") == 1
    assert value(metrics, "kasapay_orders_oldest_seconds", state="PENDING") >= 30
    stage.faults(echo_amount="1", sms_code=403)
    decide(stage, EFUA, "approve")
    await stage.pass_time(600)
    metrics = await figures(stage)
    assert value(metrics, "kasapay_orders_open", state="PENDING") == 0
    assert value(metrics, "kasapay_orders_open", state="UNRESOLVED") == 1
    assert value(metrics, "kasapay_incidents") >= 1
    assert 0 < value(metrics, "kasapay_incidents_last_timestamp_seconds") <= stage.clock() / 1000
    assert value(metrics, "kasapay_messages_dead", channel="msisdn") >= 1


async def test_no_label_gives_anybody_away(stage: Stage) -> None:
    await test_what_needs_a_person_shows_until_it_is_seen_to(stage)
    labels = {
        text
        for family in families(stage.kasapay.metrics.render().decode())
        for sample in family.samples
        for name, text in sample.labels.items()
        if name != "le"
    }
    order = (await stage.orders())[0]
    assert len(labels) > 20
    for text in labels:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_./ -]{0,40}", text), text
        assert not re.search(r"\d{4}", text), text
        assert order.code not in text


async def test_ready_refreshes_by_itself() -> None:
    """Nobody asks `/readyz`; the figure follows all the same."""
    metrics, asked = Metrics(), asyncio.Event()

    async def problems() -> list[str]:
        metrics.ready.set(0)
        asked.set()
        return ["the store cannot commit"]

    watching = asyncio.create_task(watch_figures(None, metrics, lambda: 0, problems))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        await asked.wait()
    watching.cancel()
    assert value(metrics, "kasapay_ready") == 0


def test_every_alert_of_the_documentation_asks_for_figures_there_are() -> None:
    text = OPERATING.read_text(encoding="utf-8")
    alerts = text.partition("```yaml")[2].partition("```")[0]
    assert alerts.count("- alert: ") >= 10
    asked = set(re.findall(r"\bkasapay_[a-z_]+", alerts))
    named = {
        name
        for family in families(Metrics().render().decode())
        for name in (family.name, f"{family.name}_total", f"{family.name}_bucket", f"{family.name}_count")
    }
    assert asked - named == set()
    for what in ("provider", "left_alone", "UNRESOLVED", "incidents", "dead", "ready", "overdue", "security"):
        assert what in alerts, what
