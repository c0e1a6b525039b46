//! The one error type: a coarse kind that tells the caller what to do, a stable code, the words.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// A result with Trefoil's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller has to do about an error; it decides the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It ran and the answer is no, or it failed; the message says what state things are in.
    Failed,
    /// The command line or the specification is wrong; nothing was done.
    Usage,
    /// Refused as unsafe: a blocker, a guard, a digest, a fence without proof.
    Refused,
    /// Stopped midway; the run can be resumed or aborted.
    Stopped,
    /// Something needed is missing or cannot be reached.
    Missing,
    /// The person interrupted it, and it ended cleanly.
    Interrupted,
}

impl ErrorKind {
    /// The exit code of the process, as `docs/errors.md` lists them.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Failed => 1,
            ErrorKind::Usage => 2,
            ErrorKind::Refused => 3,
            ErrorKind::Stopped => 4,
            ErrorKind::Missing => 5,
            ErrorKind::Interrupted => 130,
        }
    }
}

/// An error that a person can act on. `Display` prints the message alone, never its source:
/// whoever prints the error walks the chain once.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    code: &'static str,
    message: String,
    hint: Option<String>,
    retry: bool,
    throttle: Option<Throttle>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// That the other side asked for fewer calls, and how long it wants to be left alone.
#[derive(Debug, Clone, Copy)]
struct Throttle {
    after: Option<Duration>,
}

impl Error {
    /// An error of `kind` with the stable `code` of `docs/errors.md`.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            hint: None,
            retry: false,
            throttle: None,
            source: None,
        }
    }

    /// It ran and failed.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, code, message)
    }

    /// Wrong usage or specification.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, code, message)
    }

    /// Refused as unsafe.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, code, message)
    }

    /// Something needed is missing or unreachable.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Missing, code, message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks an error that may go away when the same call is made again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retry = true;
        self
    }

    /// Marks an error by which the other side asks for fewer calls, and for none before `after`
    /// when it says so (the Retry-After header). It may go away like a retryable one.
    #[must_use]
    pub fn throttled(mut self, after: Option<Duration>) -> Self {
        self.throttle = Some(Throttle { after });
        self.retryable()
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An error of the same kind and code that says where this one happened; this one is its cause.
    #[must_use]
    pub fn within(self, message: impl Into<String>) -> Self {
        let (kind, code, retry, throttle) = (self.kind, self.code, self.retry, self.throttle);
        let source: Option<Box<dyn StdError + Send + Sync>> = Some(Box::new(self));
        Self { kind, code, message: message.into(), hint: None, retry, throttle, source }
    }

    /// What the caller has to do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code, listed in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What to do next, if there is something to say.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.retry
    }

    /// Whether the other side asks for fewer calls.
    pub fn is_throttled(&self) -> bool {
        self.throttle.is_some()
    }

    /// How long the other side wants to be left alone, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.throttle.and_then(|throttle| throttle.after)
    }

    /// The message followed by each cause, for one line of a log or a journal.
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
