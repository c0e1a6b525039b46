//! Many small objects and a large one do not make the process grow. A program of its own, because
//! the highest memory that a process ever had is what is measured: from files to a store, and from store
//! to store.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::TryStreamExt;
use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::conformance::stand_ins::SeaweedFs;
use trefoil_clouds::objects::{Attributes, Condition, Objects};
use trefoil_core::plan::Limits;
use trefoil_ops::movers::objects::{Manifest, Route, Which};
use trefoil_ops::movers::{Extent, Pace, Tally, objects};

const PIECE_BYTES: usize = 1024 * 1024;
const SMALL_BYTES: usize = 4 * 1024;
const MEMORY_MAX_BYTES: u64 = 200 * 1024 * 1024;

/// How much is moved: a sample, or all of it with `TREFOIL_TEST_FULL=1`.
struct Amount {
    small: usize,
    large_bytes: usize,
}

fn amount() -> Amount {
    match std::env::var_os("TREFOIL_TEST_FULL") {
        Some(_) => Amount { small: 100_000, large_bytes: 2 << 30 },
        None => Amount { small: 1_500, large_bytes: 256 << 20 },
    }
}

/// The highest resident memory so far, in bytes; see proc(5), `VmHWM`.
fn highest_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

async fn fill(bucket: &Objects, amount: &Amount) {
    let put = |n: usize| async move {
        let content = Bytes::from(vec![(n % 251) as u8; SMALL_BYTES]);
        let content = futures::stream::iter([Ok(content)]).boxed();
        let (attributes, always) = (Attributes::default(), Condition::Always);
        bucket.put_soon(&format!("small/{n:06}"), content, &attributes, &always, None).await
    };
    let puts = futures::stream::iter((0..amount.small).map(put)).buffer_unordered(8);
    puts.try_for_each(|_| async { Ok(()) }).await.unwrap();
    let pieces = amount.large_bytes / PIECE_BYTES;
    let pieces = (0..pieces).map(|n| Ok(Bytes::from(vec![n as u8; PIECE_BYTES])));
    let content = futures::stream::iter(pieces).boxed();
    bucket.put("large", content, &Attributes::default(), &Condition::Always, None).await.unwrap();
}

async fn move_all(
    folder: &Path,
    (from, source): (&str, &Objects),
    (to, target): (&str, &Objects),
    amount: &Amount,
) {
    let which = Which { folder, from, to, bucket: "documents", begun_by: Some("run") };
    let (source, target) = (source.clone(), target.clone());
    let manifest = Manifest::open(which).await.unwrap();
    let pace = Pace::new(&Limits::default());
    let route = Route { source, target, manifest, pace, own_target: false };
    let copied = objects::copy(&route, 0, Extent::UntilQuiet, &Tally::default()).await.unwrap();
    let bytes = (amount.small * SMALL_BYTES + amount.large_bytes) as u64;
    assert_eq!((copied.written, copied.bytes), (amount.small as u64 + 1, bytes));
    let none = HashSet::new();
    let found = objects::differences(&route, &none).await.unwrap().settle(&none);
    assert!(found.equal, "{:?}", found.differences);
}

/// A bucket of a store that speaks S3.
fn store(server: &SeaweedFs) -> Objects {
    let address = Address {
        bucket: server.create_bucket("memory"),
        endpoint: Some(server.endpoint()),
        path_style: true,
        credentials: Some(AccessKey {
            id: SeaweedFs::ACCESS_KEY.to_owned(),
            secret: server.secret_key().into(),
        }),
        ..Address::default()
    };
    Objects::new(Arc::new(S3Objects::new(address)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_objects_and_a_large_one_move_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = tokio::task::spawn_blocking(SeaweedFs::start).await.unwrap();
    let local = format!("file://{}/east", folder.path().display());
    let (local, one, other) = (Objects::open(&local).unwrap(), store(&server), store(&server));
    let amount = amount();
    fill(&local, &amount).await;
    move_all(folder.path(), ("local", &local), ("one", &one), &amount).await;
    move_all(folder.path(), ("one", &one), ("other", &other), &amount).await;
    let highest = highest_memory_bytes();
    assert!(highest < MEMORY_MAX_BYTES, "it had {highest} bytes at most");
}
