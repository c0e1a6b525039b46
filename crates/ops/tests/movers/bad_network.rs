//! Moves over a network that is drawn from a seed, to a real store, on to another bucket and back:
//! what arrives is whole, as a client tells that is not ours.

#![allow(clippy::print_stdout, reason = "the seed of a failure must be seen")]

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use trefoil_clouds::conformance::faults::{Faults, Proxy};
use trefoil_clouds::objects::Objects;
use trefoil_core::digest::sha256_hex;
use trefoil_ops::movers::Extent;

use crate::s3::{Store, put_large};
use crate::support::{bucket, route, there};
use crate::under_faults::{carried, seeds};

/// Objects of 0 to some hundred thousand bytes, and one that goes in parts.
async fn fill(bucket: &Objects, round: u8) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for n in 0..50_usize {
        let content = vec![round + n as u8; n * n * 97];
        let key = format!("k/{n:02}");
        all.insert(key.clone(), sha256_hex(&content));
        bucket.put_bytes(&key, Bytes::from(content)).await.unwrap();
    }
    let megabytes = usize::from(10 + round);
    all.insert("large".to_owned(), put_large(bucket, "large", megabytes).await);
    all
}

/// The kinds of fault that have not happened with this seed.
async fn moved_on_and_back(seed: u64) -> HashSet<&'static str> {
    let store = Store::start().await;
    let faults = Faults::new(seed);
    let proxy = Proxy::spoiled(&store.server.endpoint(), &faults);
    let east = bucket(store.folder.path(), "east");
    let ((one_name, one), (other_name, other)) =
        (store.bucket_by(&proxy.endpoint()), store.bucket_by(&proxy.endpoint()));
    fill(&east, 1).await;
    let out = there(&store.folder, &east, &one).await;
    let since = carried(&out, 0, Extent::OnePass).await;
    let mut expected = fill(&east, 2).await;
    expected.remove("k/07");
    east.delete("k/07").await.unwrap();
    carried(&out, since, Extent::UntilQuiet).await;
    assert_eq!(store.by_rclone(&one_name), expected, "seed {seed}: from files to the store");

    let onward = route(store.folder.path(), (&one, "one"), (&other, "other"), Some("run")).await;
    carried(&onward, 0, Extent::UntilQuiet).await;
    assert_eq!(store.by_rclone(&other_name), expected, "seed {seed}: from store to store");

    let home = bucket(store.folder.path(), "home");
    let back = route(store.folder.path(), (&other, "third"), (&home, "home"), Some("run")).await;
    carried(&back, 0, Extent::UntilQuiet).await;
    for (key, digest) in &expected {
        let (_, content) = home.get_bytes(key, 1 << 24).await.unwrap().unwrap();
        assert_eq!(&sha256_hex(&content), digest, "seed {seed}: {key}, back in files");
    }
    assert_eq!(home.list("", None, 1_000).await.unwrap().objects.len(), expected.len());
    assert_eq!(proxy.hasty(), Vec::<String>::new(), "seed {seed}: asked again too early");
    println!("seed {seed}: {:?} of {} requests", faults.happened(), proxy.passed().len());
    faults.missing().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_arrive_whole_over_a_bad_network() {
    let missing = futures::future::join_all(seeds().into_iter().map(moved_on_and_back)).await;
    let never = missing.into_iter().reduce(|all, one| &all & &one).unwrap();
    assert_eq!(never, HashSet::new(), "every kind of fault has happened");
}
