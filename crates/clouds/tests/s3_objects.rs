//! The driver for S3 behaves as every bucket, on two stores that are not the cloud's own.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::sync::Arc;

use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::conformance::stand_ins::{Ministack, SeaweedFs};
use trefoil_clouds::objects::Objects;

fn bucket(
    endpoint: String,
    bucket: String,
    id: &str,
    secret: &str,
) -> impl Fn() -> Objects + use<> {
    let address = Address {
        bucket,
        endpoint: Some(endpoint),
        path_style: true,
        credentials: Some(AccessKey { id: id.to_owned(), secret: secret.into() }),
        ..Address::default()
    };
    move || Objects::new(Arc::new(S3Objects::new(address.clone())))
}

mod seaweedfs {
    use super::*;

    async fn fresh() -> Fixture<Objects> {
        let server = tokio::task::spawn_blocking(SeaweedFs::shared).await.unwrap();
        let name = server.create_bucket("suite");
        let (id, secret) = (SeaweedFs::ACCESS_KEY, server.secret_key());
        let open = bucket(server.endpoint(), name, id, secret);
        Fixture { first: open(), second: open(), keep: Box::new(server) }
    }

    trefoil_clouds::objects_conformance!(fresh);
}

mod ministack {
    use super::*;

    async fn fresh() -> Fixture<Objects> {
        let server = tokio::task::spawn_blocking(Ministack::shared).await.unwrap();
        let open = bucket(server.endpoint(), server.create_bucket("suite"), "test", "test");
        Fixture { first: open(), second: open(), keep: Box::new(server) }
    }

    trefoil_clouds::objects_conformance!(fresh);
}
