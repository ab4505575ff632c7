"""A soak: random faults under load for as long as is wanted, and the figures. `python -m tests.faults.soak --help`.

The seed decides what is submitted, which faults come and whom they hit; so a run can be repeated by its seed.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from tests.acceptance.gateway_process import RunningGateway, running_gateway
from tests.faults import injuries
from tests.faults.checker import Verdict, is_end
from tests.faults.history import Seen
from tests.faults.load import Load
from tests.faults.test_killed_processes import Injure
from tests.origin import Origin

FAULTS: dict[str, Injure] = {
    "kill consumer": injuries.kill_consumer,
    "kill ingress": injuries.kill_ingress,
    "kill HAProxy": injuries.kill_haproxy,
    "kill proxy actor": injuries.kill_proxy_actor,
    "kill controller": injuries.kill_controller,
    "kill reading process": injuries.kill_reading_process,
    "kill zygote": injuries.kill_zygote,
    "kill Valkey": injuries.kill_valkey,
    "restart Valkey": injuries.restart_valkey,
    "freeze Valkey": injuries.freeze_valkey,
    "freeze consumer": injuries.freeze_consumer,
    "cut connections": injuries.cut_connections,
}
FAULT_SECONDS = 20
"""From one fault to the next."""
RECOVERY_SECONDS_MAX = 120
SETTLE_SECONDS_MAX = 300
ATTEMPTS_MAX = 20
"""More than the faults of a run can cost a job."""


def plan(seed: int) -> Iterator[str]:
    """The faults in order, without end: each of them once, in an order of chance, then each once again."""
    chance = random.Random(f"{seed}-faults")
    while True:
        yield from chance.sample(list(FAULTS), len(FAULTS))


def run(gateway: RunningGateway, callers: Load, *, seed: int, seconds: float) -> dict[str, list[float]]:
    """Hurt the gateway until the time is over; by fault, the seconds until a new job had succeeded after it."""
    recoveries: dict[str, list[float]] = defaultdict(list)
    chance = random.Random(f"{seed}-victims")
    begin = time.monotonic()
    for number, name in enumerate(plan(seed), 1):
        time.sleep(max(0, begin + number * FAULT_SECONDS - time.monotonic()))
        if time.monotonic() - begin >= seconds:
            return recoveries
        try:
            FAULTS[name](gateway, chance)
        except injuries.NobodyToHurt:
            print(f"{time.monotonic() - begin:6.0f} s  {name}: there is none to hurt", flush=True)
            continue
        recovery = callers.probe(RECOVERY_SECONDS_MAX)
        recoveries[name].append(recovery)
        print(f"{time.monotonic() - begin:6.0f} s  {name}: a new job succeeded after {recovery:.1f} s", flush=True)
    raise AssertionError("the plan has no end")


def report(callers: Load, verdict: Verdict, recoveries: dict[str, list[float]]) -> None:
    """Print the figures."""
    ends = {event.job_id: event for event in callers.history.events if isinstance(event, Seen) and is_end(event)}
    again = sum(max(0, end.attempt - 1) for end in ends.values())
    print(f"\n{'fault':<22}{'times':>6}{'recovery: median':>18}{'longest':>9}")
    for name, times in sorted(recoveries.items()):
        print(f"{name:<22}{len(times):>6}{sorted(times)[len(times) // 2]:>16.1f} s{max(times):>7.1f} s")
    print(
        f"\njobs accepted {verdict.accepted}, lost {len(verdict.lost)}, twice {len(verdict.twice)}, "
        f"unexpected {len(verdict.unexpected)}, strayed {len(verdict.strayed)}, backwards {len(verdict.backwards)}, "
        f"watches in vain {len(verdict.unended)}\n"
        f"attempts beyond the first {again}, watches reconnected {callers.reconnects}, "
        f"errors that callers were told {dict(callers.errors)}"
    )
    for breach in verdict.breaches:
        print(f"BROKEN {breach}")


def main() -> int:
    """Run it; the exit code is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to repeat it; else a new one")
    parser.add_argument("--rate", type=float, default=3, help="jobs submitted per second, as long as it is answered")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing outlives it
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed
    print(f"seed {seed}: repeat this run by --seed {seed} --minutes {arguments.minutes:g} --rate {arguments.rate:g}")
    with (
        tempfile.TemporaryDirectory(prefix="pdfgateway-soak-") as folder,
        running_gateway(Path(folder), attempts_max=str(ATTEMPTS_MAX)) as gateway,
        Origin() as origin,
        Redis(port=gateway.valkey.port) as redis,
    ):
        with Load(gateway.grpc_address, redis, origin, seed=str(seed), jobs_per_second=arguments.rate) as callers:
            recoveries = run(gateway, callers, seed=seed, seconds=arguments.minutes * 60)
        verdict = callers.settle(SETTLE_SECONDS_MAX)
        report(callers, verdict, recoveries)
    return 1 if verdict.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
