//! Chat: answers of a language model, or of what stands in for one, from the sources given to it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use secrecy::SecretString;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::bounds::within;
use crate::{Error, Result};

/// What a cloud implements.
#[async_trait]
pub trait ChatDriver: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> ChatCapabilities;
    /// Answers: pieces of text, then one [`ChatEvent::End`]. An error before the first piece means
    /// that nothing was answered; after it nothing is tried again. The request has been checked.
    async fn answer(&self, request: &ChatRequest, delivery: Delivery) -> Result<ChatStream>;
    /// Whether it answers at all.
    async fn health(&self) -> Result<()>;
}

/// What a driver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatCapabilities {
    /// Pieces arrive while the answer is being made.
    pub streaming: bool,
    /// Each answer says how many tokens it took.
    pub token_counts: bool,
    /// A language model answers. If not, each answer says so itself, and every word of it is from
    /// the sources.
    pub language_model: bool,
}

/// How an answer is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As a whole.
    Whole,
    /// Piece by piece, as it is made.
    Pieces,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The application, about how to answer.
    System,
    /// The person.
    User,
    /// The model, earlier.
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What an answer may be drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How the application calls it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A question with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// The conversation. Its last message is a person's.
    pub messages: Vec<Message>,
    /// What to answer from, cited by number from 1 on.
    pub sources: Vec<Source>,
    /// The most tokens that the answer may have; the endpoint's own limit when not set.
    pub max_tokens: Option<u32>,
}

impl ChatRequest {
    /// A question of a person alone.
    pub fn question(question: impl Into<String>) -> Self {
        let message = Message { role: Role::User, content: question.into() };
        Self { messages: vec![message], ..Self::default() }
    }

    /// What the person says last.
    pub fn last_words(&self) -> &str {
        self.messages.last().map_or("", |message| &message.content)
    }

    fn size_bytes(&self) -> usize {
        let messages = self.messages.iter().map(|message| message.content.len());
        let sources = self.sources.iter().map(|source| source.name.len() + source.text.len());
        messages.chain(sources).sum()
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// All was said.
    Complete,
    /// The most tokens were reached.
    Length,
    /// The endpoint's filter cut it.
    Filtered,
    /// For a reason of the endpoint's own.
    Other,
}

/// What an answer took, as the endpoint counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    /// Tokens of the question with its sources.
    pub prompt: u64,
    /// Tokens of the answer.
    pub answer: u64,
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatEnd {
    /// Who answered, as it names itself.
    pub model: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it took, when the endpoint says so.
    pub tokens: Option<TokenCounts>,
}

/// Something of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatEvent {
    /// The next piece of text, never empty.
    Text(String),
    /// The end, once, at last.
    End(ChatEnd),
}

/// An answer as it arrives. Whoever drops it before its end ends the answering.
pub type ChatStream = BoxStream<'static, Result<ChatEvent>>;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    /// The text.
    pub text: String,
    /// How it ended.
    pub end: ChatEnd,
}

/// How a chat is used.
#[derive(Debug, Clone)]
pub struct ChatOptions {
    /// The model; it wins over the one of the URL.
    pub model: Option<String>,
    /// The endpoint's key.
    pub key: Option<SecretString>,
    /// The version of the endpoint's protocol, where it wants one.
    pub api_version: Option<String>,
    /// How long an answer may take in all, in milliseconds.
    pub timeout_ms: u64,
    /// How long a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long the next piece of an answer that has begun may take, in milliseconds.
    pub idle_timeout_ms: u64,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self {
            model: None,
            key: None,
            api_version: None,
            timeout_ms: 60_000,
            connect_timeout_ms: 5_000,
            idle_timeout_ms: 30_000,
        }
    }
}

/// The largest request: all messages and sources, in bytes.
pub const REQUEST_MAX_BYTES: usize = 256 * 1024;
/// The most messages of a request.
pub const MESSAGES_MAX: usize = 200;
/// The most sources of a request.
pub const SOURCES_MAX: usize = 100;
/// The largest answer, in bytes.
pub const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// How long an answer about health may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// A chat, wherever its answers come from.
#[derive(Clone)]
pub struct Chat {
    driver: Arc<dyn ChatDriver>,
    timeout: Duration,
    idle_timeout: Duration,
}

impl Chat {
    /// A chat on a driver; of the options only the limits of time are used here.
    pub fn new(driver: Arc<dyn ChatDriver>, options: &ChatOptions) -> Self {
        Self {
            driver,
            timeout: Duration::from_millis(options.timeout_ms),
            idle_timeout: Duration::from_millis(options.idle_timeout_ms),
        }
    }

    /// What it can do.
    pub fn capabilities(&self) -> ChatCapabilities {
        self.driver.capabilities()
    }

    /// The whole answer.
    pub async fn answer(&self, request: &ChatRequest) -> Result<ChatAnswer> {
        let mut events = self.begin(request, Delivery::Whole).await?;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            match event? {
                ChatEvent::Text(piece) => text.push_str(&piece),
                ChatEvent::End(end) => return Ok(ChatAnswer { text, end }),
            }
        }
        Err(cut())
    }

    /// The answer as it is made; in one piece when the driver cannot do otherwise.
    pub async fn stream(&self, request: &ChatRequest) -> Result<ChatStream> {
        self.begin(request, Delivery::Pieces).await
    }

    /// Whether it answers at all.
    pub async fn health(&self) -> Result<()> {
        within(HEALTH_TIMEOUT, "the chat", self.driver.health()).await
    }

    async fn begin(&self, request: &ChatRequest, delivery: Delivery) -> Result<ChatStream> {
        check(request)?;
        let deadline = Instant::now() + self.timeout;
        let answer = timeout_at(deadline, self.driver.answer(request, delivery));
        let events = answer.await.map_err(|_| late("answer", self.timeout))??;
        let limits = Limits { deadline, timeout: self.timeout, idle_timeout: self.idle_timeout };
        let bounded = Bounded { events, limits, size_bytes: 0, ended: false };
        Ok(Box::pin(try_unfold(bounded, Bounded::next)))
    }
}

/// An answer that is bounded in time and size, and that ends with its end.
struct Bounded {
    events: Pin<Box<dyn futures::Stream<Item = Result<ChatEvent>> + Send>>,
    limits: Limits,
    size_bytes: usize,
    ended: bool,
}

struct Limits {
    deadline: Instant,
    timeout: Duration,
    idle_timeout: Duration,
}

impl Bounded {
    async fn next(mut self) -> Result<Option<(ChatEvent, Self)>> {
        if self.ended {
            return Ok(None);
        }
        let event = self.limits.wait(self.events.next()).await?.ok_or_else(cut)??;
        match &event {
            ChatEvent::Text(piece) => self.size_bytes += piece.len(),
            ChatEvent::End(_) => self.ended = true,
        }
        if self.size_bytes > ANSWER_MAX_BYTES {
            return Err(too_large());
        }
        Ok(Some((event, self)))
    }
}

impl Limits {
    async fn wait<T>(&self, next: impl Future<Output = T>) -> Result<T> {
        let idle = Instant::now() + self.idle_timeout;
        let late = |_| match idle < self.deadline {
            true => late("go on with its answer", self.idle_timeout),
            false => late("answer", self.timeout),
        };
        timeout_at(idle.min(self.deadline), next).await.map_err(late)
    }
}

fn late(what: &str, limit: Duration) -> Error {
    let why = format!("the chat did not {what} within {} s", limit.as_secs_f64());
    Error::missing("chat_timeout", why).retryable()
}

/// The error of an answer that stopped before its end.
pub(crate) fn cut() -> Error {
    Error::failed("chat_cut", "the answer was cut off before its end").retryable()
}

/// The error of an answer that is larger than any answer.
pub(crate) fn too_large() -> Error {
    let why = format!("the answer is larger than the {ANSWER_MAX_BYTES} bytes that are allowed");
    Error::failed("chat_too_large", why)
}

fn check(request: &ChatRequest) -> Result<()> {
    let refused = |why: String| Err(Error::usage("chat_request", why));
    let said = request.messages.last().filter(|message| message.role == Role::User);
    if said.is_none_or(|message| message.content.trim().is_empty()) {
        return refused("the last message is not a person's, or is empty".to_owned());
    }
    if request.max_tokens == Some(0) {
        return refused("an answer of 0 tokens was asked for; at least 1 is allowed".to_owned());
    }
    for (what, count, most) in [
        ("messages", request.messages.len(), MESSAGES_MAX),
        ("sources", request.sources.len(), SOURCES_MAX),
        ("bytes", request.size_bytes(), REQUEST_MAX_BYTES),
    ] {
        if count > most {
            return refused(format!("the request has {count} {what}; at most {most} are allowed"));
        }
    }
    Ok(())
}
