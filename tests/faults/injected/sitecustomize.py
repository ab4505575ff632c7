"""Lets tests run code inside a replica: Python imports this where this folder is on its path.

A replica obeys the file FAULT_ORDERS/<its process id>, once.
"""

import os
import sys
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.2


def _obey(order: Path) -> None:
    while not order.exists():
        time.sleep(POLL_SECONDS)
    code = order.read_text()
    order.unlink()
    exec(code, {})  # noqa: S102  (the test's own code, which is what this is for)


# Ray's workers only: the zygote must have one thread.
if "FAULT_ORDERS" in os.environ and any("default_worker.py" in argument for argument in sys.orig_argv):
    _order = Path(os.environ["FAULT_ORDERS"], str(os.getpid()))
    threading.Thread(target=_obey, args=(_order,), name="fault-orders", daemon=True).start()
