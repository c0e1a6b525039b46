//! `trefoil prices refresh`: reads the providers' feeds, shows what changed, and keeps the old
//! catalogue unless everything is right.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use trefoil_clouds::operate::fetch::Http;
use trefoil_clouds::registry;
use trefoil_core::cost::PriceBook;
use trefoil_core::cost::quantity::words;
use trefoil_core::cost::refresh::{Change, Matches, Rules, refresh};

use crate::args::PricesRefreshArgs;
use crate::commands::cost::input;
use crate::table::table;
use crate::{Cx, Error, ExitStatus, Result};

/// Where the API keys of feeds that want one are: `TREFOIL_<CLOUD>_API_KEY`.
fn key(cloud: &str) -> Option<SecretString> {
    let name = format!("TREFOIL_{}_API_KEY", cloud.to_uppercase());
    std::env::var(name).ok().filter(|key| !key.is_empty()).map(SecretString::from)
}

#[derive(Serialize)]
struct Answer {
    read: usize,
    changes: Vec<Change>,
    /// The file that was written; none without `--write`.
    written: Option<String>,
}

/// Reads the feeds of the clouds that were named, or of all.
pub(super) async fn run(args: PricesRefreshArgs, cx: &Cx) -> Result<ExitStatus> {
    let book = input::catalogue(&cx.settings, args.catalogue.catalogue.as_deref()).await?;
    let clouds: Vec<String> = match args.cloud.is_empty() {
        true => registry::priced().into_iter().map(str::to_owned).collect(),
        false => args.cloud,
    };
    let old = book.clone();
    let mirror = args.mirror;
    let matches = tokio::task::spawn_blocking(move || read(&clouds, &book, mirror))
        .await
        .map_err(|error| Error::failed("feed_reader", "reading the feeds died").because(error))??;
    let rules = Rules { tolerance_percent: args.tolerance, accept: args.accept };
    let refreshed = refresh(&old, &matches, input::today(), rules)?;
    let mut answer = Answer { read: refreshed.read, changes: refreshed.changes, written: None };
    if args.write {
        let file = input::refreshed(&cx.settings);
        // What was written must be a catalogue that the next call can read.
        let text = PriceBook::new(refreshed.catalogue, "the new catalogue")?.to_text()?;
        write(&file, &text).await?;
        answer.written = Some(file.display().to_string());
    }
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(ExitStatus::Yes)
}

fn read(clouds: &[String], book: &PriceBook, mirror: Option<url::Url>) -> Result<Vec<Matches>> {
    let http = Http::new(mirror);
    let mut all = Vec::new();
    for cloud in clouds {
        let key = key(cloud);
        let key = key.as_ref().map(|key| key.expose_secret());
        all.extend(registry::read_feed(cloud, book, key, &http)?);
    }
    Ok(all)
}

/// Beside the old one first, so that a full disk leaves the old one whole.
async fn write(file: &Path, text: &str) -> Result<()> {
    let wrong = |error: std::io::Error| {
        Error::failed("catalogue_write", format!("cannot write {}", file.display())).because(error)
    };
    if let Some(folder) = file.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(wrong)?;
    }
    let beside = file.with_extension("json.new");
    tokio::fs::write(&beside, text).await.map_err(wrong)?;
    tokio::fs::rename(&beside, file).await.map_err(wrong)
}

fn text(answer: &Answer) -> String {
    let rows = answer.changes.iter().map(|one| {
        [
            one.price.clone(),
            words(one.before_usd),
            words(one.after_usd),
            format!("{} %", words(one.change_percent.round_dp(2))),
        ]
    });
    let changed = match answer.changes.is_empty() {
        true => "nothing changed".to_owned(),
        false => table(["PRICE", "BEFORE", "AFTER", "CHANGE"], rows),
    };
    let written = match &answer.written {
        Some(file) => format!("wrote {file}"),
        None => "nothing was written; add --write to use these prices".to_owned(),
    };
    format!("{changed}\n\n{} prices read; {written}", answer.read)
}
