//! Answers of an endpoint that speaks OpenAI's protocol.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt, try_unfold};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Response, header};

use super::http::{Endpoint, Refusal};
use super::sse::Events;
use super::wire::{Question, Reply};
use crate::chat::{
    ChatCapabilities, ChatDriver, ChatEnd, ChatEvent, ChatRequest, ChatStream, Delivery, Finish,
    TokenCounts, cut, too_large,
};
use crate::{Error, Result};

/// The pauses before the second and third attempt. Nothing is tried again once an answer has
/// begun: its beginning has been shown already.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
/// The longest pause that an endpoint may ask for; with a longer one the request has failed.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The largest body of a whole answer: four times its text, which may be written as `\uXXXX`,
/// and what is around it.
const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;

/// A model at an endpoint.
pub(super) struct OpenAi {
    endpoint: Arc<Endpoint>,
    model: String,
}

impl OpenAi {
    /// A model at an endpoint.
    pub(super) fn new(endpoint: Endpoint, model: String) -> Self {
        Self { endpoint: Arc::new(endpoint), model }
    }

    /// Asks until there is the head of an answer.
    async fn ask(&self, body: Bytes) -> Result<Response<Incoming>> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let asked = self.endpoint.ask(Method::POST, "/chat/completions", body.clone()).await;
            let Refusal { error, retry_after } = match asked {
                Ok(response) => return Ok(response),
                Err(refusal) => refusal,
            };
            let wanted = retry_after.unwrap_or_default();
            match pauses.next() {
                Some(pause) if error.is_retryable() && wanted <= PAUSE_MAX => {
                    tracing::debug!(code = error.code(), "{}; asking again", error.chain());
                    tokio::time::sleep(pause.max(wanted)).await;
                }
                _ => return Err(error),
            }
        }
    }

    fn answering(&self) -> Answering {
        Answering {
            endpoint: self.endpoint.clone(),
            model: self.model.clone(),
            finish: None,
            tokens: None,
        }
    }
}

#[async_trait]
impl ChatDriver for OpenAi {
    fn capabilities(&self) -> ChatCapabilities {
        ChatCapabilities { streaming: true, token_counts: true, language_model: true }
    }

    async fn answer(&self, request: &ChatRequest, delivery: Delivery) -> Result<ChatStream> {
        let question = serde_json::to_vec(&Question::new(&self.model, request, delivery));
        let question = question.map_err(|error| {
            Error::usage("chat_request", "the request cannot be written").because(error)
        })?;
        let response = self.ask(question.into()).await?;
        // Some endpoints answer as a whole, whatever they are asked for.
        if is_event_stream(&response) {
            let pieces = Pieces {
                body: response.into_body(),
                events: Events::default(),
                ready: VecDeque::new(),
                answering: self.answering(),
                is_over: false,
            };
            return Ok(try_unfold(pieces, Pieces::next).boxed());
        }
        let events = self.answering().whole(response.into_body()).await?;
        Ok(stream::iter(events.into_iter().map(Ok)).boxed())
    }

    async fn health(&self) -> Result<()> {
        let asked = self.endpoint.ask(Method::GET, "/models", Bytes::new()).await;
        asked.map(drop).map_err(|refusal| refusal.error)
    }
}

fn is_event_stream(response: &Response<Incoming>) -> bool {
    let media = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media.is_some_and(|media| media.to_ascii_lowercase().starts_with("text/event-stream"))
}

/// What is known of an answer so far.
struct Answering {
    endpoint: Arc<Endpoint>,
    model: String,
    finish: Option<Finish>,
    tokens: Option<TokenCounts>,
}

impl Answering {
    /// Takes an answer or a piece of one; its text.
    fn take(&mut self, json: &[u8]) -> Result<Option<String>> {
        // No cause: it would quote what people ask.
        let mut reply: Reply = serde_json::from_slice(json).map_err(|_| garbled())?;
        if let Some(trouble) = reply.trouble() {
            let words = self.endpoint.words(trouble);
            let why = format!("the chat's endpoint gave up: {words}");
            return Err(Error::failed("chat_refused", why));
        }
        if !reply.is_answer() {
            return Err(garbled());
        }
        if let Some(model) = reply.model.take().filter(|model| !model.is_empty()) {
            self.model = model;
        }
        self.finish = reply.finish().or(self.finish);
        self.tokens = reply.tokens().or(self.tokens);
        Ok(reply.take_text())
    }

    fn end(&self) -> ChatEvent {
        let finish = self.finish.unwrap_or(Finish::Other);
        ChatEvent::End(ChatEnd { model: self.model.clone(), finish, tokens: self.tokens })
    }

    async fn whole(mut self, body: Incoming) -> Result<Vec<ChatEvent>> {
        let body = Limited::new(body, BODY_MAX_BYTES).collect().await.map_err(|error| {
            match error.is::<http_body_util::LengthLimitError>() {
                true => too_large(),
                false => cut().because(error),
            }
        })?;
        let text = self.take(&body.to_bytes())?;
        Ok(text.map(ChatEvent::Text).into_iter().chain([self.end()]).collect())
    }
}

/// An answer that arrives as events.
struct Pieces {
    body: Incoming,
    events: Events,
    ready: VecDeque<ChatEvent>,
    answering: Answering,
    is_over: bool,
}

impl Pieces {
    async fn next(mut self) -> Result<Option<(ChatEvent, Self)>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some((event, self)));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.body.frame().await {
                Some(frame) => {
                    let frame = frame.map_err(|error| cut().because(error))?;
                    let Ok(bytes) = frame.into_data() else { continue };
                    for data in self.events.push(&bytes)? {
                        self.take(&data)?;
                    }
                }
                None => self.take_rest()?,
            }
        }
    }

    fn take(&mut self, data: &[u8]) -> Result<()> {
        if self.is_over {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            self.is_over = true;
            self.ready.push_back(self.answering.end());
            return Ok(());
        }
        let text = self.answering.take(data)?;
        self.ready.extend(text.map(ChatEvent::Text));
        Ok(())
    }

    /// The body is at its end. Without the closing event an answer is whole only when it has said
    /// why it ended.
    fn take_rest(&mut self) -> Result<()> {
        while let Some(data) = self.events.finish() {
            self.take(&data).map_err(|error| cut().because(error))?;
        }
        if !self.is_over && self.answering.finish.is_none() {
            return Err(cut());
        }
        if !std::mem::replace(&mut self.is_over, true) {
            self.ready.push_back(self.answering.end());
        }
        Ok(())
    }
}

fn garbled() -> Error {
    Error::failed("chat_protocol", "the chat's endpoint did not answer in OpenAI's protocol")
        .hint("the base URL mostly ends with /v1")
}
