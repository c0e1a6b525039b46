//! Questions, answered from the stored documents and never from anything else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use trefoil_clouds::Error;
use trefoil_clouds::chat::{Chat, ChatEnd, ChatEvent, ChatRequest, Source};

use crate::answer::{Failure, Outcome, json_answer, parse};
use crate::app::{App, Shared};
use crate::passages::{Passage, search};

/// The longest question, in bytes.
const QUESTION_MAX_BYTES: usize = 4_000;
/// How many passages an answer is made from.
const SOURCES_MAX: i64 = 6;
/// What is said when no document shares a word with the question.
const NOTHING: &str = "Nothing in the stored documents matches this question.";
/// How much longer than its answer a request may take: its body and the search.
const MARGIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    question: String,
    #[serde(default)]
    stream: bool,
}

/// `POST /chat`: an answer with its sources; as server-sent events when `stream` is true.
pub(crate) async fn ask(State(app): Shared, body: Bytes) -> Outcome<Response> {
    let limit = app.chat_timeout + MARGIN;
    let late = |_| {
        let why = format!("the answer took longer than {} s", limit.as_secs());
        Failure::unavailable("request_timeout", why)
    };
    tokio::time::timeout(limit, answer(&app, &body)).await.map_err(late)?
}

async fn answer(app: &Arc<App>, body: &[u8]) -> Outcome<Response> {
    let asked: Asked = parse(body)?;
    check(&asked.question)?;
    let chat = app.chat()?;
    let passages = search(app.database()?, &asked.question, SOURCES_MAX).await?;
    if passages.is_empty() {
        return nothing(asked.stream);
    }
    let sources = json!(passages.iter().map(source).collect::<Vec<_>>());
    let request = ChatRequest {
        sources: passages.into_iter().map(cited).collect(),
        ..ChatRequest::question(asked.question)
    };
    if asked.stream {
        let begun = chat.stream(&request).await?;
        return Ok(Sse::new(events(chat.clone(), sources, begun)).into_response());
    }
    let answer = chat.answer(&request).await?;
    let mut body = ending(chat, &answer.end);
    body["answered"] = json!(true);
    body["answer"] = json!(answer.text);
    body["sources"] = sources;
    Ok(json_answer(StatusCode::OK, &body)?.into_response())
}

fn check(question: &str) -> Outcome<()> {
    match question.len() <= QUESTION_MAX_BYTES && !question.trim().is_empty() {
        true => Ok(()),
        false => Err(Failure::bad_request(format!(
            "question: 1 to {QUESTION_MAX_BYTES} bytes are allowed, not only white space"
        ))),
    }
}

/// Without a source nobody is asked: the answer would be from somewhere else.
fn nothing(stream: bool) -> Outcome<Response> {
    let body = json!({
        "answered": false, "answer": NOTHING, "sources": [],
        "model": null, "language_model": false, "finish": null, "tokens": null,
    });
    if !stream {
        return Ok(json_answer(StatusCode::OK, &body)?.into_response());
    }
    let end = json!({
        "answered": false, "model": null, "language_model": false, "finish": null, "tokens": null,
    });
    let all = [
        event("sources", &json!([])),
        event("text", &json!({"text": NOTHING})),
        event("end", &end),
    ];
    Ok(Sse::new(stream::iter(all.map(Ok::<_, Infallible>))).into_response())
}

/// The sources, the pieces of the answer, and its end or what went wrong.
fn events(
    chat: Chat,
    sources: Value,
    answer: impl Stream<Item = trefoil_clouds::Result<ChatEvent>> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let first = event("sources", &sources);
    let rest = answer.map(move |next| match next {
        Ok(ChatEvent::Text(text)) => event("text", &json!({"text": text})),
        Ok(ChatEvent::End(end)) => {
            let mut body = ending(&chat, &end);
            body["answered"] = json!(true);
            event("end", &body)
        }
        Err(error) => broken(&error),
    });
    stream::iter([first]).chain(rest).map(Ok)
}

fn broken(error: &Error) -> Event {
    tracing::warn!(code = error.code(), "an answer broke off: {}", error.chain());
    event("error", &json!({"code": error.code(), "message": error.to_string()}))
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

fn ending(chat: &Chat, end: &ChatEnd) -> Value {
    json!({
        "model": end.model,
        "language_model": chat.capabilities().language_model,
        "finish": end.finish,
        "tokens": end.tokens,
    })
}

fn source(passage: &Passage) -> Value {
    json!({"document": passage.document, "passage": passage.number, "text": passage.text})
}

fn cited(passage: Passage) -> Source {
    let name = format!("{}, passage {}", passage.document, passage.number);
    Source { name, text: passage.text }
}
