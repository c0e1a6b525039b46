//! Carries one bucket to another with the mover of objects, as a run does, and says what it did:
//! `carry SOURCE_URL TARGET_URL --state FOLDER`; or fills a bucket with objects to measure with.

use std::io::Write;
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Parser, Subcommand};
use futures::stream::{StreamExt, TryStreamExt};
use trefoil_clouds::objects::{Attributes, Condition, Objects};
use trefoil_core::plan::Limits;
use trefoil_core::{Error, Result};
use trefoil_ops::movers::objects::{Manifest, Route, Which, copy};
use trefoil_ops::movers::{Extent, Pace, Tally};

/// How many bytes of a filling object are made at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// How many are written at the same time.
const IN_FLIGHT: usize = 16;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Copy everything from one bucket to another, once.
    Copy {
        /// The source's URL.
        source: String,
        /// The target's URL.
        target: String,
        /// Where the manifest is kept.
        #[arg(long)]
        state: PathBuf,
    },
    /// Write so many objects of so many bytes.
    Fill {
        /// The bucket's URL.
        bucket: String,
        /// How many.
        count: u64,
        /// How many bytes each has.
        size_bytes: usize,
    },
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Copy { source, target, state } => carry(&source, &target, state).await,
            Command::Fill { bucket, count, size_bytes } => fill(&bucket, count, size_bytes).await,
        }
    });
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => failed(&error.chain()),
    }
}

fn failed(why: &str) -> std::process::ExitCode {
    // Nothing is left to do when standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {why}");
    std::process::ExitCode::FAILURE
}

async fn carry(source: &str, target: &str, folder: PathBuf) -> Result<()> {
    let which =
        Which { folder: &folder, from: "east", to: "west", bucket: "bench", begun_by: Some("run") };
    let route = Route {
        source: Objects::open(source)?,
        target: Objects::open(target)?,
        manifest: Manifest::open(which).await?,
        pace: Pace::new(&Limits::default()),
        own_target: false,
    };
    let copied = copy(&route, 0, Extent::OnePass, &Tally::default()).await?;
    let line = serde_json::json!({
        "written": copied.written, "deleted": copied.deleted, "bytes": copied.bytes
    });
    writeln!(std::io::stdout(), "{line}")
        .map_err(|error| Error::failed("output", "cannot print").because(error))
}

async fn fill(bucket: &str, count: u64, size_bytes: usize) -> Result<()> {
    let bucket = Objects::open(bucket)?;
    let put = |n: u64| {
        let bucket = &bucket;
        async move {
            let pieces = (0..size_bytes.div_ceil(PIECE_BYTES)).map(move |piece| {
                let size = PIECE_BYTES.min(size_bytes - piece * PIECE_BYTES);
                Ok(Bytes::from(vec![(n as u8).wrapping_add(piece as u8); size]))
            });
            let content = futures::stream::iter(pieces).boxed();
            let key = format!("d/{n:07}");
            let (attributes, always) = (Attributes::default(), Condition::Always);
            bucket.put_soon(&key, content, &attributes, &always, None).await.map(drop)
        }
    };
    let puts = futures::stream::iter(0..count).map(put).buffer_unordered(IN_FLIGHT);
    puts.try_collect::<()>().await?;
    bucket.sync().await
}
