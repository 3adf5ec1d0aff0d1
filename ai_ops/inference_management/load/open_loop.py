"""The open loop: requests leave at their intended moments, whether earlier ones were answered or
not. Run as a process of its own (``python -m``): a plan on standard input, a course in a file.

A closed loop waits for answers, so that an endpoint that stalls is simply asked less, and the stall
is seen once instead of by everybody who would have come meanwhile.
"""

import asyncio
import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from ai_ops.inference_management.load.plan import Plan

SPIN: Final = 0.0005
"""Seconds before its moment at which a request is sent: a sleep of less is no sleep."""


def moments(plan: Plan) -> Iterator[float]:
    """When each request is to be sent, in seconds from the start.

    >>> list(moments(Plan("", [""], rate=4, seconds=1)))
    [0.0, 0.25, 0.5, 0.75]
    """
    count = max(1, round(plan.rate * plan.seconds))
    if plan.arrivals == "even":
        yield from (number / plan.rate for number in range(count))
        return
    random_ = random.Random(plan.seed)
    moment = 0.0
    for _ in range(count):
        yield moment
        moment += random_.expovariate(plan.rate)


async def drive(plan: Plan, ended: asyncio.Event) -> dict[str, Any]:
    """Send a plan's requests; what was seen, as the JSON of a ``Course``."""
    timeout = aiohttp.ClientTimeout(total=plan.timeout_s)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
    headers = {"Content-Type": "application/json", **plan.headers}
    seen: list[list[Any]] = []
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, auto_decompress=True
    ) as session:
        begin = time.monotonic()
        asking = []
        for number, offset in enumerate(moments(plan)):
            wait = begin + offset - time.monotonic()
            if wait > SPIN:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)  # answers are read even when sending has fallen behind
            if ended.is_set():
                break
            body = plan.bodies[number % len(plan.bodies)].encode()
            one: list[Any] = [begin + offset]
            seen.append(one)
            asking.append(asyncio.create_task(_ask(session, plan, body, one)))
        if asking:
            await asyncio.wait(asking)
        wall = time.monotonic() - begin
    return {"requests": seen, "wall_seconds": wall, "stopped_early": ended.is_set()}


async def _ask(session: aiohttp.ClientSession, plan: Plan, body: bytes, one: list[Any]) -> None:
    one.append(time.monotonic())
    status, error, answer = None, None, None
    try:
        async with session.post(plan.url, data=body) as response:
            content = await response.read()
            status = response.status
            if plan.keep_answers:
                answer = content.decode(errors="replace")
    except (aiohttp.ClientError, OSError, TimeoutError) as failed:
        error = f"{type(failed).__name__}: {failed}"
    one += [time.monotonic(), status, error, answer]


async def _main(plan: Plan, told: Path) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Whoever started this process closes its standard input to end the load early.
    loop.add_reader(sys.stdin.fileno(), lambda: _until_closed(loop, ended))
    before = resource.getrusage(resource.RUSAGE_SELF)
    seen = await drive(plan, ended)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seen["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told.write_text(json.dumps(seen), encoding="utf-8")


def _until_closed(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin.fileno())
        ended.set()


def main() -> None:
    """Read a plan (one line of JSON), drive it, and write its course to the file named."""
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(sys.stdin.fileno(), 1 << 16)
        if not read:
            raise SystemExit("no plan on standard input")
        line += read
    plan = msgspec.json.decode(line, type=Plan)
    try:
        import uvloop

        uvloop.run(_main(plan, Path(sys.argv[1])))
    except ModuleNotFoundError:
        asyncio.run(_main(plan, Path(sys.argv[1])))


if __name__ == "__main__":
    main()
