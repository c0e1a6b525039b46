//! Comparing every row of two databases, while one of them changes or while nothing does.
//!
//! A table is compared in ranges of its primary key. The source is read first, then the target has
//! to confirm everything that the source had written by then, then the target is read. A range that
//! differs is read again; one that goes on differing is cut down to its rows. A row of the source
//! that stays as it is while the target's differs is a fault. Ranges whose rows change all the time
//! are hot: they are compared once more during the switch, when nothing writes.

mod ranges;
mod rows;

use sha2::{Digest, Sha256};
use trefoil_core::plan::{KeyRange, TableProof, VerifyOutput};

use super::catalog::{self, Table};
use super::connect::Pair;
use super::lag;
use crate::engine::Progress;
use crate::{Error, Result};
use ranges::{Hash, Sum};

/// Rows of a range at first: large enough that one query is worth its way, small enough to be read
/// again: 0.12 s on the machine where this was measured.
pub const RANGE_ROWS: i64 = 50_000;
/// How many ranges are read on one side before the other is asked.
const BATCH: usize = 8;
/// How often a differing range is read before it is cut.
const ATTEMPTS: u32 = 3;
/// Into how many parts a range is cut.
const CUT: i64 = 10;
/// Ranges of this many rows are compared row by row.
const ROWS_MAX: i64 = 500;

/// What is compared, and how the target is brought to where the source was read.
struct Comparison<'a> {
    pair: &'a Pair,
    /// The stream that flows; `None` when nothing writes.
    stream: Option<&'a str>,
    hash: Hash,
}

/// How a range compares.
struct Settled {
    /// The sum of what is the same on both sides.
    equal: Sum,
    /// What changes too fast.
    hot: Vec<KeyRange>,
}

impl Comparison<'_> {
    async fn of<'a>(pair: &'a Pair, stream: Option<&'a str>) -> Result<Comparison<'a>> {
        let source = catalog::major_version(&pair.source).await?;
        let target = catalog::major_version(&pair.target).await?;
        let hash = if source == target { Hash::Extended } else { Hash::Md5 };
        Ok(Comparison { pair, stream, hash })
    }

    /// Waits until the target has all that the source had written by now.
    async fn align(&self) -> Result<()> {
        match self.stream {
            Some(stream) => lag::catch_up(self.pair, stream, &|_| {}).await,
            None => Ok(()),
        }
    }

    /// How often a difference is looked at: when nothing writes, once is enough.
    fn attempts(&self) -> u32 {
        if self.stream.is_some() { ATTEMPTS } else { 1 }
    }

    /// The sums of ranges on both sides, the source's first.
    async fn sums(&self, table: &Table, ranges: &[KeyRange]) -> Result<Vec<(Sum, Sum)>> {
        let mut here = Vec::with_capacity(ranges.len());
        for range in ranges {
            here.push(ranges::sum(&self.pair.source, table, range, self.hash).await?);
        }
        self.align().await?;
        let mut both = Vec::with_capacity(ranges.len());
        for (range, here) in ranges.iter().zip(here) {
            let there = ranges::sum(&self.pair.target, table, range, self.hash).await?;
            both.push((here, there));
        }
        Ok(both)
    }

    /// Compares a range that differed once.
    async fn settle(&self, table: &Table, range: KeyRange, size: i64) -> Result<Settled> {
        let mut equal = Sum::default();
        let mut hot = Vec::new();
        let mut waiting = vec![(range, size)];
        while let Some((range, size)) = waiting.pop() {
            if let Some(sum) = self.again(table, &range).await? {
                equal = equal.and(sum);
                continue;
            }
            if !table.ordered || table.key.is_empty() {
                hot.push(self.whole(table, range).await?);
            } else if size <= ROWS_MAX {
                rows::compare(self, table, &range).await?;
                hot.push(range);
            } else {
                let size = (size / CUT).max(ROWS_MAX);
                let parts = ranges::cut(&self.pair.source, table, &range, size).await?;
                waiting.extend(parts.into_iter().map(|part| (part, size)));
            }
        }
        Ok(Settled { equal, hot })
    }

    /// Reads a range again, a few times; its sum when it is equal.
    async fn again(&self, table: &Table, range: &KeyRange) -> Result<Option<Sum>> {
        for _ in 0..self.attempts() {
            let sums = self.sums(table, std::slice::from_ref(range)).await?;
            if let Some((here, there)) = sums.first()
                && here == there
            {
                return Ok(Some(*here));
            }
        }
        Ok(None)
    }

    /// A table that cannot be cut: a fault when the source is the same before and after the target
    /// was read, and the target differs. While a stream flows it has to be seen twice in a row: a
    /// change could have been made and taken back in between.
    async fn whole(&self, table: &Table, range: KeyRange) -> Result<KeyRange> {
        let needed = if self.stream.is_some() { 2 } else { 1 };
        let (mut seen, mut last) = (0, None::<(Sum, Sum)>);
        for _ in 0..=self.attempts() {
            let sums = self.sums(table, std::slice::from_ref(&range)).await?;
            let Some((here, there)) = sums.first().copied() else { break };
            let fault = last.filter(|(before, between)| *before == here && *between != here);
            seen = if fault.is_some() { seen + 1 } else { 0 };
            if let Some((before, between)) = fault.filter(|_| seen >= needed) {
                let why = format!("{} rows against {}", before.rows, between.rows);
                return Err(self.differ(table, &range, &[why]));
            }
            last = Some((here, there));
        }
        Ok(range)
    }

    fn differ(&self, table: &Table, range: &KeyRange, rows: &[String]) -> Error {
        let key = |key: &Option<Vec<String>>, end: &str| match key {
            Some(key) => format!("({})", key.join(", ")),
            None => end.to_owned(),
        };
        let why = format!(
            "{} differs between {} and {}, keys after {} up to {}: {}",
            table.name,
            self.pair.source.name,
            self.pair.target.name,
            key(&range.from, "the beginning"),
            key(&range.to, "the end"),
            rows.join("; ")
        );
        Error::failed("rows_differ", why)
    }
}

/// The same tables on both sides, or a refusal.
async fn tables(pair: &Pair) -> Result<Vec<Table>> {
    let (here, there) =
        futures::future::try_join(catalog::tables(&pair.source), catalog::tables(&pair.target))
            .await?;
    let (names, others) = (catalog::names(&here), catalog::names(&there));
    let odd = names.iter().find(|name| !others.contains(name));
    if let Some(odd) = odd.or(others.iter().find(|name| !names.contains(name))) {
        let why = format!("{odd} is only on one of {} and {}", pair.source.name, pair.target.name);
        return Err(Error::failed("rows_differ", why));
    }
    Ok(here)
}

/// Compares every row while the source changes and the stream flows. Fails with `rows_differ`,
/// naming table, range and first rows.
pub async fn streaming(pair: &Pair, stream: &str, progress: &dyn Progress) -> Result<VerifyOutput> {
    compare(&Comparison::of(pair, Some(stream)).await?, progress).await
}

/// Compares every row while nothing writes. Fails as [`streaming`] does.
pub async fn still(pair: &Pair, progress: &dyn Progress) -> Result<Vec<TableProof>> {
    let output = compare(&Comparison::of(pair, None).await?, progress).await?;
    match output.hot.first() {
        None => Ok(output.tables),
        Some(hot) => {
            let why = format!("{} changes while it is compared", hot.table);
            Err(Error::failed("still_changing", why))
        }
    }
}

async fn compare(comparison: &Comparison<'_>, progress: &dyn Progress) -> Result<VerifyOutput> {
    let tables = tables(comparison.pair).await?;
    let total: u64 = tables.iter().map(|table| table.rows).sum();
    let mut output = VerifyOutput::default();
    let mut done = 0;
    for table in &tables {
        let mut told = |rows| {
            done += rows;
            progress.advanced(done, Some(total.max(done)), "rows");
        };
        let (sum, hot) = one_table(comparison, table, &mut told).await?;
        output.tables.push(proof(&table.name, sum, sum));
        output.hot.extend(hot);
    }
    Ok(output)
}

async fn one_table(
    comparison: &Comparison<'_>,
    table: &Table,
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<(Sum, Vec<KeyRange>)> {
    let (mut equal, mut hot) = (Sum::default(), Vec::new());
    let mut walk = ranges::Walk::of(table, RANGE_ROWS);
    loop {
        let batch = walk.next(&comparison.pair.source, BATCH).await?;
        if batch.is_empty() {
            return Ok((equal, hot));
        }
        let sums = comparison.sums(table, &batch).await?;
        for (range, (here, there)) in batch.into_iter().zip(sums) {
            told(here.rows);
            if here == there {
                equal = equal.and(here);
                continue;
            }
            let settled = comparison.settle(table, range, RANGE_ROWS).await?;
            equal = equal.and(settled.equal);
            hot.extend(settled.hot);
        }
    }
}

/// Compares hot ranges once more, when nothing writes, and adds them to what was proven before.
pub async fn recheck(pair: &Pair, verified: &VerifyOutput) -> Result<Vec<TableProof>> {
    let comparison = Comparison::of(pair, None).await?;
    let known = if verified.hot.is_empty() { vec![] } else { tables(pair).await? };
    let mut proofs = verified.tables.clone();
    for range in &verified.hot {
        let Some(table) = known.iter().find(|table| table.name == range.table) else {
            let why = format!("{} is gone since it was compared", range.table);
            return Err(Error::failed("rows_differ", why));
        };
        let Some(sum) = comparison.again(table, range).await? else {
            rows::compare(&comparison, table, range).await?;
            return Err(comparison.differ(table, range, &["the sums differ".to_owned()]));
        };
        if let Some(found) = proofs.iter_mut().find(|found| found.name == range.table) {
            let digest = hex::encode(Sha256::digest(found.digest_source.clone() + &sum.digest()));
            found.rows += sum.rows;
            found.digest_source.clone_from(&digest);
            found.digest_target = digest;
        }
    }
    Ok(proofs)
}

fn proof(name: &str, here: Sum, there: Sum) -> TableProof {
    let (digest_source, digest_target) = (here.digest(), there.digest());
    let equal = digest_source == digest_target;
    TableProof { name: name.to_owned(), rows: here.rows, digest_source, digest_target, equal }
}
