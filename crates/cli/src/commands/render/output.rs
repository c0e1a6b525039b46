//! Writing the files: never over what somebody changed, unless told to.
//!
//! `infra/.trefoil-rendered.json` keeps the digest of each file as it was written, and belongs into
//! version control with them: a file that says something else was changed by somebody.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use similar::TextDiff;
use trefoil_clouds::operate::render::Artefact;
use trefoil_core::digest::sha256_hex;

use crate::args::Edited;
use crate::{Error, Result};

/// Where the digests are kept, below the folder that is rendered into.
const RECORD: &str = "infra/.trefoil-rendered.json";

/// One file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Written {
    /// Where it lies, below the folder that was rendered into.
    pub(super) path: String,
    /// What happened to it.
    pub(super) change: Change,
    /// How large it is as rendered; 0 for one that is not rendered any more.
    pub(super) bytes: usize,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// It was not there.
    New,
    /// It says something else now.
    Changed,
    /// It says the same as before.
    Same,
    /// Somebody changed it, and it was left alone.
    Kept,
    /// Somebody had changed it, and it was written over.
    Taken,
    /// It is not rendered any more, and was deleted.
    Removed,
    /// It is not rendered any more, but somebody changed it, so it was left.
    Left,
}

/// The digest of each file as it was written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    files: BTreeMap<String, String>,
}

/// Writes `artefacts` below `folder`, as `edited` says where somebody changed a file; tells `talk`
/// the differences of those. With `dry_run` only looks.
pub(super) fn write(
    folder: &Path,
    artefacts: &[Artefact],
    (edited, dry_run): (Edited, bool),
    talk: impl Fn(&str),
) -> Result<Vec<Written>> {
    let record = read_record(folder)?;
    let mut written = Vec::new();
    for artefact in artefacts {
        let (change, before) = judge(folder, artefact, &record, edited)?;
        if matches!(change, Change::Kept | Change::Taken) {
            talk(&difference(artefact, &before));
        }
        let path = artefact.path.clone();
        written.push(Written { path, change, bytes: artefact.contents.len() });
    }
    written.extend(leftovers(folder, artefacts, &record)?);
    if edited == Edited::Refuse {
        refuse_edited(&written)?;
    }
    if !dry_run {
        perform(folder, artefacts, &written, record)?;
    }
    Ok(written)
}

/// What is to happen to a file, and what it says now.
fn judge(
    folder: &Path,
    artefact: &Artefact,
    record: &Record,
    edited: Edited,
) -> Result<(Change, String)> {
    let Some(now) = read(&place(folder, &artefact.path)?)? else {
        return Ok((Change::New, String::new()));
    };
    let ours = record.files.get(&artefact.path) == Some(&sha256_hex(now.as_bytes()));
    let change = match (now == artefact.contents, ours, edited) {
        (true, ..) => Change::Same,
        (false, true, _) => Change::Changed,
        (false, false, Edited::Take) => Change::Taken,
        (false, false, Edited::Keep | Edited::Refuse) => Change::Kept,
    };
    Ok((change, now))
}

/// Files of an earlier rendering of the same folders that are not rendered any more.
fn leftovers(folder: &Path, artefacts: &[Artefact], record: &Record) -> Result<Vec<Written>> {
    let rendered = |path: &str| artefacts.iter().any(|one| one.path == path);
    let ours = |path: &str| artefacts.iter().any(|one| section(&one.path) == section(path));
    let mut found = Vec::new();
    for (path, digest) in &record.files {
        if rendered(path) || !ours(path) {
            continue;
        }
        let Some(now) = read(&place(folder, path)?)? else { continue };
        let change =
            if *digest == sha256_hex(now.as_bytes()) { Change::Removed } else { Change::Left };
        found.push(Written { path: path.clone(), change, bytes: 0 });
    }
    Ok(found)
}

/// Which environment a path belongs to: its folder below `infra/`, or the file itself.
fn section(path: &str) -> &str {
    let Some(below) = path.strip_prefix("infra/") else { return path };
    below.split('/').next().unwrap_or(below)
}

fn refuse_edited(written: &[Written]) -> Result<()> {
    let edited: Vec<_> = written
        .iter()
        .filter(|one| one.change == Change::Kept)
        .map(|one| one.path.as_str())
        .collect();
    if edited.is_empty() {
        return Ok(());
    }
    let message = format!("somebody changed {}; nothing was written", edited.join(", "));
    Err(Error::refused("render_edited", message)
        .hint("`--edited keep` leaves these files, `--edited take` writes over them"))
}

fn perform(
    folder: &Path,
    artefacts: &[Artefact],
    written: &[Written],
    mut record: Record,
) -> Result<()> {
    let change = |path: &str| written.iter().find(|one| one.path == path).map(|one| one.change);
    for artefact in artefacts {
        let path = place(folder, &artefact.path)?;
        match change(&artefact.path) {
            Some(Change::Kept) => continue,
            Some(Change::Same) => {}
            _ => write_file(&path, &artefact.contents)?,
        }
        record.files.insert(artefact.path.clone(), sha256_hex(artefact.contents.as_bytes()));
    }
    for one in written.iter().filter(|one| one.bytes == 0) {
        if one.change == Change::Removed {
            let path = place(folder, &one.path)?;
            std::fs::remove_file(&path).map_err(|error| unwritable(&path, error))?;
        }
        if matches!(one.change, Change::Removed | Change::Left) {
            record.files.remove(&one.path);
        }
    }
    let mut text = serde_json::to_string_pretty(&record).map_err(|error| {
        Error::failed("render_record", "the record of rendered files cannot be made").because(error)
    })?;
    text.push('\n');
    write_file(&folder.join(RECORD), &text)
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|error| unwritable(parent, error))?;
    // Whole or not at all: a half-written file would count as changed by somebody.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| unwritable(path, error))
}

/// The place of a path below the folder. A record is a file that anybody can write: it must not
/// lead out of the folder.
fn place(folder: &Path, path: &str) -> Result<PathBuf> {
    let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if inside {
        return Ok(folder.join(path));
    }
    let message = format!("{RECORD} names `{path}`, which is not below the folder");
    Err(Error::usage("render_record", message).hint("delete the record, and render again"))
}

fn read_record(folder: &Path) -> Result<Record> {
    let path = folder.join(RECORD);
    let Some(text) = read(&path)? else { return Ok(Record::default()) };
    serde_json::from_str(&text).map_err(|error| {
        Error::usage("render_record", format!("{} cannot be read", path.display()))
            .because(error)
            .hint(
                "restore it from version control, or delete it: then every file that differs \
                   counts as changed by somebody",
            )
    })
}

/// What a file says; bytes that are no text count as changed by somebody.
fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unwritable(path, error)),
    }
}

fn difference(artefact: &Artefact, before: &str) -> String {
    let diff = TextDiff::from_lines(before, &artefact.contents);
    let (theirs, ours) = (format!("{} (as it is)", artefact.path), "as rendered");
    diff.unified_diff().header(&theirs, ours).to_string()
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let message = format!("cannot write {}", path.display());
    Error::missing("render_unwritable", message).because(error)
}
