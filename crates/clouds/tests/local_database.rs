//! A PostgreSQL server on this machine behaves as every database.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use secrecy::SecretString;
use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::database::Database;

async fn fresh() -> Fixture<Database> {
    let server = TestPostgres::start(&[]);
    let open = || Database::open(&SecretString::from(server.admin_url())).unwrap();
    Fixture { first: open(), second: open(), keep: Box::new(server) }
}

trefoil_clouds::database_conformance!(fresh);
