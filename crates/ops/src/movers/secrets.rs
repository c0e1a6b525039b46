//! Moving secrets: values are in memory only, and nothing is said of them but their names.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use trefoil_clouds::secrets::Secrets;
use trefoil_core::plan::{CopyOutput, StoreProof};

use super::Tally;
use crate::Result;

/// Carries every secret that the target does not have with the same value. Secrets that only the
/// target has are left alone: they may be its own.
pub async fn copy(source: &Secrets, target: &Secrets, tally: &Tally) -> Result<CopyOutput> {
    for name in source.names().await? {
        if let Some(value) = source.get(&name).await?
            && !is_same(target.get(&name).await?.as_ref(), &value)
        {
            target.set(&name, &value).await?;
            tally.wrote(0);
        }
        tally.saw();
    }
    Ok(tally.output(0, 0))
}

/// Deletes at the target every secret that the source has: all that a copy can have written to a
/// target that was empty.
pub async fn remove_copied(source: &Secrets, target: &Secrets) -> Result<()> {
    for name in source.names().await? {
        target.delete(&name).await?;
    }
    Ok(())
}

/// Compares the source's secrets with those of the same names at the target.
pub async fn compare(source: &Secrets, target: &Secrets) -> Result<StoreProof> {
    let mut comparison = StoreProof::begin();
    for name in source.names().await? {
        let Some(value) = source.get(&name).await? else { continue };
        comparison.count(0);
        if !is_same(target.get(&name).await?.as_ref(), &value) {
            comparison.differ(format!("{name}: not the same at the target"));
        }
    }
    Ok(comparison)
}

/// Compares digests, so that the time it takes says nothing about the values.
fn is_same(there: Option<&SecretString>, value: &SecretString) -> bool {
    let digest = |secret: &SecretString| Sha256::digest(secret.expose_secret().as_bytes());
    there.is_some_and(|there| digest(there) == digest(value))
}
