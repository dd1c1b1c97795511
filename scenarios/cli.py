"""The command: ``stocktwin COMMAND``, each in a module of :mod:`scenarios.commands`.

Nothing heavy is imported before a command needs it, so that help and lists answer at once. A
mistake of the user is one line on stderr and exit code 2; a run that fails for another reason shows
its traceback, since it is a defect.

Exit codes: 0 done, 1 something checked is wrong, 2 a user's mistake, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence

from scenarios.commands import SUMMARIES, load
from scenarios.errors import UserError, choices

#: Errors of the disk that are the machine's state, not a defect.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})

_HEAD = """\
stocktwin: a simulated retail chain whose stock records go wrong, and a measured operations layer

usage: stocktwin COMMAND [...]

"""
_TAIL = """
  stocktwin COMMAND --help tells more; stocktwin --version tells the version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; those of the process by default.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        # Told to stop, a run cleans up as it does at the keyboard's interrupt.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except UserError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except MemoryError:
        return _complain("world.stores, world.items: ran out of memory; make them smaller or workers fewer")
    except BrokenPipeError:
        # The reader (head, less) went away: nothing more to say, and nothing more to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        return _complain(f"{error.filename or 'out'}: {(error.strerror or str(error)).lower()}")
    return code


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        lines = (f"  {usage:<23} {what}\n" for usage, what in SUMMARIES.values())
        print(_HEAD + "".join(lines) + _TAIL, end="")
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"stocktwin {version('stocktwin')}")
        return 0
    name, *rest = words
    if name not in SUMMARIES:
        raise UserError(f"{name}: no such command; {choices(SUMMARIES, name)}")
    command = load(name)
    if any(word in {"-h", "--help"} for word in rest):
        print(command.HELP, end="")
        return 0
    return command.main(rest)


def _complain(message: str, code: int = 2) -> int:
    """One line on stderr."""
    print(f"stocktwin: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
