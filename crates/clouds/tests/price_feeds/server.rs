//! A small HTTP server: each path has its answers, given one after the other.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Answers = HashMap<String, VecDeque<(u16, String)>>;

/// Lives until the test's process ends.
pub(crate) struct Server {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(answers: &[(&str, u16, &str)]) -> Server {
        let mut by_path = Answers::new();
        for (path, status, body) in answers {
            let queue = by_path.entry((*path).to_owned()).or_default();
            queue.push_back((*status, (*body).to_owned()));
        }
        Server::start(move |mut stream, path| {
            let queue = by_path.get_mut(path);
            // The last answer stays.
            let answer = queue.and_then(|queue| match queue.len() {
                0 | 1 => queue.front().cloned(),
                _ => queue.pop_front(),
            });
            let (status, body) = answer.unwrap_or((404, String::new()));
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        })
    }

    /// Answers with an offer file in which `count` other products stand before those of `offer`.
    pub(crate) fn large(_path: &str, count: usize, offer: &str) -> Server {
        let (before, after) = offer.split_once("\"products\":{").unwrap();
        let before = format!("{before}\"products\":{{");
        let after = after.to_owned();
        Server::start(move |mut stream, _| {
            let _ = write!(stream, "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n{before}");
            let words = "x".repeat(200);
            for place in 0..count {
                let product = format!(
                    "\"SKU{place}\":{{\"sku\":\"SKU{place}\",\"attributes\":{{\"usagetype\":\"USE1-Other-{place}\",\"operation\":\"\",\"words\":\"{words}\"}}}},"
                );
                if stream.write_all(product.as_bytes()).is_err() {
                    return;
                }
            }
            let _ = stream.write_all(after.as_bytes());
        })
    }

    fn start(mut answer: impl FnMut(TcpStream, &str) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let head = head(&stream);
                let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head);
                answer(stream, target.split('?').next().unwrap_or_default());
            }
        });
        Server { url, heads }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> String {
    let mut head = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        head.push_str(&line);
        head.push('\n');
    }
    head
}
