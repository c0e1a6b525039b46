//! A small server on a port of its own that speaks OpenAI's protocol over plain sockets, so that
//! it can also speak it badly. The name of the model says how.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use trefoil_clouds::chat::{Chat, ChatOptions};

/// The key that the endpoint wants from the model `locked`.
pub(crate) const KEY: &str = "sk-hidden-key";

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: Value,
}

/// The server; gone when it is dropped.
pub(crate) struct Endpoint {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let record = asked.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, record.clone()));
            }
        });
        Self { port, asked, serving }
    }

    pub(crate) fn chat(&self, model: &str) -> Chat {
        self.chat_with(model, ChatOptions::default())
    }

    pub(crate) fn chat_with(&self, model: &str, options: ChatOptions) -> Chat {
        let url = format!("http://127.0.0.1:{}/v1/#{model}", self.port);
        Chat::open_with(&SecretString::from(url), &options).unwrap()
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, record: Arc<Mutex<Vec<Asked>>>) {
    let Some(asked) = read(&mut stream).await else { return };
    let before = {
        let mut record = record.lock().unwrap();
        record.push(asked.clone());
        record.len() - 1
    };
    // A client that has turned away is no error.
    let _ = answer(&mut stream, &asked, before).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let (line, headers) = text.split_once("\r\n").unwrap();
    let headers = headers.to_ascii_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[head + 4..]).unwrap_or(Value::Null);
    // Values as they were sent: only names are without case.
    let headers = text.split_once("\r\n").unwrap().1.to_owned();
    Some(Asked { line: line.to_owned(), headers, body })
}

/// The answer to a question: its last message, in words.
fn words(asked: &Asked) -> Vec<String> {
    let messages = asked.body["messages"].as_array().unwrap();
    let last = messages.last().unwrap()["content"].as_str().unwrap();
    let said = format!("You asked: {last} — 日本 🍀");
    said.split_inclusive(' ').map(str::to_owned).collect()
}

async fn answer(stream: &mut TcpStream, asked: &Asked, before: usize) -> std::io::Result<()> {
    if asked.line.starts_with("GET /v1/models") {
        return whole(stream, 200, "", &json!({"object": "list", "data": []})).await;
    }
    let is_stream = asked.body["stream"] == true;
    let trouble = |message: &str| json!({"error": {"message": message, "code": "x"}});
    match asked.body["model"].as_str().unwrap_or_default() {
        "locked" if !asked.headers.contains(&format!("Bearer {KEY}")) => {
            let sent = asked.headers.lines().find(|line| line.contains("Bearer")).unwrap_or("");
            whole(stream, 401, "", &trouble(&format!("Incorrect key: {sent}"))).await
        }
        "unknown" => whole(stream, 404, "", &json!({"error": "no such model\n\u{1b}[31m"})).await,
        "busy-once" if before == 0 => {
            whole(stream, 429, "Retry-After: 1\r\n", &trouble("slow down")).await
        }
        "busy-long" => whole(stream, 429, "Retry-After: 3600\r\n", &trouble("come back")).await,
        "down-twice" if before < 2 => whole(stream, 503, "", &trouble("starting")).await,
        "down" => whole(stream, 500, "", &json!("oops")).await,
        "broken-once" if before == 0 => Ok(()),
        "silent" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(())
        }
        "other-protocol" => whole(stream, 200, "", &json!({"greeting": "hello"})).await,
        "huge" if !is_stream => {
            let text = "a".repeat(3 * 1024 * 1024);
            whole(stream, 200, "", &completion(&[text])).await
        }
        "whole-only" => whole(stream, 200, "", &completion(&words(asked))).await,
        _ if !is_stream => whole(stream, 200, "", &completion(&words(asked))).await,
        model => events(stream, model, asked).await,
    }
}

fn completion(words: &[String]) -> Value {
    json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "echo-1",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": words.concat(), "refusal": null}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": words.len(), "total_tokens": 9},
    })
}

async fn whole(
    stream: &mut TcpStream,
    status: u16,
    headers: &str,
    body: &Value,
) -> std::io::Result<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

/// The events of a good answer, each as its bytes.
fn good_events(asked: &Asked) -> Vec<String> {
    let piece = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let piece = json!({"model": "echo-1", "choices": [choice], "usage": null});
        format!("data: {piece}\n\n")
    };
    let words = words(asked);
    let mut events = vec![piece(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(words.iter().map(|word| piece(json!({"content": word}), Value::Null)));
    events.push(piece(json!({}), json!("stop")));
    let usage = json!({"prompt_tokens": 7, "completion_tokens": words.len()});
    events.push(format!("data: {}\n\n", json!({"choices": [], "usage": usage})));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

async fn events(stream: &mut TcpStream, model: &str, asked: &Asked) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut events = good_events(asked);
    let mut size = usize::MAX;
    match model {
        // Pieces of seven bytes, which end within letters; other ends of lines; comments.
        "odd-pieces" => {
            size = 7;
            events = events.iter().map(|event| event.replace('\n', "\r\n")).collect();
            events.insert(1, ": still here\r\n\r\nevent: ping\r\nid: 7\r\n\r\n".to_owned());
        }
        "no-end-mark" => drop(events.pop()),
        "cut-cleanly" => events.truncate(4),
        "cut-in-an-event" => {
            events.truncate(4);
            events.push("data: {\"choi".to_owned());
        }
        "error-within" => events[3] = format!("data: {}\n\n", json!({"error": {"message": "out"}})),
        "garbled-within" => events[3] = "data: <html>\n\n".to_owned(),
        "endless" => {
            let one = events[2].clone();
            events = vec![one; 200_000];
        }
        "endless-event" => events = vec!["data: ".to_owned() + &"x".repeat(4 * 1024 * 1024)],
        _ => {}
    }
    for (n, event) in events.iter().enumerate() {
        if (model == "slow" && n > 0) || (model == "stalls" && n == 4) {
            let pause = if model == "slow" { 40 } else { 60_000 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        if model == "cut-hard" && n == 4 {
            return Ok(());
        }
        for chunk in event.as_bytes().chunks(size) {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
            stream.write_all(chunk).await?;
            stream.write_all(b"\r\n").await?;
        }
    }
    stream.write_all(b"0\r\n\r\n").await
}
