//! Comparing every row of two databases, while one of them changes or while nothing does.
//!
//! A table is compared in ranges of its primary key. The source is read first, then the target has
//! to confirm everything that the source had written by then, then the target is read. A range that
//! differs is read again; one that goes on differing is cut down to its rows. A row of the source
//! that stays as it is while the target's differs is a fault. Ranges whose rows change all the time
//! are hot: they are compared once more during the switch, when nothing writes. A table without a
//! primary key is one range, whose rows are compared as a set.

mod differences;
mod pace;
mod ranges;
mod rows;
mod tables;
mod unordered;

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use trefoil_core::plan::{KeyRange, TableProof, VerifyCost, VerifyOutput};

use super::catalog::{self, Persistence};
use super::connect::Pair;
use super::lag;
use crate::Result;
use crate::engine::{Progress, Silent};
use differences::Found;
pub use differences::{Difference, Kind, NAMED_MAX};
pub use pace::Pace;
use pace::Side;
use ranges::{Hash, Sum};
use tables::Compared;

/// Rows of a range at first: large enough that one query is worth its way, small enough to be read
/// again: 0.12 s on the machine where this was measured.
pub const RANGE_ROWS: i64 = 50_000;
/// How many ranges are read on one side before the other is asked.
const BATCH: usize = 8;
/// How often a differing range is read before it is cut.
const ATTEMPTS: u32 = 3;
/// Into how many parts a range is cut.
const CUT: i64 = 10;
/// How many hot ranges of a table are compared after the switch.
const HOT_LOOKS: usize = 50;
/// How long a commit may take from the log, which the stream reads, to where queries see it.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(50);
/// Ranges of this many rows are compared row by row.
const ROWS_MAX: i64 = 500;

/// What a comparison of two databases says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether both hold the same rows, all of them.
    pub equal: bool,
    /// Each table that is on both sides.
    pub tables: Vec<TableProof>,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// How many differences, or ranges with some, are not among those.
    pub differences_left_out: u64,
    /// Ranges that changed while they were compared, so that nothing can be said of them.
    pub changing: Vec<KeyRange>,
    /// What it cost the servers.
    pub cost: VerifyCost,
}

/// What is compared, and how the target is brought to where the source was read.
struct Comparison<'a> {
    pair: &'a Pair,
    /// The stream that flows; `None` when nothing brings the target to where the source is.
    stream: Option<&'a str>,
    hash: Hash,
    pace: &'a Pace,
    found: Found,
    hot: Vec<KeyRange>,
    /// Whether a transaction of the source outlived the wait for it: it is not waited for again.
    outlived: bool,
}

/// The sums of both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    here: Sum,
    there: Sum,
}

impl Sums {
    fn equal(self) -> bool {
        self.here == self.there
    }

    fn and(self, other: Sums) -> Sums {
        Sums { here: self.here.and(other.here), there: self.there.and(other.there) }
    }
}

impl<'a> Comparison<'a> {
    async fn of(pair: &'a Pair, stream: Option<&'a str>, pace: &'a Pace) -> Result<Comparison<'a>> {
        let hash = hash_for(pair).await?;
        let (found, hot) = (Found::default(), Vec::new());
        Ok(Comparison { pair, stream, hash, pace, found, hot, outlived: false })
    }

    /// Waits until the source shows everything that is committed there by now. A commit goes to
    /// the target once it is in the log; where processors are scarce that can be long before the
    /// source's own queries see it, and the row looks as if it were only at the target.
    async fn source_shows(&mut self) -> Result<()> {
        if self.outlived {
            return Ok(());
        }
        let (source, what) = (&self.pair.source, "read which transactions are open");
        let newest = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text";
        let newest: String = source.one(what, newest, &[]).await?.get(0);
        let ended = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8";
        let deadline = Instant::now() + SHOWN_WITHIN;
        while !source.one(what, ended, &[&newest]).await?.get::<_, bool>(0) {
            if Instant::now() > deadline {
                self.outlived = true;
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until the target has all that the source had written by now.
    async fn align(&self) -> Result<()> {
        match self.stream {
            Some(stream) => lag::catch_up(self.pair, stream, &|_| {}).await,
            None => Ok(()),
        }
    }

    /// How often a difference is looked at: without a stream nothing would mend it.
    fn attempts(&self) -> u32 {
        if self.stream.is_some() { ATTEMPTS } else { 1 }
    }

    async fn side(&self, side: Side, table: &Compared, ranges: &[KeyRange]) -> Result<Vec<Sum>> {
        let server = match side {
            Side::Source => &self.pair.source,
            Side::Target => &self.pair.target,
        };
        let mut sums = Vec::with_capacity(ranges.len());
        for range in ranges {
            let sum = ranges::sum(server, table, range, self.hash);
            sums.push(self.pace.spend(side, sum).await?);
        }
        Ok(sums)
    }

    /// The sums of ranges on both sides: one after the other along a stream, otherwise at once.
    async fn sums(&self, table: &Compared, ranges: &[KeyRange]) -> Result<Vec<Sums>> {
        let (source, target) = (Side::Source, Side::Target);
        let (here, there) = if self.stream.is_some() {
            let here = self.side(source, table, ranges).await?;
            self.align().await?;
            (here, self.side(target, table, ranges).await?)
        } else {
            let both = (self.side(source, table, ranges), self.side(target, table, ranges));
            futures::future::try_join(both.0, both.1).await?
        };
        Ok(here.into_iter().zip(there).map(|(here, there)| Sums { here, there }).collect())
    }

    async fn sums_of(&self, table: &Compared, range: &KeyRange) -> Result<Sums> {
        let sums = self.sums(table, std::slice::from_ref(range)).await?;
        Ok(sums.first().copied().unwrap_or_default())
    }

    /// Compares a range that differed once: the sums of what is not hot in it.
    async fn settle(&mut self, table: &Compared, range: KeyRange) -> Result<Sums> {
        let mut settled = Sums::default();
        let mut waiting = vec![range];
        while let Some(range) = waiting.pop() {
            let sums = self.again(table, &range).await?;
            if sums.equal() {
                settled = settled.and(sums);
                continue;
            }
            if self.found.is_full() {
                self.found.left_out += 1;
                settled = settled.and(sums);
                continue;
            }
            let rows = i64::try_from(sums.here.rows.max(sums.there.rows)).unwrap_or(i64::MAX);
            let faulty = if !table.can_be_cut() {
                self.whole(table, &range).await?
            } else if rows > ROWS_MAX {
                waiting.extend(self.cut(table, &range, sums, rows).await?);
                continue;
            } else {
                rows::compare(self, table, &range).await?
            };
            if faulty {
                settled = settled.and(sums);
            } else {
                self.hot.push(range);
            }
        }
        Ok(settled)
    }

    /// Cuts a range into parts of so many rows of the side that has more, the last part first.
    async fn cut(
        &self,
        table: &Compared,
        range: &KeyRange,
        sums: Sums,
        rows: i64,
    ) -> Result<Vec<KeyRange>> {
        let (server, side) = match sums.here.rows >= sums.there.rows {
            true => (&self.pair.source, Side::Source),
            false => (&self.pair.target, Side::Target),
        };
        let size = (rows / CUT).max(ROWS_MAX);
        let cut = ranges::cut(server, table, range, size);
        let mut parts = self.pace.spend(side, cut).await?;
        parts.reverse();
        Ok(parts)
    }

    /// Reads a range again, until it is equal or often enough.
    async fn again(&self, table: &Compared, range: &KeyRange) -> Result<Sums> {
        let mut sums = self.sums_of(table, range).await?;
        for _ in 1..self.attempts() {
            if sums.equal() {
                break;
            }
            sums = self.sums_of(table, range).await?;
        }
        Ok(sums)
    }

    /// A table that cannot be cut: whether it holds a fault. The source has to be the same before
    /// and after the target was read. While a stream flows that has to be seen twice in a row: a
    /// change could have been made and taken back in between.
    async fn whole(&mut self, table: &Compared, range: &KeyRange) -> Result<bool> {
        if self.stream.is_none() {
            return unordered::compare(self, table, range).await;
        }
        let (mut seen, mut last) = (0, None::<Sums>);
        for _ in 0..=self.attempts() {
            let sums = self.sums_of(table, range).await?;
            let fault = last.is_some_and(|last| last.here == sums.here && !last.equal());
            seen = if fault { seen + 1 } else { 0 };
            if seen >= 2 {
                return unordered::compare(self, table, range).await;
            }
            last = Some(sums);
        }
        Ok(false)
    }

    /// Compares a whole table.
    async fn table(
        &mut self,
        table: &Compared,
        told: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Sums> {
        let mut total = Sums::default();
        let mut walk = ranges::Walk::of(table, RANGE_ROWS);
        loop {
            let next = walk.next(&self.pair.source, BATCH);
            let batch = self.pace.spend(Side::Source, next).await?;
            if batch.is_empty() {
                return Ok(total);
            }
            let sums = self.sums(table, &batch).await?;
            for (range, sums) in batch.into_iter().zip(sums) {
                told(sums.here.rows);
                let settled = match sums.equal() {
                    true => sums,
                    false => self.settle(table, range).await?,
                };
                total = total.and(settled);
            }
        }
    }

    /// Compares all tables.
    async fn all(
        &mut self,
        persistence: Persistence,
        progress: &dyn Progress,
    ) -> Result<Vec<TableProof>> {
        let tables = tables::on_both(self.pair, persistence, &mut self.found).await?;
        let total: u64 = tables.iter().map(|table| table.rows).sum();
        let mut done = 0;
        let mut proofs = Vec::with_capacity(tables.len());
        for table in &tables {
            let mut told = |rows| {
                done += rows;
                progress.advanced(done, Some(total.max(done)), "rows");
            };
            let sums = self.table(table, &mut told).await?;
            proofs.push(proof(&table.name, sums));
        }
        Ok(proofs)
    }

    /// Fails with everything that was found.
    fn require_none(&self) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        Err(self.found.error(&self.pair.source.name, &self.pair.target.name))
    }
}

/// The hash that says the same of the same row on both sides.
async fn hash_for(pair: &Pair) -> Result<Hash> {
    let sql = "SELECT current_setting('server_encoding')";
    let encodings = (
        pair.source.texts("read the encoding", sql, &[]).await?,
        pair.target.texts("read the encoding", sql, &[]).await?,
    );
    if encodings.0 != encodings.1 {
        return Ok(Hash::Md5Utf8);
    }
    let source = catalog::major_version(&pair.source).await?;
    let target = catalog::major_version(&pair.target).await?;
    Ok(if source == target { Hash::Extended } else { Hash::Md5 })
}

/// Compares every row while the source changes and the stream flows. Fails with `rows_differ`,
/// naming every difference that was found.
pub async fn streaming(
    pair: &Pair,
    stream: &str,
    pace: &Pace,
    progress: &dyn Progress,
) -> Result<VerifyOutput> {
    let mut comparison = Comparison::of(pair, Some(stream), pace).await?;
    let tables = comparison.all(Persistence::Logged, progress).await?;
    comparison.require_none()?;
    Ok(VerifyOutput { tables, hot: comparison.hot, cost: pace.cost() })
}

/// Compares every row of two databases, and says all that is different. `stream` is one that
/// flows from the first to the second, if there is one. Changes nothing.
pub async fn alone(
    pair: &Pair,
    stream: Option<&str>,
    pace: &Pace,
    progress: &dyn Progress,
) -> Result<Verdict> {
    let mut comparison = Comparison::of(pair, stream, pace).await?;
    // What is not logged is in no stream.
    let persistence = if stream.is_some() { Persistence::Logged } else { Persistence::Any };
    let tables = comparison.all(persistence, progress).await?;
    let Comparison { found, hot, .. } = comparison;
    Ok(Verdict {
        equal: found.is_empty() && hot.is_empty(),
        tables,
        differences: found.named,
        differences_left_out: found.left_out,
        changing: hot,
        cost: pace.cost(),
    })
}

/// Compares hot ranges once more, when nothing writes, and adds them to what was proven before.
pub async fn recheck(pair: &Pair, verified: &VerifyOutput) -> Result<Vec<TableProof>> {
    let mut proofs = verified.tables.clone();
    if verified.hot.is_empty() {
        return Ok(proofs);
    }
    let pace = Pace::full();
    let mut comparison = Comparison::of(pair, None, &pace).await?;
    let known = tables::on_both(pair, Persistence::Logged, &mut comparison.found).await?;
    for range in &verified.hot {
        let Some(table) = known.iter().find(|table| table.name == range.table) else { continue };
        let mut sums = comparison.sums_of(table, range).await?;
        if !sums.equal() {
            sums = comparison.settle(table, range.clone()).await?;
        }
        if let Some(found) = proofs.iter_mut().find(|found| found.name == range.table) {
            add(found, sums);
        }
    }
    comparison.require_none()?;
    Ok(proofs)
}

/// Compares tables once more whose columns were changed, or that are new, while a stream flows:
/// what is proven of them takes the place of what was. Fails with `rows_differ`.
pub async fn again(
    pair: &Pair,
    stream: &str,
    names: &BTreeSet<String>,
    verified: &mut VerifyOutput,
    pace: &Pace,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut comparison = Comparison::of(pair, Some(stream), pace).await?;
    let known = tables::on_both(pair, Persistence::Logged, &mut comparison.found).await?;
    verified.tables.retain(|proof| known.iter().any(|table| table.name == proof.name));
    for table in known.iter().filter(|table| names.contains(&table.name)) {
        let sums = comparison.table(table, &mut |_| {}).await?;
        verified.tables.retain(|proof| proof.name != table.name);
        verified.tables.push(proof(&table.name, sums));
    }
    comparison.require_none()?;
    verified.hot.retain(|range| !names.contains(&range.table));
    verified.hot.extend(comparison.hot);
    verified.tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(())
}

/// Compares some ranges while a stream flows; those that go on changing are left out. Fails with
/// `rows_differ`.
pub async fn hot(
    pair: &Pair,
    stream: &str,
    ranges: &[KeyRange],
    pace: &Pace,
) -> Result<Vec<TableProof>> {
    let mut comparison = Comparison::of(pair, Some(stream), pace).await?;
    let known = tables::on_both(pair, Persistence::Logged, &mut comparison.found).await?;
    let mut proofs = Vec::new();
    for table in &known {
        let mut total = Sums::default();
        let of_table = ranges.iter().filter(|range| range.table == table.name);
        for range in of_table.take(HOT_LOOKS) {
            total = total.and(comparison.settle(table, range.clone()).await?);
        }
        if total != Sums::default() {
            proofs.push(proof(&table.name, total));
        }
    }
    comparison.require_none()?;
    Ok(proofs)
}

/// Compares unlogged tables, when nothing writes. Fails with `rows_differ`.
pub async fn unlogged(pair: &Pair) -> Result<Vec<TableProof>> {
    let pace = Pace::full();
    let mut comparison = Comparison::of(pair, None, &pace).await?;
    let proofs = comparison.all(Persistence::Unlogged, &Silent).await?;
    comparison.require_none()?;
    Ok(proofs)
}

fn add(proof: &mut TableProof, sums: Sums) {
    let chained =
        |before: &str, sum: Sum| hex::encode(Sha256::digest(before.to_owned() + &sum.digest()));
    proof.rows += sums.here.rows;
    proof.digest_source = chained(&proof.digest_source, sums.here);
    proof.digest_target = chained(&proof.digest_target, sums.there);
    proof.equal = proof.digest_source == proof.digest_target;
}

fn proof(name: &str, Sums { here, there }: Sums) -> TableProof {
    let (digest_source, digest_target) = (here.digest(), there.digest());
    let equal = digest_source == digest_target;
    TableProof { name: name.to_owned(), rows: here.rows, digest_source, digest_target, equal }
}
