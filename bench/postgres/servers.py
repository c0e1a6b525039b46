"""PostgreSQL servers of a measurement's own, and the program that is measured."""

import glob
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "only-for-measuring"
TICKS = os.sysconf("SC_CLK_TCK")
# As a server is that gets two gigabytes and is moved: the rest is what PostgreSQL has by itself,
# with fsync on.
SETTINGS = {"wal_level": "logical", "shared_buffers": "512MB", "max_wal_size": "4GB",
            "maintenance_work_mem": "256MB", "unix_socket_directories": "", "listen_addresses": "127.0.0.1"}


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return pathlib.Path(found[-1]).parent if found else sys.exit("PostgreSQL is not installed: scripts/setup")


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


class Server:
    """A server that ends with its `with`; PostgreSQL refuses to run as root."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trefoil-bench-"))
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self.account = {"user": account.pw_uid, "group": account.pw_gid}
            shutil.chown(self.folder, account.pw_uid, account.pw_gid)
        else:
            self.account = {}
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run([programs() / "initdb", "--pgdata", self.folder / "data", "--username", "admin", "--auth",
                        "scram-sha-256", "--pwfile", password, "--encoding", "UTF8", "--no-locale", "--no-sync"],
                       cwd=self.folder, stdout=subprocess.DEVNULL, check=True, **self.account)
        command = [programs() / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        for setting, value in SETTINGS.items():
            command += ["-c", f"{setting}={value}"]
        with open(self.folder / "log", "wb") as log:
            self.child = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self.account)
        self.execute("CREATE ROLE shop LOGIN PASSWORD '%s'" % PASSWORD, "postgres")
        self.execute("CREATE DATABASE shop OWNER shop", "postgres")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGQUIT)
        self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, role="admin", database="shop"):
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def connect(self, role="admin", database="shop", attempts=600):
        for attempt in range(attempts):
            try:
                session = psycopg2.connect(self.url(role, database), connect_timeout=5,
                                           options="-c default_transaction_read_only=off")
                session.autocommit = True
                return session
            except psycopg2.OperationalError:
                if attempt + 1 == attempts:
                    raise
                time.sleep(0.1)

    def execute(self, sql, database="shop"):
        session = self.connect(database=database)
        with session.cursor() as cursor:
            cursor.execute(sql)
        session.close()

    def one(self, sql):
        session = self.connect()
        with session.cursor() as cursor:
            cursor.execute(sql)
            value = cursor.fetchone()[0]
        session.close()
        return value

    def cpu(self):
        """Processor seconds of the server, ended processes and running ones."""
        total = 0
        for pid in [str(self.child.pid), *children(self.child.pid)]:
            fields = stat(pid)
            total += sum(map(int, fields[11:15] if pid == str(self.child.pid) else fields[11:13])) if fields else 0
        return total / TICKS


def stat(pid):
    try:
        return pathlib.Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def children(parent):
    return [entry for entry in os.listdir("/proc") if entry.isdigit() and stat(entry)[1:2] == [str(parent)]]


def trefoil(arguments):
    """The program: the one given, else built as `--profile` says."""
    if arguments.program:
        return pathlib.Path(arguments.program).resolve()
    flags = ["--release"] if arguments.profile == "release" else []
    subprocess.run(["cargo", "build", "--quiet", "--workspace", "--bins", *flags], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("release" if flags else "debug") / "trefoil"


class Place:
    """A folder with a specification, and the program that works in it."""

    def __init__(self, program, spec, variables):
        self.program, self.variables = program, variables
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trefoil-bench-"))
        (self.folder / "trefoil.yaml").write_text(spec)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *arguments):
        command = [self.program, "--json", "--yes", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env={**os.environ, **self.variables}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ok(self, *arguments):
        child = self.start(*arguments)
        output, words = child.communicate()
        if child.returncode:
            sys.exit(f"trefoil {' '.join(arguments)} failed: {output}\n{words}")
        return json.loads(output)["data"]


def existing(program, east, west):
    """A specification of two databases that others run."""
    spec = ("name: shop\ndatabase: {}\nenvironments:\n"
            "  east: {cloud: local, database: {admin_url: env:EAST_URL}}\n"
            "  west: {cloud: local, database: {admin_url: env:WEST_URL}}\n")
    return Place(program, spec, {"EAST_URL": east.url(), "WEST_URL": west.url()})


def planned(place):
    file = str(place.folder / "plan.json")
    plan = place.ok("migrate", "plan", "--from", "east", "--to", "west", "--output", file)
    if plan["blockers"]:
        sys.exit(f"the move is blocked: {plan['blockers']}")
    return file


def load():
    return " ".join(f"{one:.1f}" for one in os.getloadavg())
