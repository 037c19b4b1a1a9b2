"""`kasapay provision` against `kasapay sandbox`: what it writes buys a token, and what it must not do."""

import base64
import re
import stat

import httpx
import pytest
from dotenv import dotenv_values

from tests.end_to_end.log_keeping import forbid
from tests.end_to_end.processes import Deployment, free_port

COLLECTION, DISBURSEMENT = "c0" * 16, "d0" * 16
PRODUCTS = {"collection": COLLECTION, "disbursement": DISBURSEMENT}
STRICT = {"strict": True, "momo": {"subscription_keys": {name: [key] for name, key in PRODUCTS.items()}}}
BEFORE = "# my own\nSHORT_CODE='*123#'\nMOMO_CURRENCY=EUR # for now\n"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture
async def strict(deployment: Deployment) -> Deployment:
    """A sandbox that knows which key is whose; keys and users belong to their product."""
    forbid(COLLECTION, DISBURSEMENT)
    await deployment.start_judge(**STRICT)
    deployment.env = {
        "MOMO_BASE_URL": deployment.sandbox_url,
        "PUBLIC_URL": "https://pay.example.com/kasapay",
    }
    return deployment


async def token(
    http: httpx.AsyncClient, url: str, product: str, values: dict[str, str | None]
) -> httpx.Response:
    user, key, subscription = (
        values[f"MOMO_{product.upper()}_{name}"] or "" for name in ("API_USER", "API_KEY", "SUBSCRIPTION_KEY")
    )
    basic = base64.b64encode(f"{user}:{key}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Ocp-Apim-Subscription-Key": subscription}
    return await http.post(f"{url}/{product}/token/", headers=headers)


async def test_what_is_written_buys_tokens(strict: Deployment, http: httpx.AsyncClient) -> None:
    file = strict.folder / ".env"
    file.write_text(BEFORE, encoding="utf-8")
    done = await strict.run("provision", "--currency", "GHS", typed=f"{COLLECTION}\n{DISBURSEMENT}\ny\n")
    assert done.code == 0, done.err
    assert "Written to .env." in done.out
    assert re.search(rf"MOMO_COLLECTION_API_USER={UUID4}\n", done.out)
    assert "MOMO_COLLECTION_API_KEY=********\n" in done.out
    assert "MOMO_CURRENCY=GHS   (instead of what is there)\n" in done.out
    assert "for the callback host pay.example.com" in done.out
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# my own\nSHORT_CODE='*123#'\nMOMO_CURRENCY=GHS # for now\n")
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 == 0
    values = dotenv_values(file)
    assert values["MOMO_TARGET_ENVIRONMENT"] == "sandbox"
    secrets = [
        values[f"MOMO_{p.upper()}_{n}"] or "" for p in PRODUCTS for n in ("API_KEY", "SUBSCRIPTION_KEY")
    ]
    assert len(set(secrets)) == 4
    forbid(*secrets)
    for secret in secrets:
        assert secret not in done.out + done.err
    for product in PRODUCTS:
        bought = await token(http, strict.sandbox_url, product, values)
        assert bought.status_code == 200, bought.text
        assert bought.json()["access_token"]

    # The account made of them is one that works: both products' keys are tried.
    checked = await strict.run("check")
    assert "Account momo" in checked.err, "its limits and its invoices are thought about"
    assert "did not take our" not in checked.err, checked.err

    # Once more, with the keys known by now: new users in place of the old, nothing else touched.
    again = await strict.run("provision", "--yes")
    assert again.code == 0, again.err
    changed = file.read_text(encoding="utf-8")
    assert len(changed.splitlines()) == len(text.splitlines())
    newer = dotenv_values(file)
    forbid(newer["MOMO_COLLECTION_API_KEY"] or "", newer["MOMO_DISBURSEMENT_API_KEY"] or "")
    assert {name for name in values if values[name] != newer[name]} == {
        f"MOMO_{product.upper()}_{name}" for product in PRODUCTS for name in ("API_USER", "API_KEY")
    }


async def test_one_product_and_a_new_file(strict: Deployment, http: httpx.AsyncClient) -> None:
    done = await strict.run(
        *("provision", "--yes", "--collection-key", COLLECTION, "--callback-host", "127.0.0.1"),
        *("--env-file", "mine.env"),
        MOMO_COLLECTION_API_USER="another",
    )
    assert done.code == 0, done.err
    file = strict.folder / "mine.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    values = dotenv_values(file)
    forbid(values["MOMO_COLLECTION_API_KEY"] or "")
    assert values["MOMO_CURRENCY"] == "EUR"
    assert not [name for name in values if "DISBURSEMENT" in name]
    assert (await token(http, strict.sandbox_url, "collection", values)).status_code == 200
    assert done.err == (
        "kasapay: Warning: MOMO_COLLECTION_API_USER is set in the environment too,"
        " which comes before mine.env.\n"
    )
    assert not (strict.folder / ".env").exists()


async def test_nothing_is_written_that_was_not_agreed_to(strict: Deployment, http: httpx.AsyncClient) -> None:
    file = strict.folder / ".env"
    file.write_text(BEFORE, encoding="utf-8")
    keys = ("--collection-key", COLLECTION)

    async def asked() -> int:
        record = await http.get(f"{strict.sandbox_url}/_sandbox/record/requests")
        return len(record.json()["requests"])

    dry = await strict.run("provision", *keys, "--dry-run", "--yes")
    assert dry.code == 0, dry.err
    assert "MOMO_COLLECTION_API_KEY=********" in dry.out
    assert COLLECTION not in dry.out
    assert await asked() == 0, "a dry run asks nobody"
    no, gone = [await strict.run("provision", *keys, typed=typed) for typed in ("\nn\n", "\n")]
    for ended in (no, gone):
        assert ended.code == 1
        assert ended.err.startswith("kasapay: Nothing was written. The new API users stay there unused"), (
            ended.err
        )
    refused = await strict.run("provision", "--yes", "--collection-key", "e0" * 16)
    assert refused.code == 1
    assert "did not take the subscription key of Collections (401). Copy the primary key" in refused.err
    assert refused.err.endswith("kasapay: Nothing was written.\n")
    broken = await strict.run("provision", "--yes", *keys, MOMO_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached (ConnectError). Is this machine on the network?" in broken.err
    for words, told in {
        ("--yes",): "A subscription key is needed",
        ("--yes", "--collection-key", "two words"): "The subscription key of Collections holds what no key",
        ("--yes", *keys, "--callback-host", "https://pay.example.com"): "must be a bare host name",
        ("--yes", *keys, "--currency", "cedis"): "The currency must be a code",
        (
            "--yes",
            *keys,
            "--base-url",
            "https://proxy.momoapi.mtn.com",
        ): "not at proxy.momoapi.mtn.com. In production",
    }.items():
        ended = await strict.run("provision", *words)
        assert ended.code == 1, words
        assert told in ended.err, ended.err
        assert "Traceback" not in ended.err
        assert "two words" not in ended.err
    assert file.read_text(encoding="utf-8") == BEFORE
    file.write_text("A='open\n", encoding="utf-8")
    unreadable = await strict.run("provision", "--yes", *keys)
    assert unreadable.err == "kasapay: Line 1 cannot be read as NAME=value; mend it first.\n"
