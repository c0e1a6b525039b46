//! What is copied at once: tables, and parts of those that would keep everybody else waiting.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::Result;
use crate::movers::postgres::connect::Server;

/// Types of the server itself whose binary form is the same on every server of the versions that
/// are moved. Left out are those whose binary form holds numbers of objects (`regclass`), and
/// rare ones.
const PORTABLE: &[&str] = &[
    "bool",
    "bytea",
    "char",
    "name",
    "int2",
    "int4",
    "int8",
    "oid",
    "text",
    "bpchar",
    "varchar",
    "json",
    "jsonb",
    "float4",
    "float8",
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "varbit",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
];

/// Into what tables are divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// A smaller table is never divided.
    pub(super) divided_from_bytes: u64,
    /// A part of a table is about as large as this, or larger.
    pub(super) part_bytes: u64,
}

/// A table as the source has it.
#[derive(Debug)]
pub(super) struct Source {
    /// Schema-qualified and quoted where needed.
    pub(super) name: String,
    /// The columns that hold values of their own, as a list; generated ones are computed again.
    pub(super) columns: String,
    /// Whether values can travel in their binary form: arrays and composites of the application's
    /// own types hold numbers there that differ between servers.
    pub(super) binary: bool,
    /// Its columns in full: another text is another table.
    shape: String,
    /// The file that holds its rows; it changes when they are written anew.
    file: Option<u32>,
    bytes: u64,
    page_bytes: u64,
    /// How many of its parts are still to be copied.
    pub(super) parts_left: AtomicU64,
}

impl Source {
    /// Whether what was read of `self` may stand for the table as it is `now`, when `divided` by
    /// the places of its rows or not.
    pub(super) fn is_still(&self, now: &Source, divided: bool) -> bool {
        self.shape == now.shape && (!divided || self.file == now.file)
    }
}

/// A table, or the rows of it that lie between two pages.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) source: Arc<Source>,
    /// The first page, and the one behind the last; nothing where it is the whole table.
    pages: Option<(u64, Option<u64>)>,
}

impl Part {
    /// Whether it is not a whole table.
    pub(super) fn is_divided(&self) -> bool {
        self.pages.is_some()
    }

    /// The statement that reads it.
    pub(super) fn reading(&self) -> String {
        let Source { name, columns, .. } = &*self.source;
        let format = self.format();
        let Some((first, end)) = self.pages else {
            return format!("COPY (SELECT {columns} FROM ONLY {name}) TO STDOUT{format}");
        };
        let end = end.map(|end| format!(" AND ctid < '({end},0)'")).unwrap_or_default();
        format!(
            "COPY (SELECT {columns} FROM ONLY {name} WHERE ctid >= '({first},0)'{end}) \
             TO STDOUT{format}"
        )
    }

    /// The statement that writes it.
    pub(super) fn writing(&self) -> String {
        let Source { name, columns, .. } = &*self.source;
        let list = if columns.is_empty() { String::new() } else { format!(" ({columns})") };
        let how = match (self.source.binary, self.is_divided()) {
            (false, true) => "",
            (false, false) => " (FREEZE)",
            (true, true) => " (FORMAT binary)",
            (true, false) => " (FORMAT binary, FREEZE)",
        };
        format!("COPY {name}{list} FROM STDIN{how}")
    }

    fn format(&self) -> &'static str {
        if self.source.binary { " (FORMAT binary)" } else { "" }
    }
}

/// Reads what tables are like now. One that is gone has no columns.
pub(super) async fn read(server: &Server, tables: &[String]) -> Result<Vec<Source>> {
    let sql = "
        SELECT t.name,
               coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                        FILTER (WHERE a.attgenerated = ''), ''),
               coalesce(bool_and(k.typtype = 'e' OR b.typnamespace = 'pg_catalog'::regnamespace
                                 AND b.typname = ANY($2)) FILTER (WHERE a.attgenerated = ''), false),
               coalesce(string_agg(concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod,
                                             a.attgenerated), ', ' ORDER BY a.attnum), ''),
               pg_relation_filenode(to_regclass(t.name)),
               coalesce(pg_relation_size(to_regclass(t.name)), 0),
               current_setting('block_size')::int8
        FROM unnest($1::text[]) t(name)
        LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(t.name) AND a.attnum > 0
                                AND NOT a.attisdropped
        LEFT JOIN pg_type k ON k.oid = a.atttypid
        LEFT JOIN pg_type b ON b.oid = CASE WHEN k.typtype = 'd' THEN k.typbasetype
                                            WHEN k.typcategory = 'A' THEN k.typelem
                                            ELSE k.oid END
        GROUP BY t.name ORDER BY t.name";
    let rows = server.query("read what is to be copied", sql, &[&tables, &PORTABLE]).await?;
    let source = |row: &tokio_postgres::Row| Source {
        name: row.get(0),
        columns: row.get(1),
        binary: row.get(2),
        shape: row.get(3),
        file: row.get(4),
        bytes: row.get::<_, i64>(5).unsigned_abs(),
        page_bytes: row.get::<_, i64>(6).unsigned_abs(),
        parts_left: AtomicU64::new(1),
    };
    Ok(rows.iter().map(source).collect())
}

/// What is copied at once by so many, the largest first, so that none is alone at the end.
pub(super) fn of(mut sources: Vec<Source>, at_once: usize, sizes: Sizes) -> VecDeque<Part> {
    let all: u64 = sources.iter().map(|source| source.bytes).sum();
    // A table that is more than everybody's share would be copied alone in the end.
    let share = all / (at_once as u64).max(1);
    sources.sort_by_key(|source| std::cmp::Reverse(source.bytes));
    let mut parts = VecDeque::new();
    for mut source in sources {
        let number = match source.bytes > sizes.divided_from_bytes && source.bytes > share {
            true => source.bytes / sizes.part_bytes,
            false => 1,
        };
        *source.parts_left.get_mut() = number;
        divide(&Arc::new(source), number, &mut parts);
    }
    parts
}

fn divide(source: &Arc<Source>, number: u64, parts: &mut VecDeque<Part>) {
    if number < 2 {
        parts.push_back(Part { source: source.clone(), pages: None });
        return;
    }
    let pages = source.bytes / source.page_bytes;
    let begin = |n: u64| pages * n / number;
    for n in 0..number {
        // The last has no end: rows may have come since.
        let end = (n + 1 < number).then(|| begin(n + 1));
        parts.push_back(Part { source: source.clone(), pages: Some((begin(n), end)) });
    }
}
