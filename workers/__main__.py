"""One worker process: ``python -m workers``. More work wants more processes, not more threads.

Owns: start and end. SIGTERM and SIGINT let what is at a provider come to its end for two seconds and hand the
rest back; three seconds after the signal the process is gone. Refuses the master of Dramatiq's own command, which
ends all processes when one dies: whoever started us starts us again.
"""

import asyncio
import logging
import signal
import sys
import threading

import dramatiq
import structlog
import uvloop

from core.settings import settings

# A thread waits while its message is on the event loop, so that threads cost little and bound what is under way.
THREADS = 16
STOP_MS = 2000
# Only how often an idle thread looks whether it shall end; the bell wakes consumers sooner.
IDLE_MS = 250


def main() -> int:
    """Work until a signal comes."""
    log = structlog.get_logger(__name__)
    level = logging.getLevelName(settings().log.upper())
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    if level > logging.DEBUG:
        # Dramatiq prints a failure with everything the exception says, people's numbers included; ours is said
        # by workers.conduct without them.
        logging.getLogger("dramatiq.worker.WorkerThread").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    from workers.actors import broker

    worker = dramatiq.Worker(broker, worker_timeout=IDLE_MS, worker_threads=THREADS)
    listener = threading.Thread(target=broker.listen, args=(ended,), daemon=True, name="bell")
    broker.emit_after("process_boot")
    worker.start()
    listener.start()
    log.info("worker_ready", threads=THREADS)
    ended.wait()
    worker.stop(timeout=STOP_MS)
    log.info("worker_ended")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
