"""`run --dask`: parts on a real scheduler with two workers, one of which is killed while it works."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.events.reader import read
from conformance.reporting.summary import summarise
from tests.conformance.upgrade.cluster import until, with_children

CHOSEN = ("--law", "mapping.*", "--transform", "jax.vmap", "--subject", "square", "--no-cache")


def test_the_parts_are_the_run_though_a_worker_is_lost(
    cluster: Any, command: Callable[..., Any], ran: Callable[..., Any], tmp_path: Path
) -> None:
    from distributed import Client

    address, workers = cluster
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    assert ran("run", *CHOSEN, "-n", 0, "--log", whole).status == 0
    until(Path(address).exists)
    with Client(scheduler_file=address) as client:
        client.wait_for_workers(2, timeout=60)
        at = client.scheduler_info()["address"]
        process = command("run", *CHOSEN, "--dask", at, "--log", parts)
        until(lambda: any(client.processing().values()))
        busy = next(name for name, tasks in client.processing().items() if tasks)
        (pid,) = client.run(os.getpid, workers=[busy]).values()
        with_children(next(w for w in workers if w.pid == pid), signal.SIGKILL)
    out, err = process.communicate(timeout=240)
    assert (process.returncode, "shard" in out) == (0, False), err
    one, several = summarise(read(whole)), summarise(read(parts))
    assert len(several.headers) == 4
    assert several.missing_shards == []
    assert several.digest == one.digest
    assert several.counts == one.counts


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--dask", "127.0.0.1:9"), 3, "no Dask scheduler answers at 127.0.0.1:9"),
        (("--dask", "here"), 2, "'here' is not HOST:PORT"),
        (("--dask", "127.0.0.1:9", "--shard", "1/2"), 2, "leave --shard out"),
        (("--dask", "127.0.0.1:9", "-x"), 2, "leave them out with --dask"),
    ],
)
def test_what_cannot_be_is_said(
    ran: Callable[..., Any], arguments: tuple[str, ...], status: int, said: str
) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    got = ran("run", *CHOSEN, *arguments)
    assert got.status == status
    assert said in got.err.splitlines()[-1]
