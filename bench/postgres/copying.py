"""About a gigabyte of rows with their indexes, copied by us and by others from one server to another."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from servers import TICKS, PASSWORD, Server, children, existing, load, planned, programs, stat

GOAL, FAILS_AT = 0.45, 5
ROWS = 1_500_000
# A row is about 280 bytes on the page; each table has its key and one more index.
TABLE = """
    CREATE TABLE {name} (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12, 2) NOT NULL,
                         at timestamptz NOT NULL, note text NOT NULL);
    INSERT INTO {name} SELECT n, n::bigint * 7919 % 100000, n / 7.0, timestamptz '2026-01-01' + n * interval '1 second',
                              repeat(md5(n::text), 6) FROM generate_series(1, {rows}) n;
    CREATE INDEX ON {name} (customer);
    ALTER TABLE {name} OWNER TO shop;
"""
# What is timed of a move: everything until the target has all rows and indexes and follows the source.
OURS = ["copy_schema", "copy_rows", "build_indexes", "await_stream"]


def fill(server, rows):
    for name in ("orders", "events"):
        server.execute(TABLE.format(name=name, rows=rows))
    server.execute("VACUUM ANALYZE")
    server.execute("CHECKPOINT")


def timed(command, env=None):
    """Runs a client to its end: seconds, and processor seconds with those of its own children."""
    begun = time.monotonic()
    child = subprocess.Popen(command, env={**os.environ, "PGPASSWORD": PASSWORD, **(env or {})},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} failed: {output.decode(errors='replace')[-2000:]}")
    return time.monotonic() - begun, used.ru_utime + used.ru_stime


def dump_and_restore(east, west):
    with tempfile.TemporaryDirectory() as folder:
        before = used_by(east, west)
        dump = [programs() / "pg_dump", "-Fd", "-j2", "-Z0", "-f", f"{folder}/dump", "-d", east.url()]
        restore = [programs() / "pg_restore", "-j2", "-d", west.url(database="other"), f"{folder}/dump"]
        (one, cpu), (other, more) = timed(dump), timed(restore)
        # Main processes count those that have ended a moment later.
        time.sleep(0.4)
        used = used_by(east, west) - before
        return one + other, cpu + more, used, f"dump {one:.1f}, restore {other:.1f}"


def pgcopydb(east, west):
    with tempfile.TemporaryDirectory() as folder:
        command = [shutil.which("pgcopydb"), "clone", "--source", east.url(), "--target", west.url(database="other"),
                   "--dir", f"{folder}/work", "--skip-large-objects", "--no-acl"]
        before, (wall, cpu) = used_by(east, west), timed(command)
        time.sleep(0.4)
        return wall, cpu, used_by(east, west) - before, ""


def ours(place):
    """A move up to the stream that has caught up, its steps timed by its journal."""
    def move(east, west):
        child = place.start("migrate", "run", planned(place), "--no-supervisor")
        begun = sample(place, child, "copy_schema", (east, west))
        ended = sample(place, child, "verify_database", (east, west))
        child.communicate()
        timeline = place.ok("runs", "show", "last")["report"]["timeline"]
        took = {one["action"]: (one["took_ms"] or 0) / 1000 for one in timeline}
        words = ", ".join(f"{name} {took[name]:.1f}" for name in [*OURS, "verify_database"])
        cpu, used = (after - before for before, after in zip(begun, ended))
        return sum(took[name] for name in OURS), cpu, used, words
    return move


def sample(place, child, action, servers):
    """The processor seconds of the program and of the servers when a step begins."""
    while not begun(place, action):
        if child.poll() is not None:
            sys.exit(f"the move ended early: {child.communicate()}")
        time.sleep(0.05)
    return own_cpu(child.pid), used_by(*servers)


def own_cpu(pid):
    """Of a process and all below it, ended ones included."""
    below = [str(pid)]
    for one in below:
        below += children(int(one))
    return sum(sum(map(int, stat(one)[11:15])) for one in below if stat(one)) / TICKS


def begun(place, action):
    """Whether a step of the newest run has begun; as its journal says."""
    runs = sorted(pathlib.Path(place.folder, ".trefoil", "state", "runs").glob("*"))
    entries = [json.loads(file.read_text())["body"] for file in sorted(runs[-1].glob("*.json"))] if runs else []
    if not entries:
        return False
    step = next(one["n"] for one in entries[0]["plan"]["steps"] if one["action"] == action)
    return any(one.get("step") == step for one in entries[1:])


def used_by(*servers):
    """The processor seconds of servers."""
    return sum(one.cpu() for one in servers)


def measure(program, arguments):
    rows = {}
    for number in range(arguments.rounds):
        with Server("east") as east, Server("west") as west, existing(program, east, west) as place:
            fill(east, arguments.rows)
            heap = east.one("SELECT sum(pg_table_size(c.oid)) FROM pg_class c WHERE relname IN ('orders', 'events')")
            clients = {"trefoil": ours(place), "pg_dump + pg_restore": dump_and_restore}
            if shutil.which("pgcopydb"):
                clients["pgcopydb"] = pgcopydb
            turn = number % len(clients)
            for name in [*list(clients)[turn:], *list(clients)[:turn]]:
                west.execute("CREATE DATABASE other", "postgres")
                west.execute("CHECKPOINT", "postgres")
                wall, cpu, used, words = clients[name](east, west)
                rows.setdefault(name, []).append((wall, cpu, used))
                print(f"    {name}: {wall:.1f} s; client {cpu:.1f} s; servers {used:.1f} s; {words}; load {load()}",
                      file=sys.stderr)
                if name == "trefoil":
                    place.ok("migrate", "rollback", "last")
                    place.ok("migrate", "finish", "last")
                west.execute("DROP DATABASE other", "postgres")
    return table(rows, heap)


def table(rows, heap):
    theirs = statistics.median(wall for wall, _, _ in rows["pg_dump + pg_restore"])
    print(f"\n{int(heap) / 1e6:.0f} MB of rows; load average {load()}\n")
    print("| way | n | wall s, median (spread) | of dump and restore | client CPU s | servers' CPU s |")
    print("|---|---|---|---|---|---|")
    for name, found in rows.items():
        walls, cpus, used = (sorted(column) for column in zip(*found))
        wall = statistics.median(walls)
        print(f"| {name} | {len(found)} | {wall:.1f} ({walls[0]:.1f} to {walls[-1]:.1f}) | {wall / theirs:.2f}x | "
              f"{statistics.median(cpus):.1f} | {statistics.median(used):.1f} |")
    ratio = statistics.median(wall for wall, _, _ in rows["trefoil"]) / theirs
    return [f"copy: {ratio:.2f}x of dump and restore, goal {GOAL}x"] if ratio > FAILS_AT * GOAL else []
