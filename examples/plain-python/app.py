"""Rows over HTTP, kept in PostgreSQL. Knows only PORT and DATABASE_URL."""
import contextlib, http.server, json, os, signal, sys
import psycopg2


def query(statement, *values):
    """One transaction on a new connection: after a move there is no old one to hold on to."""
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=2)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


class Rows(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 2  # seconds that an idle connection stays open
    log_message = lambda *_: None

    def do_GET(self):
        reads = {"/ready": "SELECT 1", "/rows": "SELECT n, body FROM rows ORDER BY n"}
        self.answer(200, []) if self.path == "/health" else self.run(reads.get(self.path))

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        n = self.path.removeprefix("/rows/")
        put = "INSERT INTO rows VALUES (%s, %s) ON CONFLICT (n) DO UPDATE SET body = excluded.body"
        self.run(put if n.isdigit() else None, n, body)

    def run(self, statement, *values):
        if not statement:
            return self.answer(404, "no such path")
        try:
            self.answer(200, query(statement, *values))
        except psycopg2.Error as error:
            self.answer(400 if isinstance(error, psycopg2.DataError) else 503, str(error).strip())

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if sys.argv[1:] == ["setup"]:
    query("CREATE TABLE IF NOT EXISTS rows (n bigint PRIMARY KEY, body text NOT NULL)")
    sys.exit()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Rows)
server.daemon_threads = False  # So that requests in flight end before the process does.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server.serve_forever()
