"""Makes API users at MTN's sandbox, as its provisioning calls do. In production they come from the Partner
Portal, so that no other address is ever asked.

Source: MTN MoMo Open API, Sandbox user provisioning (momodeveloper.mtn.com), client libraries and users'
reports, read November 2026. No key is in any sentence.
"""

import asyncio
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from bot.providers.base import Secret

__all__ = ["ApiUser", "ProvisionProblem", "base_url_problem", "is_host", "is_key", "make_user"]

_SANDBOX: Final = "sandbox.momodeveloper.mtn.com"
_PORTAL_NAMES: Final = {"collection": "Collections", "disbursement": "Disbursements"}
# What stands in `.env` and in headers as it is.
_KEY: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,200}")
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/?")
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\Z")
_WORD: Final = re.compile(r"[a-z]{1,40}")
# A user just made may not be everywhere yet.
_LOOKS: Final = 3
_PAUSE_S: Final = 1.0


class ProvisionProblem(Exception):
    """Why there is no API user, and what to do, as a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class ApiUser:
    """One product's credentials, as the account needs them."""

    product: str
    subscription_key: Secret
    api_user: str
    api_key: Secret
    environment: str


def base_url_problem(base_url: str) -> str | None:
    """Why no API user is made at this address, or None."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    else:
        if not _ADDRESS.fullmatch(base_url):
            return "The address of the sandbox has a scheme and a host, a port perhaps, and no more."
        if parts.scheme == "https" and host == _SANDBOX:
            return None
        if _is_loopback(host):
            return None
    return (
        f"API users are made at https://{_SANDBOX} only, or at a sandbox on this machine, not at"
        f" {host or 'this address'}. In production they come from MTN's Partner Portal."
    )


def is_host(text: str) -> bool:
    """Whether `text` is a bare host name: no scheme, port or path."""
    return _HOST.match(text) is not None


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


async def make_user(
    http: httpx.AsyncClient,
    base_url: str,
    product: str,
    subscription_key: Secret,
    callback_host: str,
    new_id: Callable[[], str],
) -> ApiUser:
    """Make an API user, see that it is there, and make its key. Raises ProvisionProblem.

    What was made before a problem stays at MTN, where it harms nobody; it cannot be taken back.
    """
    at = _Sandbox(http, base_url.rstrip("/"), product, subscription_key, callback_host)
    api_user = new_id()
    await at.send("POST", "/v1_0/apiuser", 201, body=True, reference=api_user)
    shown = (await at.look(f"/v1_0/apiuser/{api_user}")).get("targetEnvironment")
    if not isinstance(shown, str) or not _WORD.fullmatch(shown):
        raise ProvisionProblem(f"{at.name} does not say the new API user's environment. Run this again.")
    made = _object(await at.send("POST", f"/v1_0/apiuser/{api_user}/apikey", 201)).get("apiKey")
    if not isinstance(made, str) or not is_key(made):
        raise ProvisionProblem(f"{at.name} made an API key that nobody can read. Run this again.")
    return ApiUser(product, subscription_key, api_user, Secret(made), shown)


@dataclass(frozen=True, slots=True)
class _Sandbox:
    http: httpx.AsyncClient
    base_url: str
    product: str
    subscription_key: Secret
    callback_host: str

    @property
    def name(self) -> str:
        return urlsplit(self.base_url).netloc

    async def send(
        self,
        method: str,
        path: str,
        wanted: int,
        *,
        body: bool = False,
        reference: str = "",
    ) -> httpx.Response:
        headers = {"Ocp-Apim-Subscription-Key": self.subscription_key.reveal()}
        if reference:
            headers["X-Reference-Id"] = reference
        try:
            reply = await self.http.request(
                method,
                self.base_url + path,
                headers=headers,
                json={"providerCallbackHost": self.callback_host} if body else None,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ProvisionProblem(
                f"{self.name} cannot be reached ({type(error).__name__}). Is this machine on the network?"
            ) from None
        except httpx.HTTPError as error:
            raise ProvisionProblem(
                f"{self.name} did not answer ({type(error).__name__}). Run this again."
            ) from None
        if reply.status_code != wanted:
            raise ProvisionProblem(self._refused(reply.status_code))
        return reply

    async def look(self, path: str) -> dict[str, object]:
        """The user as kept there, looked for more than once."""
        for left in reversed(range(_LOOKS)):
            try:
                return _object(await self.send("GET", path, 200))
            except ProvisionProblem:
                if not left:
                    raise
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError("the last look returns or raises")

    def _refused(self, status: int) -> str:
        match status:
            case 401 | 403:
                product = _PORTAL_NAMES[self.product]
                return (
                    f"{self.name} did not take the subscription key of {product} ({status}). Copy the"
                    f" primary key of {product} from your profile at momodeveloper.mtn.com."
                )
            case 400:
                return (
                    f"{self.name} did not take the request (400). Is {self.callback_host} a public host name,"
                    " and the subscription key whole?"
                )
            case 404:
                return f"{self.name} does not know the API user it has just made (404). Run this again."
            case 409:
                return f"{self.name} has an API user of this very id already (409). Run this again."
            case 429:
                return f"{self.name} was asked too often (429). Wait a minute and run this again."
            case _ if status >= 500:
                return f"{self.name} has a fault of its own ({status}). Run this again later."
            case _:
                return f"{self.name} answered {status}, as no MoMo sandbox does. Is it the right address?"


def _object(reply: httpx.Response) -> dict[str, object]:
    try:
        found = reply.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
