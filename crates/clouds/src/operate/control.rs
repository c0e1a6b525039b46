//! JSON over HTTP on a Unix socket: how Trefoil speaks with agent and edge, and how they answer.

use std::fs::{File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{UnixListener, UnixStream};

use super::agent_protocol::Refusal;
use crate::{Error, ErrorKind, Result};

/// The socket of an agent, in its environment's folder.
pub const AGENT_SOCKET: &str = "agent.sock";
/// The socket of an edge, in its folder.
pub const EDGE_SOCKET: &str = "edge.sock";

/// The longest answer that is read: far above any status, far below what would hurt.
const ANSWER_MAX_BYTES: usize = 4 << 20;

/// The codes that a process may answer with; codes are static everywhere else, so an answer's
/// text is looked up here. What is not listed arrives as `control_refused`, with its message.
const CODES: &[&str] = &[
    "agent_stopping",
    "database_failed",
    "database_password",
    "edge_epoch",
    "edge_not_holding",
    "file_failed",
    "instance_failed",
    "instance_timeout",
    "postgres_data",
    "postgres_failed",
    "postgres_missing",
    "program_missing",
    "user_missing",
];

/// A path to `name` in an opened folder that is always short enough for a Unix socket, whose
/// address holds 107 bytes at most (unix(7)), however deep the folder lies.
fn short_path(folder: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

fn open_folder(folder: &Path) -> std::io::Result<File> {
    File::open(folder)
}

/// Listens on a Unix socket that only this user can open. The caller holds the lock of the
/// folder, so a socket that is there belongs to a process that is dead, and is replaced.
pub fn listen(folder: &Path, socket: &str) -> Result<UnixListener> {
    let failed = |error: std::io::Error| {
        let path = folder.join(socket);
        Error::failed("file_failed", format!("cannot listen on {}", path.display())).because(error)
    };
    match std::fs::remove_file(folder.join(socket)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let opened = open_folder(folder).map_err(failed)?;
    let listener = UnixListener::bind(short_path(&opened, socket)).map_err(failed)?;
    std::fs::set_permissions(folder.join(socket), Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// The client of one agent or edge.
#[derive(Debug, Clone)]
pub struct Control {
    folder: PathBuf,
    socket: &'static str,
}

impl Control {
    /// The client of the process that listens on `socket` in `folder`. Connects to nothing yet.
    pub fn new(folder: &Path, socket: &'static str) -> Self {
        Self { folder: folder.to_path_buf(), socket }
    }

    /// Whether a process accepts connections there.
    pub async fn answers(&self) -> bool {
        self.connect().await.is_ok()
    }

    /// `GET path`. Fails with code `control_unreachable` when no process listens.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, timeout: Duration) -> Result<T> {
        let body = self.bounded(Method::GET, path, Bytes::new(), timeout).await?;
        self.decode(path, &body)
    }

    /// `GET path` as text.
    pub async fn text(&self, path: &str, timeout: Duration) -> Result<String> {
        let body = self.bounded(Method::GET, path, Bytes::new(), timeout).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// `POST path` with a JSON body. Fails with the error that the process refuses with, and with
    /// code `control_unreachable` when no process listens.
    pub async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        timeout: Duration,
    ) -> Result<T> {
        let body = serde_json::to_vec(body).map_err(|error| self.garbled(path).because(error))?;
        let answer = self.bounded(Method::POST, path, body.into(), timeout).await?;
        self.decode(path, &answer)
    }

    async fn connect(&self) -> Result<UnixStream> {
        let unreachable = |error: std::io::Error| {
            let path = self.folder.join(self.socket);
            Error::missing(
                "control_unreachable",
                format!("no process answers on {}", path.display()),
            )
            .because(error)
        };
        let folder = open_folder(&self.folder).map_err(unreachable)?;
        UnixStream::connect(short_path(&folder, self.socket)).await.map_err(unreachable)
    }

    async fn bounded(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Bytes> {
        let asked = self.ask(method, path, body);
        tokio::time::timeout(timeout, asked).await.map_err(|_| {
            let place = self.folder.join(self.socket);
            let message = format!(
                "{} did not answer {path} within {} s",
                place.display(),
                timeout.as_secs_f64()
            );
            Error::failed("control_timeout", message).retryable()
        })?
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        let stream = self.connect().await?;
        let broken = |error: hyper::Error| self.garbled(path).because(error).retryable();
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // The connection ends with its sender; it is driven here because nobody else does.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a control connection broke");
            }
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.garbled(path).because(error))?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MAX_BYTES)
            .collect()
            .await
            .map_err(|error| self.garbled(path).because(error).retryable())?
            .to_bytes();
        if status.is_success() { Ok(body) } else { Err(self.refused(path, status, &body)) }
    }

    fn decode<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|error| self.garbled(path).because(error))
    }

    fn garbled(&self, path: &str) -> Error {
        let place = self.folder.join(self.socket);
        Error::failed("control_failed", format!("{} did not answer {path}", place.display()))
    }

    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> Error {
        let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
            let text = String::from_utf8_lossy(body).into_owned();
            let message = format!("{path} was answered {status}");
            return Error::failed("control_failed", message).because(text);
        };
        let code = CODES.iter().find(|code| **code == refusal.code);
        let (kind, why) = (kind_of(status), refusal.message);
        let error = match code {
            Some(code) => Error::new(kind, code, why),
            None => Error::new(kind, "control_refused", why),
        };
        match refusal.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Usage => StatusCode::BAD_REQUEST,
        ErrorKind::Refused => StatusCode::CONFLICT,
        ErrorKind::Missing => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Failed | ErrorKind::Stopped | ErrorKind::Interrupted => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::BAD_REQUEST => ErrorKind::Usage,
        StatusCode::CONFLICT => ErrorKind::Refused,
        StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Missing,
        _ => ErrorKind::Failed,
    }
}

/// An error as agent and edge answer it: its code, its message with its causes, its hint.
#[derive(Debug)]
pub struct Refused(pub Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = Refusal {
            code: self.0.code().to_owned(),
            message: self.0.chain(),
            hint: self.0.hint_text().map(str::to_owned),
        };
        (status_of(self.0.kind()), Json(refusal)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::{get, post};

    use super::*;

    /// Serves on a socket in a folder whose path alone is longer than a socket's address.
    fn deep_server() -> (tempfile::TempDir, Control) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("d".repeat(120)).join("e".repeat(60));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = listen(&folder, AGENT_SOCKET).unwrap();
        let refuse = || async {
            Err::<Json<u32>, _>(Refused(
                Error::refused("edge_epoch", "7 is below 9").hint("look at the status"),
            ))
        };
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Json(1)
        };
        let router = Router::new()
            .route("/number", get(|| async { Json(42) }))
            .route("/double", post(|Json(n): Json<u32>| async move { Json(n * 2) }))
            .route("/refuse", get(refuse))
            .route("/slow", get(slow));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (root, Control::new(&folder, AGENT_SOCKET))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_path_longer_than_a_socket_address_works() {
        let (_root, control) = deep_server();
        assert_eq!(control.get::<u32>("/number", SECOND).await.unwrap(), 42);
        assert_eq!(control.post::<_, u32>("/double", &21, SECOND).await.unwrap(), 42);
        let mode = std::fs::metadata(control.folder.join(AGENT_SOCKET)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_refusal_arrives_as_the_error_that_it_was() {
        let (_root, control) = deep_server();
        let error = control.get::<u32>("/refuse", SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.code(), "edge_epoch");
        assert_eq!(error.to_string(), "7 is below 9");
        assert_eq!(error.hint_text(), Some("look at the status"));
    }

    #[tokio::test]
    async fn nobody_there_and_nobody_in_time_are_told_apart() {
        let (_root, control) = deep_server();
        let slow = control.get::<u32>("/slow", Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(slow.code(), "control_timeout");
        assert!(slow.is_retryable());
        let nobody = Control::new(Path::new("/nonexistent"), AGENT_SOCKET);
        assert!(!nobody.answers().await);
        let error = nobody.get::<u32>("/number", SECOND).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Missing, "control_unreachable"));
    }
}
