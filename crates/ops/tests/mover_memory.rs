//! One large object does not make the process grow with it. A program of its own, because the
//! highest memory that a process ever had is what is measured.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use bytes::Bytes;
use futures::StreamExt;
use trefoil_clouds::objects::{Attributes, Condition, Objects};
use trefoil_ops::movers::{Extent, Tally, objects};

const PIECE_BYTES: usize = 1024 * 1024;
const PIECES: usize = 200;
const GROWTH_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The highest resident memory so far, in bytes; see proc(5), `VmHWM`.
fn highest_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_megabytes_are_streamed() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| Objects::open(&format!("file://{}/{name}", folder.path().display()));
    let (source, target) = (open("east").unwrap(), open("west").unwrap());
    let before = highest_memory_bytes();
    let pieces = (0..PIECES).map(|n| Ok(Bytes::from(vec![n as u8; PIECE_BYTES])));
    let content = futures::stream::iter(pieces).boxed();
    source.put("large", content, &Attributes::default(), &Condition::Always, None).await.unwrap();
    let copied = objects::copy(&source, &target, 0, Extent::UntilQuiet, &Tally::default()).await;
    let growth = highest_memory_bytes() - before;
    assert_eq!(copied.unwrap().bytes, (PIECES * PIECE_BYTES) as u64);
    assert!(objects::compare(&source, &target).await.unwrap().equal);
    assert!(growth < GROWTH_MAX_BYTES, "it grew by {growth} bytes");
}
