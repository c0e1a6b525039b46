//! Writing changes at the subscriber, in the order of the publisher's commits.

use std::collections::{BTreeSet, HashMap};
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use pg_walstream::{ColumnData, ColumnInfo, LogicalReplicationMessage, TupleData};
use tokio_postgres::Statement;
use tokio_postgres::types::{Format, IsNull, PgLsn, ToSql, Type};

use super::progress::{self, Progress};
use crate::movers::postgres::connect::Server;
use crate::movers::postgres::sql::quote_ident;
use crate::{Error, Result};

/// How many changes are sent before their answers are read.
const CHANGES_MAX: usize = 500;
/// How many bytes of values wait to be sent at most, besides one change.
const BYTES_MAX: usize = 4 << 20;
/// How many of the publisher's transactions become one of ours when they come fast.
const TRANSACTIONS_MAX: usize = 200;
/// The replica identity "all columns".
const FULL: u8 = b'f';

/// Writes the changes of one stream.
pub(super) struct Applier<'a> {
    subscriber: &'a Server,
    stream: &'a str,
    relations: HashMap<u32, Relation>,
    statements: HashMap<String, Statement>,
    waiting: Vec<Change>,
    waiting_bytes: usize,
    /// What is committed at the subscriber.
    committed: PgLsn,
    /// The end of the newest transaction in the open one of ours.
    reached: PgLsn,
    transactions: usize,
    /// Whether the open transaction of ours is begun.
    open: bool,
    /// Between a begin and a commit of the publisher: whether it is left out.
    inside: Option<bool>,
    seen: Option<(Seen, PgLsn)>,
}

/// A table of the publisher, by the name that it has on both sides.
struct Relation {
    name: String,
    identity: u8,
    columns: Vec<ColumnInfo>,
    /// Columns that only the server itself may set when a row changes.
    always: BTreeSet<String>,
}

struct Change {
    statement: Statement,
    values: Vec<Text>,
    /// The table whose row must have been there; nothing where none is looked for.
    found: Option<String>,
}

impl<'a> Applier<'a> {
    pub(super) fn new(subscriber: &'a Server, stream: &'a str, progress: &Progress) -> Self {
        let seen =
            progress.snapshot.as_ref().and_then(|(text, end)| Some((Seen::parse(text)?, *end)));
        Self {
            subscriber,
            stream,
            relations: HashMap::new(),
            statements: HashMap::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            committed: progress.position,
            reached: progress.position,
            transactions: 0,
            open: false,
            inside: None,
            seen,
        }
    }

    /// Up to where everything is committed here.
    pub(super) fn committed(&self) -> PgLsn {
        self.committed
    }

    /// Whether no transaction of the publisher is half read.
    pub(super) fn is_between(&self) -> bool {
        self.inside.is_none()
    }

    /// Whether enough transactions wait to be committed together.
    pub(super) fn is_full(&self) -> bool {
        self.transactions >= TRANSACTIONS_MAX
    }

    /// Whether a transaction of ours is open.
    pub(super) fn is_open(&self) -> bool {
        self.open || self.transactions > 0
    }

    /// Takes one message.
    pub(super) async fn take(&mut self, message: LogicalReplicationMessage) -> Result<()> {
        use LogicalReplicationMessage as M;
        match message {
            M::Begin { final_lsn, xid, .. } => {
                let commit = PgLsn::from(final_lsn);
                let copied =
                    self.seen.as_ref().is_some_and(|(seen, end)| commit < *end && seen.has(xid));
                self.inside = Some(copied || commit < self.committed);
                Ok(())
            }
            M::Commit { end_lsn, .. } => {
                self.inside = None;
                self.reached = end_lsn.into();
                self.transactions += 1;
                Ok(())
            }
            M::Relation { relation_id, namespace, relation_name, replica_identity, columns } => {
                let name = format!("{}.{}", quote_ident(&namespace), quote_ident(&relation_name));
                self.learn(relation_id, name, replica_identity, columns).await
            }
            M::Insert { .. } | M::Update { .. } | M::Delete { .. } | M::Truncate { .. }
                if self.inside == Some(true) =>
            {
                Ok(())
            }
            M::Insert { relation_id, tuple } => self.insert(relation_id, &tuple).await,
            M::Update { relation_id, old_tuple, new_tuple, .. } => {
                self.update(relation_id, old_tuple.as_ref(), &new_tuple).await
            }
            M::Delete { relation_id, old_tuple, .. } => self.delete(relation_id, &old_tuple).await,
            M::Truncate { relation_ids, flags } => self.truncate(&relation_ids, flags).await,
            M::Type { .. } | M::Origin { .. } | M::Message { .. } => Ok(()),
            _ => Err(self.confused("a message that was not asked for")),
        }
    }

    async fn learn(
        &mut self,
        id: u32,
        name: String,
        identity: u8,
        columns: Vec<ColumnInfo>,
    ) -> Result<()> {
        let sql = "SELECT attname::text FROM pg_attribute
                   WHERE attrelid = to_regclass($1) AND attidentity = 'a' AND NOT attisdropped";
        let always = self.subscriber.texts("read the table's columns", sql, &[&name]).await?;
        let relation = Relation { name, identity, columns, always: always.into_iter().collect() };
        self.relations.insert(id, relation);
        // A table that has changed is written in another way from now on.
        self.send().await?;
        self.statements.clear();
        Ok(())
    }

    fn relation(&self, id: u32) -> Result<&Relation> {
        self.relations.get(&id).ok_or_else(|| self.confused("a row of an unknown table"))
    }

    async fn insert(&mut self, id: u32, tuple: &TupleData) -> Result<()> {
        let relation = self.relation(id)?;
        let names: Vec<_> =
            relation.columns.iter().map(|column| quote_ident(&column.name)).collect();
        let places: Vec<_> = (1..=names.len()).map(|n| format!("${n}")).collect();
        // Values of identities come from the publisher.
        let sql = match names.is_empty() {
            true => format!("INSERT INTO {} DEFAULT VALUES", relation.name),
            false => format!(
                "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
                relation.name,
                names.join(", "),
                places.join(", ")
            ),
        };
        let values = tuple.columns.iter().map(Text::of).collect();
        self.queue(sql, values, None).await
    }

    async fn update(&mut self, id: u32, old: Option<&TupleData>, new: &TupleData) -> Result<()> {
        let relation = self.relation(id)?;
        let (mut sets, mut values) = (Vec::new(), Vec::new());
        for (column, value) in relation.columns.iter().zip(&new.columns) {
            // A long value that did not change is not sent.
            if !value.is_unchanged() && !relation.always.contains(column.name.as_ref()) {
                values.push(Text::of(value));
                sets.push(format!("{} = ${}", quote_ident(&column.name), values.len()));
            }
        }
        if sets.is_empty() {
            return Ok(());
        }
        let row = relation.row(old.unwrap_or(new), &mut values);
        let sql = format!("UPDATE {} SET {} WHERE {row}", relation.name, sets.join(", "));
        let name = relation.name.clone();
        self.queue(sql, values, Some(name)).await
    }

    async fn delete(&mut self, id: u32, old: &TupleData) -> Result<()> {
        let relation = self.relation(id)?;
        let mut values = Vec::new();
        let row = relation.row(old, &mut values);
        let (sql, name) =
            (format!("DELETE FROM {} WHERE {row}", relation.name), relation.name.clone());
        self.queue(sql, values, Some(name)).await
    }

    async fn truncate(&mut self, ids: &[u32], flags: u8) -> Result<()> {
        let names: Result<Vec<_>> =
            ids.iter().map(|id| Ok(self.relation(*id)?.name.clone())).collect();
        // Flags: 1 is CASCADE, whose tables are all named here; 2 is RESTART IDENTITY.
        let restart = if flags & 2 > 0 { " RESTART IDENTITY" } else { "" };
        let sql = format!("TRUNCATE ONLY {}{restart}", names?.join(", ONLY "));
        self.queue(sql, Vec::new(), None).await
    }

    async fn queue(&mut self, sql: String, values: Vec<Text>, found: Option<String>) -> Result<()> {
        let statement = match self.statements.get(&sql) {
            Some(statement) => statement.clone(),
            None => {
                // Earlier changes first: they may have been refused.
                self.send().await?;
                let prepared = self.subscriber.client().prepare(&sql).await;
                let statement = prepared.map_err(|error| self.refused(error))?;
                self.statements.insert(sql, statement.clone());
                statement
            }
        };
        self.waiting_bytes += values.iter().map(Text::len).sum::<usize>();
        self.waiting.push(Change { statement, values, found });
        if self.waiting.len() >= CHANGES_MAX || self.waiting_bytes >= BYTES_MAX {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends what waits, all at once, and reads the answers.
    async fn send(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if !self.open {
            self.subscriber.batch("write changes", "BEGIN").await?;
            self.open = true;
        }
        let changes = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let client = self.subscriber.client();
        let calls =
            changes.iter().map(|change| client.execute_raw(&change.statement, &change.values));
        let answers = in_order(calls).await;
        for (change, answer) in changes.iter().zip(answers) {
            let rows = answer.map_err(|error| self.refused(error))?;
            if let Some(table) = change.found.as_ref().filter(|_| rows != 1) {
                let why = format!(
                    "stream {} changed a row of {table} that {} does not have",
                    self.stream, self.subscriber.name
                );
                return Err(Error::failed("stream_diverged", why));
            }
        }
        Ok(())
    }

    /// Commits what came, and with it how far the stream is: both or neither.
    pub(super) async fn commit(&mut self) -> Result<PgLsn> {
        self.send().await?;
        self.transactions = 0;
        if !self.open {
            // What was left out was there already, or changed nothing.
            self.committed = self.committed.max(self.reached);
            return Ok(self.committed);
        }
        let sql = "UPDATE trefoil.progress SET position = $3
                   WHERE stream = $1 AND position <= $2 AND enabled RETURNING stream";
        let params: [&(dyn ToSql + Sync); 3] = [&self.stream, &self.committed, &self.reached];
        let ours = self.subscriber.query("note how far the stream is", sql, &params).await?;
        if ours.is_empty() {
            return Err(progress::asleep(self.subscriber, self.stream));
        }
        self.subscriber.batch("write changes", "COMMIT").await?;
        self.open = false;
        self.committed = self.reached;
        Ok(self.committed)
    }

    fn refused(&self, error: tokio_postgres::Error) -> Error {
        self.subscriber.failed(&format!("write a change of stream {}", self.stream), error)
    }

    fn confused(&self, what: &str) -> Error {
        Error::failed("stream_lost", format!("stream {} brought {what}", self.stream))
    }
}

impl Relation {
    /// The condition that finds one row by its identity.
    fn row(&self, tuple: &TupleData, values: &mut Vec<Text>) -> String {
        let mut conditions = Vec::new();
        for (column, value) in self.columns.iter().zip(&tuple.columns) {
            // Bit 0 marks the columns of the identity.
            if column.flags & 1 == 0 {
                continue;
            }
            values.push(Text::of(value));
            let (name, n) = (quote_ident(&column.name), values.len());
            conditions.push(match self.identity {
                FULL => format!("{name} IS NOT DISTINCT FROM ${n}"),
                _ => format!("{name} = ${n}"),
            });
        }
        let all = conditions.join(" AND ");
        match self.identity {
            // Rows may be twins; the change is of one of them.
            FULL => format!("ctid = (SELECT ctid FROM {} WHERE {all} LIMIT 1)", self.name),
            _ => all,
        }
    }
}

/// Starts calls in this order, so that the server hears them in it, and waits for all.
async fn in_order<F: Future>(calls: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut calls: Vec<Pin<Box<F>>> = calls.map(Box::pin).collect();
    let mut answers: Vec<Option<F::Output>> = Vec::with_capacity(calls.len());
    for call in &mut calls {
        answers.push(match futures::poll!(call.as_mut()) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        });
    }
    let mut all = Vec::with_capacity(calls.len());
    for (call, answer) in calls.into_iter().zip(answers) {
        all.push(match answer {
            Some(answer) => answer,
            None => call.await,
        });
    }
    all
}

/// A value as text, in the words of the publisher. `Debug` does not show it.
struct Text(Option<Bytes>);

impl Text {
    fn of(column: &ColumnData) -> Text {
        Text((!column.is_null()).then(|| column.raw_bytes()))
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Bytes::len)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }
}

impl ToSql for Text {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// Which transactions a snapshot has seen: `xmin:xmax:those,that,ran`, of which only the low 32
/// bits are compared, as streams have no others.
struct Seen {
    first_running: u32,
    next: u32,
    running: BTreeSet<u32>,
}

impl Seen {
    fn parse(text: &str) -> Option<Seen> {
        let low = |number: &str| number.parse::<u64>().ok().map(|number| number as u32);
        let mut parts = text.split(':');
        let (first_running, next) = (low(parts.next()?)?, low(parts.next()?)?);
        let running = parts.next().unwrap_or_default().split(',').filter_map(low).collect();
        Some(Seen { first_running, next, running })
    }

    /// Whether a transaction that has committed is in the snapshot.
    fn has(&self, transaction: u32) -> bool {
        let before = |other: u32| transaction.wrapping_sub(other).cast_signed() < 0;
        before(self.first_running) || before(self.next) && !self.running.contains(&transaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_knows_what_it_has_seen() {
        let seen = Seen::parse("100:105:100,103").unwrap();
        let has: Vec<u32> = (98..107).filter(|transaction| seen.has(*transaction)).collect();
        assert_eq!(has, [98, 99, 101, 102, 104]);
        // Numbers begin again; the snapshot has 64 bits, the stream 32.
        let seen = Seen::parse("8589934590:8589934594:8589934593").unwrap();
        assert!(seen.has(u32::MAX - 5) && seen.has(0) && !seen.has(1) && !seen.has(2));
        assert!(Seen::parse("").is_none());
    }

    #[test]
    fn a_value_is_not_shown() {
        assert_eq!(format!("{:?}", Text(Some(Bytes::from_static(b"hidden")))), "a value");
    }
}
