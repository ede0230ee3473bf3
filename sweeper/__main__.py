"""`python -m sweeper`: Hydra's line for a sweep, or a command such as `report` and `ui` by its first word.

This module is imported again by every trial's process, so it imports nothing heavy.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from sweeper.host import import_path


def main() -> int:
    """Runs the command line; returns its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends it without a traceback, until the imports are done
    import_path.look_in_the_current_folder_last()  # before anything else is imported
    import gc

    gc.disable()  # imports make no garbage; the sweep's loop turns the collector on again
    from sweeper.cli import errors
    from sweeper.host import process, streams
    from sweeper.report import event_lines

    streams.open_standard_streams()
    if "sweep.progress=json" in sys.argv[1:]:
        event_lines.open_channel()  # so that a refusal is an event too
    process.prepare_libraries()
    process.note_interrupts()
    try:
        return errors.guarded(_run)
    except SystemExit as ended:  # of a sweep, whose status Hydra would discard, or of `--help` and `--version`
        return ended.code if isinstance(ended.code, int) else 0


def _run() -> int:
    words = sys.argv[1:]
    if _may_train(words):
        from sweeper import executors
        from sweeper.tracking.recording import start

        executors.start_early()  # TensorFlow and MLflow are loaded while Hydra composes the configuration
        start.start_early()
    from sweeper.cli import arguments, commands

    arguments.check_text(words)
    if words and words[0] in commands.COMMANDS:
        return commands.run(words)
    if words and words[0].isalpha():
        return commands.refuse(words[0])
    return _hydra()


def _may_train(words: Sequence[str]) -> bool:
    """Whether words are a sweep's, as far as can be known before Hydra reads them; a plan trains nothing."""
    options = [word for word in words if word.startswith("-")]
    keys = {word.partition("=")[0].lstrip("+") for word in words}
    is_command = bool(words) and words[0].isalpha()
    return not is_command and set(options) <= {"-m", "--multirun"} and not keys & {"sweep.dry_run", "executor"}


def _hydra() -> int:
    """Lets Hydra read the words and compose the configuration; `sweeper.cli.sweep` does the rest."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us whole, and leave as one paragraph
    import hydra

    from sweeper.cli import arguments, errors, hydra_sweeper
    from sweeper.config import schema
    from sweeper.config.keys import folders

    command = arguments.read(sys.argv[1:])
    for note in command.notes:
        errors.say(note)
    schema.register()
    hydra_sweeper.register()
    base = {"version_base": "1.3"} if schema.is_hydra_1_3() else {}  # Hydra 1.4 has no other defaults than its own
    hydra_main = hydra.main(config_path=str(folders.CONF), config_name="config", **base)(_never_called)
    arguments.run(command, hydra_main)
    return 0


def _never_called(_: object) -> None:
    raise RuntimeError("hydra.sweeper must be keras_cnn, and hydra.mode MULTIRUN")


def leave(status: int) -> None:
    """Ends this process without taking its libraries apart one object at a time, which would last a second."""
    from sweeper.host import streams

    status = streams.close(status)
    if "multiprocessing.util" in sys.modules:
        sys.modules["multiprocessing.util"]._run_finalizers()  # its temporary folder, with the forkserver's socket
    os._exit(status)


def run() -> None:
    """The console script `sweeper`."""
    leave(main())


if __name__ == "__main__":
    run()
