//! What a stream carries: the publication of its tables, and of the markers.

use super::catalog::{self, Table};
use super::connect::Server;
use super::sql::quote_ident;
use crate::{Error, Result};

/// Publishes tables, and the markers with them.
pub(super) async fn publish(publisher: &Server, stream: &str, tables: &[Table]) -> Result<()> {
    let names = with_markers(tables);
    let sql = "SELECT coalesce(array_agg(format('%I.%I', schemaname, tablename)), '{}')
               FROM pg_publication p LEFT JOIN pg_publication_tables USING (pubname)
               WHERE p.pubname = $1 GROUP BY p.pubname";
    let found = publisher.query("read the publication", sql, &[&stream]).await?;
    match found.first().map(|row| row.get::<_, Vec<String>>(0)) {
        None => {
            let publication = quote_ident(stream);
            let sql = format!("CREATE PUBLICATION {publication} FOR TABLE {}", names.join(", "));
            publisher.batch("publish the tables", &sql).await?;
        }
        Some(published) => {
            let missing = names.iter().find(|name| !published.contains(name));
            if let Some(missing) = missing.or(published.iter().find(|name| !names.contains(name))) {
                let why = format!("{missing} is not as it was when {stream} was published");
                return Err(Error::refused("schema_differs", why));
            }
        }
    }
    Ok(())
}

/// The names of the tables that a stream carries; the markers are not among them.
pub(super) async fn tables(publisher: &Server, stream: &str) -> Result<Vec<String>> {
    let sql = "SELECT format('%I.%I', schemaname, tablename) FROM pg_publication_tables
               WHERE pubname = $1 AND schemaname <> 'trefoil' ORDER BY 1";
    publisher.texts("read the publication", sql, &[&stream]).await
}

/// The names of tables, and of the markers.
pub(super) fn with_markers(tables: &[Table]) -> Vec<String> {
    let mut names = catalog::names(tables);
    names.push("trefoil.marker".to_owned());
    names
}
