//! PostgreSQL by URL: a pool that reconnects, queries, health.

use deadpool_postgres::Pool;

/// A PostgreSQL database. The same on every cloud: what differs is only the URL.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}
