"""How long a client cannot write while its database is switched, and what becomes of its writes."""

import datetime
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

import psycopg2

from servers import Place, Server, existing, free_port, load, planned

EVERY_S, RETRY_S = 0.020, 0.010
GOAL_MEDIAN_MS, GOAL_MAX_MS, FAILS_AT = 300, 1_000, 5
SCHEMA = """
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, seen int NOT NULL DEFAULT 0);
    CREATE TABLE acks (client int, seq int, customer int NOT NULL REFERENCES customers, PRIMARY KEY (client, seq));
    CREATE INDEX acks_customer ON acks (customer);
    CREATE TABLE audit (id bigserial PRIMARY KEY, client int, seq int);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO public.audit (client, seq) VALUES (NEW.client, NEW.seq); RETURN NULL; END $$;
    CREATE TRIGGER acks_audit AFTER INSERT ON acks FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TABLE ballast (id int PRIMARY KEY, note text);
    INSERT INTO customers SELECT n, 'name ' || n FROM generate_series(1, 10000) n;
    INSERT INTO ballast SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 400000) n;
    ALTER TABLE customers OWNER TO shop; ALTER TABLE acks OWNER TO shop; ALTER TABLE audit OWNER TO shop;
    ALTER TABLE ballast OWNER TO shop; ALTER FUNCTION note() OWNER TO shop;
"""


class Client(threading.Thread):
    """Writes every 20 ms in one transaction of two statements; what fails is repeated every 10 ms,
    at the other server, with a new connection, until it is acknowledged."""

    def __init__(self, servers):
        super().__init__(daemon=True)
        self.servers, self.side, self.session = servers, 0, None
        self.acked, self.stopped = [], threading.Event()

    def run(self):
        seq, due = 0, time.monotonic()
        while not self.stopped.is_set():
            while not self.write(seq):
                if self.stopped.is_set():
                    return
                self.side = 1 - self.side
                time.sleep(RETRY_S)
            self.acked.append((time.monotonic(), self.side))
            seq, due = seq + 1, max(due + EVERY_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def write(self, seq):
        try:
            if self.session is None:
                self.session = psycopg2.connect(self.servers[self.side].url("shop"), connect_timeout=2)
            with self.session, self.session.cursor() as cursor:
                cursor.execute("UPDATE customers SET seen = seen + 1 WHERE id = %s", (1 + seq % 10_000,))
                # An answer may be lost: what was written before it is told by its key.
                cursor.execute("INSERT INTO acks VALUES (1, %s, %s) ON CONFLICT DO NOTHING", (seq, 1 + seq % 10_000))
            return True
        except psycopg2.Error:
            if self.session is not None:
                self.session.close()
            self.session = None
            return False

    def gaps(self):
        """Milliseconds between the last acknowledgement of one side and the first of the other."""
        pairs = zip(self.acked, self.acked[1:])
        return [1000 * (after - before) for (before, one), (after, other) in pairs if one != other]


def wait_for(client, server, count):
    """Until so many more writes were acknowledged by a server."""
    begun, limit = len(client.acked), time.monotonic() + 60
    while sum(1 for _, side in client.acked[begun:] if side == server) < count:
        if time.monotonic() > limit:
            sys.exit("the client cannot write")
        time.sleep(0.05)


def switches(place, moves, between):
    """One move, and then each switch back from where the last one went. Gives their reports."""
    answer = place.ok("migrate", "run", planned(place))
    reports = [answer["report"]]
    between(1)
    for number in range(1, moves):
        answer = place.ok("migrate", "rollback", answer["run_id"])
        reports.append(answer["report"])
        between((number + 1) % 2)
    place.ok("migrate", "finish", answer["run_id"])
    return reports


def bare(program, moves):
    with Server("east") as east, Server("west") as west, existing(program, east, west) as place:
        servers = [east, west]
        east.execute(SCHEMA)
        client = Client(servers)
        client.start()
        wait_for(client, 0, 50)
        before = load()
        reports = switches(place, moves, lambda side: wait_for(client, side, 100))
        client.stopped.set()
        client.join()
        serving = servers[moves % 2]
        lost = len(client.acked) - serving.one(f"SELECT count(*) FROM acks WHERE seq < {len(client.acked)}")
        doubled = serving.one("SELECT count(*) - count(DISTINCT (client, seq)) FROM audit")
        counted = serving.one("SELECT (SELECT sum(seen) FROM customers) - (SELECT count(*) FROM acks)")
        return {"gaps": client.gaps(), "acked": len(client.acked), "lost": lost, "doubled": doubled,
                "uncounted": counted, "reports": reports, "load": f"{before} to {load()}"}


def edged(program, moves):
    """The example application behind the edge, and writers who know nothing of a move."""
    medassistant, witness, port = program.with_name("medassistant"), program.with_name("trefoil-witness"), free_port()
    spec = (f'name: medassistant\napplication:\n  command: ["{medassistant}", serve]\n'
            f'  setup: ["{medassistant}", migrate]\n  port: {port}\n  log_level: warning\ndatabase: {{}}\n'
            "buckets:\n  documents: {}\nsessions: {}\nenvironments:\n  east: {cloud: local}\n  west: {cloud: local}\n")
    with Place(program, spec, {}) as place:
        try:
            place.ok("up", "east")
            before = load()
            journal = str(place.folder / "journal")
            command = [witness, "write", "--url", f"http://127.0.0.1:{port}", "--journal", journal, "--writers", "4"]
            writers = subprocess.Popen([*command, "--rate", "13"], stdout=subprocess.PIPE, text=True)
            time.sleep(2)
            reports = switches(place, moves, lambda _: time.sleep(2))
            writers.send_signal(signal.SIGTERM)
            counted = json.loads(writers.communicate()[0])
            at = [argument for report in reports for argument in ("--at", str(switched_ms(report)))]
            found = subprocess.run([witness, "gaps", "--journal", journal, *at], stdout=subprocess.PIPE, check=True)
            gaps = [gap for one in json.loads(found.stdout)["gaps"] for gap in one["all"]]
            return {"gaps": gaps, "requests": counted["requests"], "reports": reports, "load": f"{before} to {load()}"}
        finally:
            for environment in ["east", "west"]:
                place.start("down", environment, "--destroy").wait()


def switched_ms(report):
    step = next(one for one in report["timeline"] if one["action"] == "open_database")
    begun = datetime.datetime.fromisoformat(step["started_at"].replace("Z", "+00:00"))
    return int(begun.timestamp() * 1000)


def steps_of_window(reports):
    """The steps while users wait, with their times."""
    times = {}
    for report in reports:
        names = [one["action"] for one in report["timeline"]]
        first = next(n for n, name in enumerate(names) if name in ("hold_traffic", "fence_database"))
        last = len(names) - 1 - names[::-1].index("switch_traffic" if "switch_traffic" in names else "open_database")
        for one in report["timeline"][first:last + 1]:
            times.setdefault(one["action"], []).append(one["took_ms"])
    return times


def shown(name, result):
    gaps = sorted(result["gaps"])
    median, most = statistics.median(gaps), gaps[-1]
    windows = sorted(report["window_ms"] for report in result["reports"])
    kept = (f"{result['lost']} lost, {result['doubled']} doubled of {result['acked']:,}" if "acked" in result else
            f"{result['requests']['failed']} failed of {sum(v for v in result['requests'].values() if isinstance(v, int)):,} requests")
    print(f"| {name} | {len(result['reports'])} | {len(gaps)} | {median:.0f} ms | {gaps[0]:.0f} to {most:.0f} ms | "
          f"{statistics.median(windows):.0f} ms | {kept} | {result['load']} |")
    for step, took in steps_of_window(result["reports"]).items():
        took.sort()
        print(f"    {step}: median {statistics.median(took):.0f} ms, most {took[-1]} ms", file=sys.stderr)
    if os.environ.get("TREFOIL_BENCH_GAPS"):
        print(json.dumps(gaps), file=sys.stderr)
    missed = []
    if "acked" in result and any(result[one] for one in ("lost", "doubled", "uncounted")):
        missed.append(f"{name}: {result['lost']} lost, {result['doubled']} doubled, {result['uncounted']} miscounted")
    if median > FAILS_AT * GOAL_MEDIAN_MS or most > FAILS_AT * GOAL_MAX_MS:
        missed.append(f"{name}: gap {median:.0f} ms, at most {most:.0f} ms")
    if "requests" in result and result["requests"]["failed"]:
        missed.append(f"{name}: requests failed: {result['requests']}")
    return missed


def measure(program, arguments):
    print("| client | moves | gaps | median | spread | window, median | writes | load average |")
    print("|---|---|---|---|---|---|---|---|")
    missed = []
    if arguments.what in ("switch", "all"):
        missed += shown("at the database", bare(program, arguments.moves))
    if arguments.what in ("edge", "all"):
        missed += shown("behind the edge", edged(program, arguments.moves))
    return missed
