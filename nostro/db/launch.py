"""Becomes a PostgreSQL program: gives up root, ties its life to its parent's, and executes it.

Run as a script of its own (`python -I -S launch.py …`), since doing this between fork and exec of
a process with threads can deadlock; the process id stays the same, so the parent knows the
server's. Imports nothing of Nostro.

    --parent PID       exit if this is no longer our parent
    --death-signal N   the signal the kernel sends us when the parent's thread dies (0: none)
    --user UID:GID     the account to become
    --capability N     a capability to keep across that, to pass directories closed to the account
    PROGRAM ARGUMENT…

Linux only in the parts that need the kernel's help; elsewhere the parent must stop the server.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CANNOT_LAUNCH = 126


def main(arguments: list[str]) -> None:
    """Do what the options say, then never return."""
    options, program = _parse(arguments)
    if "--user" in options:
        uid, gid = map(int, options["--user"].split(":"))
        become(uid, gid, int(options.get("--capability", "0")))
    # After the change of user: that clears the death signal.
    _die_with_parent(int(options["--parent"]), int(options.get("--death-signal", "0")))
    os.umask(0o077)
    os.execv(program[0], program)


def _parse(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    while arguments and arguments[0].startswith("--"):
        options[arguments[0]] = arguments[1]
        arguments = arguments[2:]
    return options, arguments


def become(uid: int, gid: int, capability: int) -> None:
    """Turn into an account, keeping at most one capability (0: none)."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    if capability:
        # Else the change of user drops it, and access(2), which PostgreSQL asks about its own
        # programs, answers as if the account had none.
        _prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP)
    os.setresuid(uid, uid, uid)
    if capability:
        _keep_only(capability)


def _keep_only(capability: int) -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    # Two 32-bit halves of (effective, permitted, inheritable); both capabilities used are low.
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if _libc().capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _die_with_parent(parent: int, death_signal: int) -> None:
    if death_signal and sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        sys.exit("The process that wanted this server is gone.")


def _prctl(option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if _libc().prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as failure:
        print(f"cannot launch {sys.argv[1:]}: {failure}", file=sys.stderr)
        sys.exit(CANNOT_LAUNCH)
