//! Any endpoint that speaks OpenAI's protocol behaves as every chat, and one that speaks it badly
//! is an error with a name, in time.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod endpoint;

use std::time::{Duration, Instant};

use endpoint::{Endpoint, KEY};
use futures::StreamExt;
use secrecy::SecretString;
use serde_json::json;
use trefoil_clouds::Error;
use trefoil_clouds::chat::{
    Chat, ChatEvent, ChatOptions, ChatRequest, Finish, Source, TokenCounts,
};
use trefoil_clouds::conformance::Fixture;

async fn fresh() -> Fixture<Chat> {
    let endpoint = Endpoint::start().await;
    let (first, second) = (endpoint.chat("echo"), endpoint.chat("echo"));
    Fixture { first, second, keep: Box::new(endpoint) }
}

trefoil_clouds::chat_conformance!(fresh);

const ECHO: &str = "You asked: How are you? — 日本 🍀";

fn question() -> ChatRequest {
    ChatRequest::question("How are you?")
}

/// The pieces of a stream, and the error that it ended with, if it did.
async fn pieces(chat: &Chat) -> (Vec<String>, Result<ChatEvent, Error>) {
    let mut events = match chat.stream(&question()).await {
        Ok(events) => events,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut pieces = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(ChatEvent::Text(piece)) => pieces.push(piece),
            last => {
                assert!(events.next().await.is_none(), "nothing follows the end");
                return (pieces, last);
            }
        }
    }
    panic!("a stream without an end: {pieces:?}");
}

#[tokio::test]
async fn the_request_is_openais() {
    let endpoint = Endpoint::start().await;
    let options = ChatOptions {
        model: Some("locked".into()),
        key: Some(SecretString::from(KEY)),
        api_version: Some("2024-02-15 preview".into()),
        ..ChatOptions::default()
    };
    let chat = endpoint.chat_with("not-this-one", options);
    let source = Source { name: "leaflet".into(), text: "Rest.".into() };
    let request = ChatRequest { sources: vec![source], max_tokens: Some(99), ..question() };
    let answer = chat.answer(&request).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.end.model.as_str()), (ECHO, "echo-1"));
    assert_eq!(answer.end.finish, Finish::Complete);
    assert_eq!(answer.end.tokens, Some(TokenCounts { prompt: 7, answer: 8 }));
    drop(chat.stream(&request).await.unwrap());
    let asked = endpoint.asked();
    let line = "POST /v1/chat/completions?api-version=2024-02-15+preview HTTP/1.1";
    assert_eq!(asked[0].line, line);
    assert!(asked[0].headers.contains(&format!("authorization: Bearer {KEY}")));
    assert!(asked[0].headers.contains(&format!("host: 127.0.0.1:{}", endpoint.port)));
    let body = &asked[0].body;
    assert_eq!((&body["model"], &body["max_tokens"]), (&json!("locked"), &json!(99)));
    assert_eq!((&body["stream"], body.get("stream_options")), (&json!(false), None));
    let system = &body["messages"][0];
    assert_eq!(system["role"], "system");
    assert!(system["content"].as_str().unwrap().ends_with("\n\n[1] leaflet\nRest."));
    assert_eq!(body["messages"][1], json!({"role": "user", "content": "How are you?"}));
    assert_eq!(asked[1].body["stream_options"], json!({"include_usage": true}));
}

#[tokio::test]
async fn odd_pieces_slow_ones_and_a_missing_end_mark_are_one_answer() {
    let endpoint = Endpoint::start().await;
    for model in ["echo", "odd-pieces", "no-end-mark", "slow", "whole-only"] {
        let (pieces, end) = pieces(&endpoint.chat(model)).await;
        assert_eq!(pieces.concat(), ECHO, "{model}");
        let Ok(ChatEvent::End(end)) = end else { panic!("{model}: {end:?}") };
        assert_eq!((end.model.as_str(), end.finish), ("echo-1", Finish::Complete), "{model}");
        assert_eq!(end.tokens.unwrap().prompt, 7, "{model}");
    }
}

#[tokio::test]
async fn pieces_arrive_while_the_answer_is_made() {
    let endpoint = Endpoint::start().await;
    let started = Instant::now();
    let mut events = endpoint.chat("slow").stream(&question()).await.unwrap();
    events.next().await.unwrap().unwrap();
    let first = started.elapsed();
    while events.next().await.is_some() {}
    assert!(started.elapsed() > first + Duration::from_millis(200), "all at once");
}

#[tokio::test]
async fn a_cut_or_broken_stream_is_an_error_after_its_pieces_and_not_tried_again() {
    let endpoint = Endpoint::start().await;
    let models = [
        ("cut-cleanly", "chat_cut"),
        ("cut-in-an-event", "chat_cut"),
        ("cut-hard", "chat_cut"),
        ("error-within", "chat_refused"),
        ("garbled-within", "chat_protocol"),
    ];
    for (n, (model, code)) in models.into_iter().enumerate() {
        let (pieces, end) = pieces(&endpoint.chat(model)).await;
        let error = end.unwrap_err();
        assert_eq!(error.code(), code, "{model}: {}", error.chain());
        assert!(ECHO.starts_with(&pieces.concat()) && pieces.len() >= 2, "{model}: {pieces:?}");
        assert_eq!(endpoint.asked().len(), n + 1, "{model}: asked once");
    }
}

#[tokio::test]
async fn an_answer_without_bound_is_cut_off() {
    let endpoint = Endpoint::start().await;
    for model in ["endless", "endless-event"] {
        let (_, end) = pieces(&endpoint.chat(model)).await;
        assert_eq!(end.unwrap_err().code(), "chat_too_large", "{model}");
    }
    let error = endpoint.chat("huge").answer(&question()).await.unwrap_err();
    assert_eq!(error.code(), "chat_too_large");
}

#[tokio::test]
async fn what_passes_is_tried_again_before_the_first_byte() {
    for (model, times) in [("busy-once", 2), ("down-twice", 3), ("broken-once", 2)] {
        let endpoint = Endpoint::start().await;
        let started = Instant::now();
        let answer = endpoint.chat(model).answer(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), endpoint.asked().len()), (ECHO, times), "{model}");
        let asked_for = Duration::from_secs(u64::from(model == "busy-once"));
        assert!(started.elapsed() >= asked_for, "{model}: it waits as it is asked to");
    }
}

#[tokio::test]
async fn each_refusal_has_a_name_and_never_the_key() {
    let endpoint = Endpoint::start().await;
    let wrong = ChatOptions { key: Some(SecretString::from("sk-wrong")), ..ChatOptions::default() };
    let mut before = 0;
    for (model, code, times, words) in [
        ("locked", "chat_key", 1, "answered 401: Incorrect key: authorization: Bearer ***"),
        ("unknown", "chat_refused", 1, "answered 404: no such model  [31m"),
        ("busy-long", "chat_busy", 1, "answered 429: come back"),
        ("down", "chat_unavailable", 3, "answered 500"),
        ("other-protocol", "chat_protocol", 1, "OpenAI's protocol"),
    ] {
        let chat = endpoint.chat_with(model, wrong.clone());
        let error = chat.answer(&question()).await.unwrap_err();
        assert_eq!(error.code(), code, "{model}");
        assert!(error.to_string().ends_with(words), "{model}: {error}");
        assert!(!format!("{error:?}").contains("sk-wrong"), "{error:?}");
        let asked = endpoint.asked().len();
        assert_eq!(asked - before, times, "{model}");
        before = asked;
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    let endpoint = Endpoint::start().await;
    let options = ChatOptions { timeout_ms: 400, idle_timeout_ms: 200, ..ChatOptions::default() };
    for (model, words) in [("silent", "answer within 0.4 s"), ("stalls", "within 0.2 s")] {
        let started = Instant::now();
        let (_, end) = pieces(&endpoint.chat_with(model, options.clone())).await;
        let error = end.unwrap_err();
        assert_eq!(error.code(), "chat_timeout", "{model}");
        assert!(error.to_string().contains(words) && error.is_retryable(), "{model}: {error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{model}");
    }
    // Each piece is in time, the whole is not.
    let options = ChatOptions { timeout_ms: 250, ..options };
    let (pieces, end) = pieces(&endpoint.chat_with("slow", options)).await;
    assert_eq!(end.unwrap_err().code(), "chat_timeout");
    assert!(!pieces.is_empty());
}

#[tokio::test]
async fn nobody_there_is_an_error_to_try_again() {
    let endpoint = Endpoint::start().await;
    let chat = endpoint.chat("echo");
    drop(endpoint);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = chat.answer(&question()).await.unwrap_err();
    assert_eq!(error.code(), "chat_unreachable");
    assert!(error.is_retryable());
    assert_eq!(chat.health().await.unwrap_err().code(), "chat_unreachable");
}
