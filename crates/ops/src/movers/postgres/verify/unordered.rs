//! Comparing a table that cannot be cut into ranges: as a set of rows in which a row may be there
//! several times.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use trefoil_core::plan::KeyRange;

use super::Comparison;
use super::differences::{Difference, Kind, NAMED_MAX};
use super::pace::Side;
use super::ranges::key_texts;
use super::tables::Compared;
use crate::Result;
use crate::movers::postgres::connect::Server;

/// Groups that are fetched from a server at once.
const FETCH: i64 = 2_000;

/// Rows of one content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    hash: i64,
    rows: u64,
    /// Where one of them is.
    place: String,
}

/// A content that is there in different numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Odd {
    here: u64,
    there: u64,
    /// Where one is, on the side that has more.
    place: String,
}

/// Notes the contents of which one side has more rows, twice while the source changes. Whether there
/// are any.
pub(super) async fn compare(
    comparison: &mut Comparison<'_>,
    table: &Compared,
    range: &KeyRange,
) -> Result<bool> {
    let mut odd = round(comparison, table).await?;
    if comparison.stream.is_some() && !odd.is_empty() {
        comparison.source_shows().await?;
        let again = round(comparison, table).await?;
        odd.retain(|hash, one| {
            again.get(hash).is_some_and(|two| (two.here, two.there) == (one.here, one.there))
        });
    }
    for one in odd.values() {
        let difference = describe(comparison, table, range, one).await?;
        comparison.found.add(difference);
    }
    Ok(!odd.is_empty())
}

async fn describe(
    comparison: &Comparison<'_>,
    table: &Compared,
    range: &KeyRange,
    odd: &Odd,
) -> Result<Difference> {
    let Odd { here, there, place } = odd;
    let more_here = here > there;
    let key = match table.key.is_empty() {
        true => None,
        false => {
            let server = if more_here { &comparison.pair.source } else { &comparison.pair.target };
            key_at(server, table, place).await?
        }
    };
    let of_table = Difference::of_table(&table.name, Kind::Count, None);
    Ok(match key {
        Some(key) => {
            let kind = if more_here { Kind::RowMissing } else { Kind::RowExtra };
            Difference::of_row(range, kind, &key)
        }
        None => Difference {
            place: Some(place.clone()),
            rows: Some((*here, *there)),
            range: Some(range.clone()),
            ..of_table
        },
    })
}

async fn key_at(server: &Server, table: &Compared, place: &String) -> Result<Option<Vec<String>>> {
    let sql = format!(
        "SELECT {} FROM ONLY {} AS trefoil_row WHERE ctid = $1::text::tid",
        key_texts(table),
        table.name
    );
    let rows = server.query(&format!("read {}", table.name), &sql, &[place]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// One pass over both sides, which give their groups in the same order: the first differences.
async fn round(comparison: &Comparison<'_>, table: &Compared) -> Result<BTreeMap<i64, Odd>> {
    let mut here = Groups::open(comparison, Side::Source, table).await?;
    comparison.align().await?;
    let mut there = Groups::open(comparison, Side::Target, table).await?;
    let mut odd = BTreeMap::new();
    while odd.len() < NAMED_MAX {
        let order = match (here.first(comparison).await?, there.first(comparison).await?) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.hash.cmp(&other.hash),
        };
        let one = if order == Ordering::Greater { None } else { here.take() };
        let other = if order == Ordering::Less { None } else { there.take() };
        let rows = |group: &Option<Group>| group.as_ref().map_or(0, |group| group.rows);
        let (here, there) = (rows(&one), rows(&other));
        let more = if here > there { one } else { other };
        if let Some(Group { hash, place, .. }) = more.filter(|_| here != there) {
            odd.insert(hash, Odd { here, there, place });
        }
    }
    Ok(odd)
}

/// The groups of one side, in the order of their hashes, a page at a time: the server sorts them
/// on its disk, and a page is all that is held here.
struct Groups {
    server: Server,
    side: Side,
    page: VecDeque<Group>,
    ended: bool,
    what: String,
}

impl Groups {
    /// A session of its own: what is read is as it was when this was opened.
    async fn open(comparison: &Comparison<'_>, side: Side, table: &Compared) -> Result<Groups> {
        let known = match side {
            Side::Source => &comparison.pair.source,
            Side::Target => &comparison.pair.target,
        };
        let server = Server::connect(&known.name, &known.admin).await?.patient().await?;
        let what = format!("read {}", table.name);
        let sql = format!(
            "BEGIN READ ONLY;
             SET LOCAL idle_in_transaction_session_timeout = 0;
             DECLARE trefoil_groups NO SCROLL CURSOR FOR
             SELECT hash, count(*), min(place)::text
             FROM (SELECT {} AS hash, trefoil_row.ctid AS place
                   FROM ONLY {} AS trefoil_row) hashed
             GROUP BY hash ORDER BY hash",
            comparison.hash.of_row(table),
            table.name
        );
        server.batch(&what, &sql).await?;
        Ok(Groups { server, side, page: VecDeque::new(), ended: false, what })
    }

    async fn first(&mut self, comparison: &Comparison<'_>) -> Result<Option<&Group>> {
        if self.page.is_empty() && !self.ended {
            let sql = format!("FETCH {FETCH} FROM trefoil_groups");
            let fetch = self.server.query(&self.what, &sql, &[]);
            let rows = comparison.pace.spend(self.side, fetch).await?;
            self.ended = rows.is_empty();
            self.page = rows
                .iter()
                .map(|row| Group {
                    hash: row.get(0),
                    rows: row.get::<_, i64>(1).unsigned_abs(),
                    place: row.get(2),
                })
                .collect();
        }
        Ok(self.page.front())
    }

    fn take(&mut self) -> Option<Group> {
        self.page.pop_front()
    }
}
