"""The first thing that the forkserver imports: from then on it ends with its driver, also while it is busy importing.

By itself it would notice a killed driver only when all imports are done, which takes seconds. Trials that it forks
do not inherit this; they notice at the end of their pipes. Elsewhere its import does nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

#: The driver's process id, as `sweeper.executors.processes` hands it over.
DRIVER = "SWEEPER_DRIVER_PID"
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

if sys.platform == "linux" and DRIVER in os.environ:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != int(os.environ.pop(DRIVER)):  # it was killed before this line
        os._exit(1)
