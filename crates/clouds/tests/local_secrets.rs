//! The secrets in an encrypted file behave as every store of secrets.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::secrets::Secrets;

async fn fresh() -> Fixture<Secrets> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().join("own/secrets.age").display());
    let open = || Secrets::open(&url).unwrap();
    Fixture { first: open(), second: open(), keep: Box::new(folder) }
}

trefoil_clouds::secrets_conformance!(fresh);
