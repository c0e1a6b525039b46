//! Observing what exists in an environment.

use async_trait::async_trait;
use trefoil_core::inventory::Inventory;

use crate::Result;

/// Observes what exists; changes nothing.
#[async_trait]
pub trait Observe: Send + Sync {
    /// What is there now, and what could not be seen.
    async fn observe(&self) -> Result<Inventory>;
}

/// The sizes of the application's own tables: bytes, tables, rows as the statistics estimate them.
/// The schema `trefoil` is the tool's.
pub(crate) const DATABASE_SIZE: &str = "
    SELECT pg_database_size(current_database()),
           count(c.oid),
           coalesce(sum(greatest(c.reltuples::bigint, s.n_live_tup, 0)), 0)::bigint
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relkind = 'r'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trefoil')
      AND n.nspname NOT LIKE 'pg\\_%'";
