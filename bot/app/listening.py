"""Finds a port to listen on, and says in a sentence why a process cannot listen."""

import errno
import ipaddress
import socket
from contextlib import suppress

__all__ = ["cannot_listen", "find_free_port", "is_free", "is_here_only", "shown_url", "url_of"]


def url_of(host: str, port: int) -> str:
    """Where this machine reaches what listens there."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{'127.0.0.1' if shown in ('0.0.0.0', '[::]') else shown}:{port}"  # noqa: S104


def shown_url(host: str, port: int) -> str:
    """What to type on another machine, where `host` is every address of this one."""
    return url_of(_outward(host) if _is_everywhere(host) else host, port)


def _is_everywhere(host: str) -> bool:
    """Whether that is every address of this machine."""
    return host in ("0.0.0.0", "::", "")  # noqa: S104


def is_here_only(host: str) -> bool:
    """Whether nobody but this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _outward(host: str) -> str:
    """The address this machine has in its network; sends nothing. Loopback where it has none."""
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    for kind, there in ((family, far), (socket.AF_INET, "192.0.2.1")):
        with socket.socket(kind, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect((there, 9))
            return str(probe.getsockname()[0])
    return "127.0.0.1"


def cannot_listen(host: str, port: int, error: OSError, option: str = "--port") -> str:
    """Why a port cannot be used, and what to do about it. `option` is the one that names the port."""
    cannot = f"Port {port} of {host} cannot be used:"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{cannot} something listens there already. "
            f"Stop that, or choose another port with {option} (0 takes any free one)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{cannot} this user may not. Choose one above 1023 with {option}."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{cannot} {host} is no address of this machine. Choose another with --host."
    return f"{cannot} {error.strerror or error}. Choose another with {option}."


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on the port now. Raises OSError where the address is not this machine's."""
    with _probe(host) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def find_free_port(host: str) -> int:
    """A port that nobody listens on now. Raises OSError where the address is not this machine's."""
    with _probe(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _probe(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
