//! Sequences: replication does not carry them.

use super::catalog::USER_SCHEMAS;
use super::connect::{Pair, Server};
use crate::{Error, Result};

/// A sequence's exact state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Schema-qualified and quoted where needed.
    pub name: String,
    /// The last value that it gave or set aside.
    pub last_value: i64,
    /// Whether that value was given.
    pub is_called: bool,
}

/// How many sequences are read in one statement.
const BATCH: usize = 200;

/// Every sequence of the application, owned by a column or not, sorted by name.
pub async fn read(server: &Server) -> Result<Vec<Sequence>> {
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'S' AND {USER_SCHEMAS} ORDER BY 1"
    );
    let names = server.texts("list sequences", &sql, &[]).await?;
    let mut sequences = Vec::with_capacity(names.len());
    for batch in names.chunks(BATCH) {
        // The view pg_sequences hides is_called; the sequence itself has both.
        let each: Vec<_> =
            batch.iter().map(|name| format!("SELECT last_value, is_called FROM {name}")).collect();
        let rows = server.query("read sequences", &each.join(" UNION ALL "), &[]).await?;
        sequences.extend(batch.iter().zip(rows).map(|(name, row)| Sequence {
            name: name.clone(),
            last_value: row.get(0),
            is_called: row.get(1),
        }));
    }
    Ok(sequences)
}

/// Sets every sequence of the target to the source's state, and reads it back. Nothing may use
/// the source meanwhile. Gives how many there are.
pub async fn carry(pair: &Pair) -> Result<u64> {
    let wanted = read(&pair.source).await?;
    let names: Vec<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
    let values: Vec<i64> = wanted.iter().map(|one| one.last_value).collect();
    let called: Vec<bool> = wanted.iter().map(|one| one.is_called).collect();
    let sql = "SELECT setval(s.name::regclass, s.value, s.called)
               FROM unnest($1::text[], $2::int8[], $3::bool[]) s(name, value, called)";
    pair.target.query("set sequences", sql, &[&names, &values, &called]).await?;
    let found = read(&pair.target).await?;
    if let Some(missing) = wanted.iter().find(|one| !found.contains(one)) {
        let why = format!("sequence {} is not the same on {}", missing.name, pair.target.name);
        return Err(Error::failed("sequence_differs", why));
    }
    Ok(wanted.len() as u64)
}
