//! A process that serves on free ports of 127.0.0.1 and ends with its value.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long a server may take until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a start is tried with other ports when somebody took one of the first meanwhile.
const ATTEMPTS: u32 = 5;
/// How long one request may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A server in a process group and a folder of its own.
pub(super) struct Server {
    pub(super) ports: Vec<u16>,
    process: Child,
    folder: TempDir,
}

impl Server {
    /// Starts what `command` makes for a folder and `count` free ports, until `ready`.
    ///
    /// # Panics
    /// When it does not start; the message holds what it wrote.
    pub(super) fn start(
        count: usize,
        command: impl Fn(&TempDir, &[u16]) -> Command,
        ready: impl Fn(&[u16]) -> bool,
    ) -> Self {
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("trefoil-stand-in-").tempdir();
            let folder = folder.expect("a temporary folder can be made");
            let ports = free_ports(count);
            let process = spawn(command(&folder, &ports), &folder);
            let mut server = Self { ports, process, folder };
            if server.await_ready(&ready) {
                return server;
            }
            log = server.log();
        }
        panic!("the stand-in did not start:\n{log}");
    }

    /// What the server wrote.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Sends the server and its children a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.process.id()).expect("a process number fits");
        let _ = killpg(Pid::from_raw(group), signal);
    }

    fn await_ready(&mut self, ready: impl Fn(&[u16]) -> bool) -> bool {
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            if self.process.try_wait().expect("a child process can be asked").is_some() {
                return false;
            }
            if ready(&self.ports) {
                return true;
            }
            sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

fn spawn(mut command: Command, folder: &TempDir) -> Child {
    let log = File::create(folder.path().join("log")).expect("log file");
    let words = log.try_clone().expect("log file");
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(words).stderr(log);
    let program = command.get_program().to_owned();
    let started = command.process_group(0).spawn();
    started.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
}

/// Ports that were free a moment ago, all different.
fn free_ports(count: usize) -> Vec<u16> {
    let bind = |_| TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    let held: Vec<_> = (0..count).map(bind).collect();
    let port = |socket: &TcpListener| socket.local_addr().expect("it is bound").port();
    held.iter().map(port).collect()
}

/// The status of a request without a body; `None` when there is no answer.
pub(super) fn request(port: u16, method: &str, path: &str) -> Option<u16> {
    send(port, method, path, "")
}

/// The same with a content.
pub(super) fn send(port: u16, method: &str, path: &str, content: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
    let length = content.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{content}"
    );
    stream.write_all(head.as_bytes()).ok()?;
    // "HTTP/1.1 200": nothing after that is of interest.
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}
