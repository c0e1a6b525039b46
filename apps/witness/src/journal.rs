//! What a writer intended and what was acknowledged: one JSON line each, one file for each writer.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Result;

/// What a writer wants to be done. The digests are SHA-256, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Op {
    /// Insert a note.
    Note { client: String, seq: u64, digest: String },
    /// Upload a document or overwrite it.
    PutDocument { document: String, digest: String, bytes: u64 },
    /// Delete a document.
    DeleteDocument { document: String },
    /// Create a session; its identifier comes with the answer.
    CreateSession { digest: String, ttl_s: u64 },
    /// Write a session anew.
    UpdateSession { session: String, digest: String, expected: u64 },
    /// Delete a session.
    DeleteSession { session: String },
}

/// What happened to an operation until it was acknowledged or given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    /// When the first request was sent, in milliseconds since 1970.
    pub(crate) started_ms: i64,
    /// From the first request to the acknowledgement, in microseconds.
    pub(crate) latency_us: u64,
    /// How many requests were sent.
    pub(crate) attempts: u64,
    /// How many more an edge on the way says that it sent.
    #[serde(default)]
    pub(crate) resent: u64,
    /// How many of them got any answer.
    pub(crate) answered: u64,
    /// How many failed: no answer, or one that is no success.
    pub(crate) failed: u64,
    /// The first failures, in words.
    pub(crate) failures: Vec<String>,
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When the line was written, in milliseconds since 1970.
    pub(crate) t_ms: i64,
    /// The number of the writer.
    pub(crate) writer: usize,
    /// The idempotency key of the operation.
    pub(crate) key: String,
    /// The operation.
    #[serde(flatten)]
    pub(crate) op: Op,
    /// How far it is.
    #[serde(flatten)]
    pub(crate) stage: Stage,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(crate) enum Stage {
    /// It is about to be sent.
    Intent,
    /// It was acknowledged.
    Acknowledged(Acknowledged),
    /// The writer was stopped before an acknowledgement came: it may have happened or not.
    Unknown(Attempts),
}

/// An acknowledgement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acknowledged {
    /// When, in milliseconds since 1970.
    pub(crate) acked_ms: i64,
    /// The status of the answer. 404 stands for something that was to be changed or deleted and
    /// was not there.
    pub(crate) status: u16,
    /// The identifier that the application gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// The version that the application gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// When the session expires, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at_ms: Option<i64>,
    /// What it took.
    #[serde(flatten)]
    pub(crate) attempts: Attempts,
}

/// A journal that is being written. Every line is with the operating system before the next
/// request is sent.
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// A new journal in a folder.
    pub(crate) fn create(folder: &Path, client: &str) -> Result<Self> {
        let path = folder.join(format!("{client}.jsonl"));
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self { file, path })
    }

    /// Appends one line.
    pub(crate) fn append(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file
            .write_all(&text)
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()).into())
    }
}

/// All lines of all journals of a folder, writer after writer, oldest first.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<Line>> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(format!("{} holds no journal (*.jsonl)", folder.display()).into());
    }
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        read_file(&path, &mut lines)?;
    }
    Ok(lines)
}

/// A last line without its end was being written when the writer was killed: its operation's
/// intent stands before it, so it is left out. Anything else that cannot be read is an error.
fn read_file(path: &Path, lines: &mut Vec<Line>) -> Result<()> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        if reader.read_line(&mut text).map_err(cannot)? == 0 || !text.ends_with('\n') {
            break;
        }
        let line = serde_json::from_str(&text)
            .map_err(|error| format!("{}:{number}: {error}", path.display()))?;
        lines.push(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64, stage: Stage) -> Line {
        let op = Op::Note { client: "c".into(), seq, digest: "d".into() };
        Line { t_ms: 5, writer: 1, key: format!("k{seq}"), op, stage }
    }

    #[test]
    fn lines_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), "c").unwrap();
        let attempts = Attempts { attempts: 2, failures: vec!["503".into()], ..Default::default() };
        let acknowledged = Acknowledged { status: 201, attempts, ..Default::default() };
        let written = vec![
            line(1, Stage::Intent),
            line(1, Stage::Acknowledged(acknowledged)),
            line(2, Stage::Unknown(Attempts::default())),
        ];
        written.iter().for_each(|line| journal.append(line).unwrap());
        assert_eq!(read_folder(folder.path()).unwrap(), written);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), "c").unwrap();
        journal.append(&line(1, Stage::Intent)).unwrap();
        journal.file.write_all(b"{\"t_ms\":1").unwrap();
        assert_eq!(read_folder(folder.path()).unwrap().len(), 1);
        journal.file.write_all(b"\n").unwrap();
        let error = read_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("c.jsonl:2:"), "{error}");
    }

    #[test]
    fn a_folder_without_journals_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_folder(folder.path()).unwrap_err().to_string().contains("no journal"));
    }
}
