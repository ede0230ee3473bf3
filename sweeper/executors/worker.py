"""What runs in a trial's process: it obeys its driver's pipe, and dies with it."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue

from sweeper.core.paths import TrialPaths
from sweeper.core.trials import EpochReport, TrialSpec
from sweeper.host.process import keep_freed_memory

GO = "go"
STOP = "stop"
GO_ON = "continue"  # the verdict on an epoch, where the trial awaits one; the other verdict is STOP


def main(connection: Connection, spec: TrialSpec) -> None:
    """Waits for the driver's word, trains, and reports each epoch on the way.

    The first word matters: where the forkserver dies between the fork and its answer, the driver does not know
    this process and closes the pipe, so that it ends here instead of training a trial that runs elsewhere too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    preloaded = "tensorflow" in sys.modules
    try:
        connection.send(("started", os.getpid(), preloaded))
        if connection.recv() != GO:
            return
    except (EOFError, OSError):
        return
    keep_freed_memory()
    stop = threading.Event()
    verdicts: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_obey, args=(connection, stop, verdicts), daemon=True).start()
    _log_to(TrialPaths(spec.folder))

    from sweeper.trial.run import run_to_result

    def report(epoch: EpochReport) -> bool:
        connection.send(("epoch", epoch))
        if spec.awaits_verdict and not stop.is_set():  # once it is to stop, no answer comes any more
            verdicts.get()
        return stop.is_set()

    run_to_result(spec, report)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the result is on disk: TensorFlow's own tear-down takes a while and may hang


def _obey(connection: Connection, stop: threading.Event, verdicts: SimpleQueue[str]) -> None:
    """Listens to the driver; when the pipe closes, the driver has ended, and this process ends too."""
    while True:
        try:
            word = connection.recv()
            if word == STOP:
                stop.set()
            verdicts.put(word)
        except (EOFError, OSError):
            os._exit(1)


def _log_to(paths: TrialPaths) -> None:
    """Sends stdout and stderr to the trial's log, where a crash leaves its traceback too."""
    paths.log.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    faulthandler.enable(file=2)
