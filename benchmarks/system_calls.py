"""Runs a command under `ptrace` and kills it just before the n-th call by which it changes files below a folder.

Every state that a kill can leave on the disk is the one before such a call, or the one after the last. Seen are the
calls of the process itself, SQLite's and NumPy's among them, whatever library makes them; those of the processes that
it starts are not. Linux on x86-64 or 64-bit ARM, from kernel 5.3; neither root nor another program is needed.

What does not live here: what is run and what is checked (`kill_points`, `kills`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_SYSGOOD, _EXITKILL = 1, 1 << 20
_ENTRY = 1  # of a call, in `_SyscallInfo.op`
_AT_FDCWD = -100

#: Where a call names what it changes: an argument that is a descriptor, a path, or a folder's descriptor and a path.
_Place = tuple[Literal["file", "path", "at"], int]


@dataclass(frozen=True)
class _Call:
    name: str
    places: tuple[_Place, ...]
    flags: int | None = None  # argument with the flags of an `open`; only those that create or empty a file count


_CALLS = {
    "x86_64": {
        1: _Call("write", (("file", 0),)),
        2: _Call("open", (("path", 0),), flags=1),
        18: _Call("pwrite64", (("file", 0),)),
        20: _Call("writev", (("file", 0),)),
        40: _Call("sendfile", (("file", 0),)),
        74: _Call("fsync", (("file", 0),)),
        75: _Call("fdatasync", (("file", 0),)),
        76: _Call("truncate", (("path", 0),)),
        77: _Call("ftruncate", (("file", 0),)),
        82: _Call("rename", (("path", 0), ("path", 1))),
        83: _Call("mkdir", (("path", 0),)),
        84: _Call("rmdir", (("path", 0),)),
        85: _Call("creat", (("path", 0),)),
        87: _Call("unlink", (("path", 0),)),
        257: _Call("openat", (("at", 0),), flags=2),
        258: _Call("mkdirat", (("at", 0),)),
        263: _Call("unlinkat", (("at", 0),)),
        264: _Call("renameat", (("at", 0), ("at", 2))),
        285: _Call("fallocate", (("file", 0),)),
        316: _Call("renameat2", (("at", 0), ("at", 2))),
        326: _Call("copy_file_range", (("file", 2),)),
    },
    "aarch64": {
        34: _Call("mkdirat", (("at", 0),)),
        35: _Call("unlinkat", (("at", 0),)),
        38: _Call("renameat", (("at", 0), ("at", 2))),
        45: _Call("truncate", (("path", 0),)),
        46: _Call("ftruncate", (("file", 0),)),
        47: _Call("fallocate", (("file", 0),)),
        56: _Call("openat", (("at", 0),), flags=2),
        64: _Call("write", (("file", 0),)),
        66: _Call("writev", (("file", 0),)),
        68: _Call("pwrite64", (("file", 0),)),
        71: _Call("sendfile", (("file", 0),)),
        82: _Call("fsync", (("file", 0),)),
        83: _Call("fdatasync", (("file", 0),)),
        276: _Call("renameat2", (("at", 0), ("at", 2))),
        285: _Call("copy_file_range", (("file", 2),)),
    },
}


class _SyscallInfo(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
        ("rest", ctypes.c_uint64 * 2),
    )


@dataclass(frozen=True)
class Change:
    """A call that changes files: its name, and the path it names, relative to the folder."""

    call: str
    path: str

    def __str__(self) -> str:
        return f"{self.call} {self.path}"


@dataclass(frozen=True)
class Ended:
    """What became of a command: its pid, its status (below 0: the signal that ended it), and its changes in order.

    Where it was killed, the last change is the one that was not made.
    """

    pid: int
    status: int
    changes: tuple[Change, ...]


def run(
    command: Sequence[str],
    folder: Path,
    log: Path,
    env: Mapping[str, str],
    below: Path,
    is_last: Callable[[int, Change], bool] = lambda number, change: False,
) -> Ended:
    """Runs a command in its own session until it ends, or kills it.

    Args:
        command: an absolute path and its arguments.
        folder: where it runs.
        log: a file for what it prints.
        env: its environment.
        below: the folder whose changes count.
        is_last: given the number of a change, from 1, and the change: whether it is killed with SIGKILL before it.

    Raises:
        OSError: the system does not allow tracing.
    """
    calls = _CALLS.get(platform.machine())
    if calls is None:
        sys.exit(f"{platform.machine()} is not known here. Known: {', '.join(_CALLS)}.")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    pid = os.fork()
    if pid == 0:
        _become(libc, command, folder, log, env)
    tracee = _Tracee(libc, pid, calls, below)
    changes: list[Change] = []
    for change in tracee.changes():
        changes.append(change)
        if is_last(len(changes), change):
            os.kill(pid, signal.SIGKILL)
    return Ended(pid, tracee.status, tuple(changes))


def _become(libc: ctypes.CDLL, command: Sequence[str], folder: Path, log: Path, env: Mapping[str, str]) -> None:
    """Turns this new process into the command, traced by the one that it was forked from."""
    try:
        os.setsid()
        os.chdir(folder)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _checked(libc.ptrace(_TRACEME, 0, None, None))
        os.execve(command[0], list(command), dict(env))
    finally:
        os._exit(127)


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")
    return result


class _Tracee:
    """A process that stops at each of its system calls."""

    def __init__(self, libc: ctypes.CDLL, pid: int, calls: Mapping[int, _Call], below: Path) -> None:
        self._libc = libc
        self._pid = pid
        self._calls = calls
        self._below = below
        self.status = 0

    def changes(self) -> Iterator[Change]:
        """The changes that it is about to make, one by one, while it stands still; ends when the process has ended."""
        _, status = os.waitpid(self._pid, 0)
        if not os.WIFSTOPPED(status):
            raise OSError("the command could not be started under ptrace")
        self._ptrace(_SETOPTIONS, None, _SYSGOOD | _EXITKILL)
        info = _SyscallInfo()
        passed = 0  # signal that is handed to it
        while True:
            with contextlib.suppress(ProcessLookupError):  # it was killed while it stood still
                self._ptrace(_SYSCALL, None, passed)
            _, status = os.waitpid(self._pid, 0)
            if not os.WIFSTOPPED(status):
                self.status = os.waitstatus_to_exitcode(status)
                return
            stopped = os.WSTOPSIG(status)
            passed = 0 if stopped & 0x80 else stopped
            if not passed:
                self._ptrace(_GET_SYSCALL_INFO, ctypes.sizeof(info), ctypes.byref(info))
                if info.op == _ENTRY and (change := self._change(info)):
                    yield change

    def _ptrace(self, request: int, address: int | None, data: object) -> None:
        _checked(self._libc.ptrace(request, self._pid, address, data))

    def _change(self, info: _SyscallInfo) -> Change | None:
        call = self._calls.get(info.number)
        if call is None or (call.flags is not None and not info.arguments[call.flags] & (os.O_CREAT | os.O_TRUNC)):
            return None
        for place in call.places:
            path = self._path(place, info.arguments)
            if path.is_relative_to(self._below):
                return Change(call.name, str(path.relative_to(self._below)))
        return None

    def _path(self, place: _Place, arguments: Sequence[int]) -> Path:
        kind, number = place
        if kind == "file":
            return self._link(f"fd/{arguments[number]}")
        if kind == "path":
            return self._link("cwd") / self._text(arguments[number])
        directory = ctypes.c_int(arguments[number] & 0xFFFFFFFF).value
        beside = self._link("cwd" if directory == _AT_FDCWD else f"fd/{directory}")
        return beside / self._text(arguments[number + 1])

    def _link(self, name: str) -> Path:
        try:
            return Path(os.readlink(f"/proc/{self._pid}/{name}"))
        except FileNotFoundError:  # a descriptor that is not open: the call will fail
            return Path()

    def _text(self, address: int) -> str:
        """A text in the process's memory, up to its NUL; read a page at a time, the next one may not be there."""
        found = b""
        with open(f"/proc/{self._pid}/mem", "rb", buffering=0) as memory:
            while b"\0" not in found:
                memory.seek(address + len(found))
                found += memory.read(4096 - (address + len(found)) % 4096)
        return os.fsdecode(found.partition(b"\0")[0])
