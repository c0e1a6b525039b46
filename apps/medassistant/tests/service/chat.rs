//! Questions are answered from the stored documents, with their sources, or not at all.

use std::sync::{Arc, Mutex};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{PATIENCE, Service, migrate, program, ready};
use trefoil_clouds::conformance::postgres::TestPostgres;

const ASPIRIN: &str = "Aspirin is old.\n\nThe usual dose of aspirin is 500 mg.";
const QUESTION: &str = "What is the usual dose of aspirin?";

async fn put_text(service: &Service, id: &str, text: &str) -> StatusCode {
    service.send_as("text/plain; charset=utf-8", "PUT", &format!("/documents/{id}"), text).await
}

async fn ask(service: &Service, question: &str) -> (u16, Value) {
    service.json("POST", "/chat", &json!({"question": question})).await
}

/// The events of a streamed answer: their names and data.
async fn stream(service: &Service, question: &str) -> Vec<(String, Value)> {
    let body = json!({"question": question, "stream": true}).to_string();
    let reply = service.send("POST", "/chat", None, body).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        (name, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap())
    };
    text.trim_end().split("\n\n").map(event).collect()
}

#[tokio::test]
async fn an_answer_has_its_sources_and_says_what_made_it() {
    let (_server, service) = ready().await;
    assert_eq!(put_text(&service, "leaflet", ASPIRIN).await, StatusCode::CREATED);
    assert_eq!(put_text(&service, "weather", "It rains.").await, StatusCode::CREATED);
    let (status, body) = ask(&service, QUESTION).await;
    assert_eq!((status, &body["answered"]), (200, &json!(true)), "{body}");
    assert_eq!((&body["model"], &body["language_model"]), (&json!("extractive"), &json!(false)));
    let answer = body["answer"].as_str().unwrap();
    assert!(answer.contains("not a language model"), "{answer}");
    assert!(answer.contains("The usual dose of aspirin is 500 mg. [1]"), "{answer}");
    let source = json!({"document": "leaflet", "passage": 1, "text": ASPIRIN});
    assert_eq!(body["sources"], json!([source]));
    let events = stream(&service, QUESTION).await;
    assert_eq!(events[0], ("sources".to_owned(), json!([source])));
    let said = events.iter().filter(|(name, _)| name == "text");
    let said: String = said.map(|(_, data)| data["text"].as_str().unwrap()).collect();
    assert_eq!(said, answer);
    let (name, end) = events.last().unwrap();
    assert_eq!((name.as_str(), &end["model"]), ("end", &json!("extractive")));
}

#[tokio::test]
async fn without_a_source_there_is_no_answer() {
    let (_server, service) = ready().await;
    assert_eq!(put_text(&service, "leaflet", ASPIRIN).await, StatusCode::CREATED);
    for question in ["Who won the race?", "of the", "?!", "a\0b '); --"] {
        let (status, body) = ask(&service, question).await;
        assert_eq!((status, &body["answered"]), (200, &json!(false)), "{question}: {body}");
        assert!(body["answer"].as_str().unwrap().contains("Nothing in the stored documents"));
        assert_eq!((&body["sources"], &body["model"]), (&json!([]), &Value::Null));
    }
    let events = stream(&service, "Who won the race?").await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sources", "text", "end"]);
    assert_eq!((&events[0].1, &events[2].1["answered"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn what_is_searched_is_what_is_stored() {
    let (_server, service) = ready().await;
    let answered = async || ask(&service, QUESTION).await.1["answered"] == true;
    for media in ["application/octet-stream", "text/plain; charset=iso-8859-1"] {
        service.send_as(media, "PUT", "/documents/a", ASPIRIN).await;
        assert!(!answered().await, "{media}");
    }
    put_text(&service, "a", ASPIRIN).await;
    assert!(answered().await);
    put_text(&service, "a", "Something else.").await;
    assert!(!answered().await, "an old version is found no longer");
    put_text(&service, "a", ASPIRIN).await;
    assert_eq!(service.send("DELETE", "/documents/a", None, "").await.status, StatusCode::OK);
    assert!(!answered().await, "a deleted document is found no longer");
}

#[tokio::test]
async fn malformed_questions_are_refused() {
    let (_server, service) = ready().await;
    let long = "a".repeat(4_001);
    for wrong in [json!({}), json!({"question": " "}), json!({"question": long}), json!(1)] {
        assert_eq!(service.json("POST", "/chat", &wrong).await.0, 400, "{wrong}");
    }
    let unknown = json!({"question": "a", "straem": true});
    let (status, body) = service.json("POST", "/chat", &unknown).await;
    assert_eq!(status, 400);
    assert!(body["error"]["message"].as_str().unwrap().contains("straem"), "{body}");
    let alone = Service::start(None).await;
    assert_eq!(ask(&alone, "Who?").await.0, 503, "without a database there are no sources");
}

/// A language model that answers one request after another with `answers`, as they are on the
/// wire, and what it was asked.
async fn model(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = asked.clone();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // The request is JSON without a further brace at the end of a line.
            while !request.ends_with(b"}") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            record.lock().unwrap().push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (url, asked)
}

fn wire(media: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nConnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn a_language_model_is_asked_with_the_sources_alone() {
    let piece = |text: &str| {
        format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}], "model": "m-1"}))
    };
    let whole = json!({
        "model": "m-1", "usage": {"prompt_tokens": 30, "completion_tokens": 4},
        "choices": [{"message": {"content": "500 mg [1]"}, "finish_reason": "stop"}],
    });
    let streamed = format!("{}{}data: [DONE]\n\n", piece("500 "), piece("mg [1]"));
    let (url, asked) = model(vec![
        wire("application/json", &whole.to_string()),
        wire("text/event-stream", &streamed),
        wire("text/event-stream", &piece("500 ")),
    ])
    .await;
    let server = TestPostgres::shared();
    let database = server.create_database("med").await;
    assert!(migrate(&database).status.success());
    let variables =
        [("CHAT_BASE_URL", url.as_str()), ("CHAT_MODEL", "m"), ("CHAT_API_KEY", "sk-hidden")];
    let service = Service::start_with(Some(&database), &variables).await;
    service.await_ready(StatusCode::OK).await;
    assert_eq!(ask(&service, QUESTION).await.1["answered"], false);
    assert!(asked.lock().unwrap().is_empty(), "without sources it is not even asked");
    put_text(&service, "leaflet", ASPIRIN).await;
    let (status, body) = ask(&service, QUESTION).await;
    assert_eq!((status, &body["answer"]), (200, &json!("500 mg [1]")), "{body}");
    assert_eq!((&body["model"], &body["language_model"]), (&json!("m-1"), &json!(true)));
    assert_eq!(body["tokens"], json!({"prompt": 30, "answer": 4}));
    let request = asked.lock().unwrap()[0].clone();
    assert!(request.contains("Bearer sk-hidden") && request.contains("usual dose"), "{request}");
    assert!(request.contains("leaflet, passage 1"), "{request}");
    let events = stream(&service, QUESTION).await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sources", "text", "text", "end"]);
    let events = stream(&service, QUESTION).await;
    let (name, error) = events.last().unwrap();
    assert_eq!((name.as_str(), &error["code"]), ("error", &json!("chat_cut")), "{events:?}");
    assert!(!service.log().contains("sk-hidden"));
}

#[tokio::test]
async fn a_model_that_is_away_or_elsewhere_is_said() {
    let server = TestPostgres::shared();
    let database = server.create_database("med").await;
    assert!(migrate(&database).status.success());
    let variables = [("CHAT_BASE_URL", "http://127.0.0.1:1/v1"), ("CHAT_MODEL", "m")];
    let service = Service::start_with(Some(&database), &variables).await;
    service.await_ready(StatusCode::OK).await;
    put_text(&service, "leaflet", ASPIRIN).await;
    let (status, body) = ask(&service, QUESTION).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("chat_unreachable")), "{body}");
    for (url, code) in [("https://api.example.com/v1", "chat_tls_not_yet"), ("x", "service_url")] {
        let mut command = program(service.folder.path(), 1, None);
        command.args(["serve"]).env("CHAT_BASE_URL", url).env("CHAT_MODEL", "m");
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let ended = tokio::time::timeout(PATIENCE, async {
            while child.try_wait().unwrap().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        let in_time = ended.await.is_ok();
        let _ = child.kill();
        let words = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(in_time && words.contains(code), "{url}: {words}");
    }
}
