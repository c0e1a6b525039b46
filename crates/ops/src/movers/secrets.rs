//! Moving secrets with their versions and stages: values are in memory only, and nothing is said
//! of them but their names.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use trefoil_clouds::secrets::{Secrets, Stage, StoredVersion};
use trefoil_core::plan::{CopyOutput, StoreProof};

use super::Tally;
use super::retry::retrying;
use crate::Result;

/// Carries every secret that the target does not have with the same versions in the same stages.
/// Secrets that only the target has are left alone: they may be its own.
pub async fn copy(source: &Secrets, target: &Secrets, tally: &Tally) -> Result<CopyOutput> {
    for name in retrying("secrets", |_| source.names()).await? {
        retrying("a secret", |_| carry(source, target, &name, tally)).await?;
        tally.saw();
    }
    Ok(tally.output(0, 0))
}

async fn carry(source: &Secrets, target: &Secrets, name: &str, tally: &Tally) -> Result<()> {
    let versions = source.export(name).await?;
    // One that was deleted since the names were read has none.
    if !versions.is_empty() && !is_same(&target.export(name).await?, &versions) {
        target.replace(name, &versions).await?;
        tally.wrote(0);
    }
    Ok(())
}

/// Deletes at the target every secret that the source has: all that a copy can have written to a
/// target that was empty.
pub async fn remove_copied(source: &Secrets, target: &Secrets) -> Result<()> {
    for name in source.names().await? {
        retrying("a secret", |_| target.delete(&name)).await?;
    }
    Ok(())
}

/// Compares the source's secrets, all their versions and stages, with those of the same names at
/// the target.
pub async fn compare(source: &Secrets, target: &Secrets) -> Result<StoreProof> {
    let mut comparison = StoreProof::begin();
    for name in source.names().await? {
        let versions = source.export(&name).await?;
        if versions.is_empty() {
            continue;
        }
        comparison.count(0);
        if !is_same(&target.export(&name).await?, &versions) {
            comparison.differ(format!("{name}: not the same at the target"));
        }
    }
    Ok(comparison)
}

/// Compares values by their digests, so that the time it takes says nothing about them, and
/// stages. Identifiers are left out: not every store lets them be chosen.
fn is_same(there: &[StoredVersion], versions: &[StoredVersion]) -> bool {
    there.iter().map(fingerprint).eq(versions.iter().map(fingerprint))
}

fn fingerprint(stored: &StoredVersion) -> ([u8; 32], &BTreeSet<Stage>) {
    let digest = Sha256::digest(stored.value.expose_secret().as_bytes());
    (digest.into(), &stored.version.stages)
}
