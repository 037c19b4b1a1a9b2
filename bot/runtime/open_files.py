"""How many files and connections this process may have open: the limit of the system, raised if allowed."""

from typing import Final

try:
    import resource
except ImportError:  # pragma: no cover - Windows knows no such limit
    resource = None  # type: ignore[assignment]

__all__ = ["open_files_at_most", "raise_open_files"]

_ENOUGH: Final = 65_536
_UNKNOWN: Final = 1024


def open_files_at_most() -> int:
    if resource is None:
        return _UNKNOWN
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else min(soft, _ENOUGH)


def raise_open_files() -> None:
    """Take what the hard limit allows: the soft one is often 1,024, for programs that are no servers."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
