//! `trefoil init`: a first specification, with comments.

use std::path::Path;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use trefoil_clouds::registry;

use crate::args::Init;
use crate::{Cx, Error, ExitStatus, Result};

/// The file that is written; `{name}` and `{cloud}` are filled in.
const TEMPLATE: &str = include_str!("init.yaml");

/// What the application is called when the folder's name has no letter.
const NAME: &str = "my-application";

/// What is answered.
#[derive(Serialize)]
struct Answer {
    file: String,
    name: String,
}

/// Writes a first specification where there is none.
///
/// Errors: `command_not_yet` for `--from`; `spec_exists`; `spec_unwritable`.
pub(super) async fn run(args: &Init, cx: &Cx) -> Result<ExitStatus> {
    if !args.from.is_empty() {
        let message = "`trefoil init --from` (begin with files of other tools) is not built yet in \
                       this version";
        return Err(Error::usage("command_not_yet", message)
            .hint("run `trefoil init` alone, and fill in what those files say"));
    }
    let file = &cx.settings.file;
    let name = name_of(&cx.settings.spec_folder()?);
    write_new(file, &text(&name)).await?;
    let answer = Answer { file: file.display().to_string(), name };
    cx.printer.answer(&answer, || {
        let file = &answer.file;
        format!("wrote {file}\nsay in it what runs, then: trefoil check, trefoil up east")
    })?;
    Ok(ExitStatus::Yes)
}

fn text(name: &str) -> String {
    let cloud = registry::known().first().copied().unwrap_or_default();
    TEMPLATE.replace("{name}", name).replace("{cloud}", cloud)
}

/// Never over a file that is there.
async fn write_new(file: &Path, text: &str) -> Result<()> {
    let shown = file.display();
    let opened = tokio::fs::OpenOptions::new().write(true).create_new(true).open(file).await;
    let mut opened = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::refused("spec_exists", format!("{shown} is there already"))
                .hint("it is never overwritten: name another file with `-f FILE`")
        }
        _ => unwritable(file, error),
    })?;
    opened.write_all(text.as_bytes()).await.map_err(|error| unwritable(file, error))?;
    opened.sync_all().await.map_err(|error| unwritable(file, error))
}

fn unwritable(file: &Path, error: std::io::Error) -> Error {
    Error::missing("spec_unwritable", format!("cannot write {}", file.display())).because(error)
}

/// The folder's name as an application's: lower-case letters, digits and hyphens, a letter first.
fn name_of(folder: &Path) -> String {
    let folder = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words: Vec<_> = folder.to_lowercase().split(|c| !good(c)).map(str::to_owned).collect();
    let joined = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let begun = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let short: String = begun.chars().take(40).collect();
    let name = short.trim_end_matches('-');
    // A database of that name is there on every server.
    let taken = ["postgres", "template0", "template1"].contains(&name);
    if name.len() < 2 || taken { NAME.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use trefoil_core::spec::parse;

    use super::*;

    #[test]
    fn names_of_folders() {
        for (folder, name) in [
            ("/srv/shop", "shop"),
            ("/srv/My Shop_2", "my-shop-2"),
            ("/srv/2024-shop-", "shop"),
            ("/srv/żółć", NAME),
            ("/srv/x", NAME),
            ("/srv/postgres", NAME),
            ("/", NAME),
        ] {
            assert_eq!(name_of(Path::new(folder)), name, "{folder}");
        }
        assert_eq!(name_of(Path::new(&format!("/{}-b", "a".repeat(39)))), "a".repeat(39));
    }

    #[test]
    fn what_is_written_is_clean() {
        let parsed = parse("trefoil.yaml", &text("shop"), &registry::known()).unwrap();
        assert_eq!(parsed.warnings, []);
        assert_eq!(parsed.spec.environments.len(), 2);
    }

    #[test]
    fn every_line_that_is_commented_out_is_right() {
        let is_key = |line: &str| line.starts_with("# ") && line.trim_end().contains(':');
        let live: String = text("shop")
            .lines()
            .map(|line| {
                let trimmed = line.trim_start();
                let indent = &line[..line.len() - trimmed.len()];
                let key =
                    trimmed.strip_prefix("# ").filter(|rest| is_key(trimmed) && looks_live(rest));
                format!("{indent}{}\n", key.unwrap_or(trimmed))
            })
            .collect();
        let parsed = parse("trefoil.yaml", &live, &registry::known());
        let parsed = parsed.unwrap_or_else(|found| panic!("{live}\n{found:?}"));
        assert!(parsed.spec.recovery.is_some() && parsed.spec.workload.is_some());
        assert!(!parsed.spec.environments["west"].overrides.0.is_empty());
    }

    /// Whether a comment is a key with its value, not a sentence.
    fn looks_live(comment: &str) -> bool {
        let word = comment.trim_start().split(':').next().unwrap_or_default();
        !comment.starts_with("yaml-language") && !word.contains(' ')
    }
}
