//! Large objects: no stream carries them. They are copied before the switch and compared again in
//! it, when nothing writes; what changed is copied then.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use trefoil_core::plan::TableProof;

use super::connect::{Pair, Server};
use super::sql::{quote_ident, quote_literal};
use crate::{Error, Result};

/// The name under which they are in reports.
pub const NAME: &str = "large objects";
/// How many are looked at in one query.
const PAGE: i64 = 500;
/// How many bytes of one are carried at once.
const PIECE_BYTES: i32 = 1 << 20;

/// What one is: its content, who owns it and who has rights on it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    content: String,
    owner: String,
    rights: Vec<String>,
}

/// Makes the target's large objects the same as the source's, owners and rights included. Gives
/// the comparison that follows; what the source changes meanwhile makes it unequal.
pub async fn carry(pair: &Pair) -> Result<TableProof> {
    let mut after = None;
    loop {
        let here = page(&pair.source, after).await?;
        let last = here.keys().next_back().copied();
        let there = range(&pair.target, after, last).await?;
        for gone in there.keys().filter(|number| !here.contains_key(number)) {
            run(&pair.target, &format!("SELECT lo_unlink({gone})")).await?;
        }
        for (number, seen) in &here {
            match there.get(number) {
                Some(same) if same == seen => {}
                Some(other) if other.content == seen.content => {
                    give(&pair.target, *number, seen, Some(other)).await?;
                }
                other => {
                    if other.is_some() {
                        run(&pair.target, &format!("SELECT lo_unlink({number})")).await?;
                    }
                    copy(pair, *number).await?;
                    give(&pair.target, *number, seen, None).await?;
                }
            }
        }
        match last {
            Some(last) => after = Some(last),
            None => return compare(pair).await,
        }
    }
}

/// Compares all of them.
async fn compare(pair: &Pair) -> Result<TableProof> {
    let ((rows, here), (_, there)) =
        futures::future::try_join(digest(&pair.source), digest(&pair.target)).await?;
    let equal = here == there;
    Ok(TableProof { name: NAME.into(), rows, digest_source: here, digest_target: there, equal })
}

async fn digest(server: &Server) -> Result<(u64, String)> {
    let (mut rows, mut digest, mut after) = (0, Sha256::new(), None);
    loop {
        let page = page(server, after).await?;
        for (number, seen) in &page {
            digest.update(format!("{number} {seen:?}"));
        }
        rows += page.len() as u64;
        match page.keys().next_back() {
            Some(last) => after = Some(*last),
            None => return Ok((rows, hex::encode(digest.finalize()))),
        }
    }
}

/// The next ones behind a number.
async fn page(server: &Server, after: Option<i64>) -> Result<BTreeMap<i64, Seen>> {
    read(server, after, None, Some(PAGE)).await
}

/// All from behind a number up to and with another; to the end without one.
async fn range(
    server: &Server,
    after: Option<i64>,
    last: Option<i64>,
) -> Result<BTreeMap<i64, Seen>> {
    read(server, after, last, None).await
}

async fn read(
    server: &Server,
    after: Option<i64>,
    last: Option<i64>,
    limit: Option<i64>,
) -> Result<BTreeMap<i64, Seen>> {
    let sql = "SELECT m.oid::int8, md5(lo_get(m.oid)), m.lomowner::regrole::text,
                      coalesce((SELECT array_agg(x.privilege_type || ' ' || x.is_grantable || ' '
                                  || CASE x.grantee WHEN 0 THEN 'PUBLIC'
                                     ELSE x.grantee::regrole::text END ORDER BY 1)
                       FROM aclexplode(m.lomacl) x WHERE x.grantee <> m.lomowner), '{}')
               FROM pg_largeobject_metadata m
               WHERE m.oid::int8 > coalesce($1::int8, 0) AND ($2::int8 IS NULL OR m.oid::int8 <= $2)
               ORDER BY 1 LIMIT $3::int8";
    let rows = server.query("read large objects", sql, &[&after, &last, &limit]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let seen = Seen { content: row.get(1), owner: row.get(2), rights: row.get(3) };
            (row.get(0), seen)
        })
        .collect())
}

/// Copies a content piece by piece.
async fn copy(pair: &Pair, number: i64) -> Result<()> {
    run(&pair.target, &format!("SELECT lo_create({number})")).await?;
    let mut at: i64 = 0;
    loop {
        let sql = "SELECT lo_get($1::int8::oid, $2, $3)";
        let row =
            pair.source.one("read a large object", sql, &[&number, &at, &PIECE_BYTES]).await?;
        let piece: Vec<u8> = row.get(0);
        if piece.is_empty() {
            return Ok(());
        }
        let sql = "SELECT lo_put($1::int8::oid, $2, $3)";
        pair.target.query("write a large object", sql, &[&number, &at, &piece]).await?;
        at += i64::try_from(piece.len()).unwrap_or(i64::from(PIECE_BYTES));
    }
}

/// Gives owner and rights to a large object.
async fn give(target: &Server, number: i64, seen: &Seen, before: Option<&Seen>) -> Result<()> {
    let mut sql = format!("ALTER LARGE OBJECT {number} OWNER TO {};\n", role(&seen.owner));
    let grantee = |right: &str| right.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
    for right in before.map(|before| before.rights.as_slice()).unwrap_or_default() {
        let from = role(&grantee(right));
        sql.push_str(&format!("REVOKE ALL ON LARGE OBJECT {number} FROM {from};\n"));
    }
    for right in &seen.rights {
        let mut words = right.splitn(3, ' ');
        let (privilege, grantable) = (words.next().unwrap_or(""), words.next() == Some("true"));
        let option = if grantable { " WITH GRANT OPTION" } else { "" };
        let to = role(&grantee(right));
        sql.push_str(&format!("GRANT {privilege} ON LARGE OBJECT {number} TO {to}{option};\n"));
    }
    target.batch("give a large object to its owner", &sql).await
}

/// A role as `regrole` shows it is quoted already where it needs to be.
fn role(shown: &str) -> String {
    if shown == "PUBLIC" || shown.starts_with('"') { shown.to_owned() } else { quote_ident(shown) }
}

async fn run(target: &Server, sql: &str) -> Result<()> {
    target.batch("write large objects", sql).await
}

/// Refuses when they are not the same: said in the window, when nobody can change them.
pub fn require_equal(proof: &TableProof, pair: &Pair) -> Result<()> {
    if proof.equal {
        return Ok(());
    }
    let (source, target) = (quote_literal(&pair.source.name), quote_literal(&pair.target.name));
    let why = format!("large objects of {source} and {target} differ after they were copied");
    Err(Error::failed("rows_differ", why))
}
