"""How the web process serves: one process with threads, because it keeps one copy of the facts in memory."""

import os
from pathlib import Path

workers = int(os.environ.get("WEB_PROCESSES", "1"))
threads = int(os.environ.get("WEB_THREADS", "8"))
worker_class = "gthread"
timeout = 120  # seconds; a report on a cold copy of a large funnel
graceful_timeout = 30
keepalive = 5
control_socket_disable = True
# The heartbeat file must not wait for a busy disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
