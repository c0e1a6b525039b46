//! The text of documents in pieces that can be searched and cited.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use trefoil_clouds::Result;
use trefoil_clouds::database::{Database, Row, Transaction, failed};

/// The longest passage, in bytes: a few sentences, so that what is cited can be read at a glance.
const PASSAGE_MAX_BYTES: usize = 1_000;
/// How many passages of a document are searched: the first megabyte of its text.
const PASSAGES_MAX: usize = 1_000;

const DELETE: &str = "DELETE FROM passages WHERE document = $1";
const INSERT: &str = "INSERT INTO passages (document, number, text, words) \
    SELECT $1, number, text, to_tsvector('english', text) \
    FROM unnest($2::text[]) WITH ORDINALITY AS passage (text, number)";
/// One word of the question is enough; those passages are first that have more of them.
const SEARCH: &str = "\
    WITH asked AS ( \
        SELECT replace(plainto_tsquery('english', $1)::text, ' & ', ' | ')::tsquery AS query) \
    SELECT document, number, text FROM passages, asked WHERE words @@ asked.query \
    ORDER BY ts_rank(words, asked.query) DESC, document, number LIMIT $2";

/// A passage that was found.
pub(crate) struct Passage {
    /// The document's identifier.
    pub(crate) document: String,
    /// Its place in the document, from 1 on.
    pub(crate) number: i32,
    /// The text.
    pub(crate) text: String,
}

/// The passages of a document; none when it is not text in UTF-8.
pub(crate) fn passages(headers: &HeaderMap, content: &[u8]) -> Vec<String> {
    match is_text(headers).then(|| std::str::from_utf8(content)) {
        // PostgreSQL's text holds every character but this one.
        Some(Ok(text)) => split(&text.replace('\0', " ")),
        _ => Vec::new(),
    }
}

/// Writes a document's passages in place of those that it had.
pub(crate) async fn store(
    transaction: &Transaction<'_>,
    document: &str,
    passages: &[String],
) -> Result<()> {
    delete(transaction, document).await?;
    if !passages.is_empty() {
        transaction.execute(INSERT, &[&document, &passages]).await.map_err(failed)?;
    }
    Ok(())
}

/// Deletes a document's passages.
pub(crate) async fn delete(transaction: &Transaction<'_>, document: &str) -> Result<()> {
    transaction.execute(DELETE, &[&document]).await.map(drop).map_err(failed)
}

/// The passages that share most words with a question, at most `limit`.
pub(crate) async fn search(
    database: &Database,
    question: &str,
    limit: i64,
) -> Result<Vec<Passage>> {
    let question = question.replace('\0', " ");
    let rows = database.query(SEARCH, &[&question, &limit]).await?;
    let passage =
        |row: &Row| Passage { document: row.get(0), number: row.get(1), text: row.get(2) };
    Ok(rows.iter().map(passage).collect())
}

fn is_text(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default().to_ascii_lowercase();
    let mut parts = media.split(';').map(str::trim);
    let is_text = parts.next().is_some_and(|media| media.starts_with("text/"));
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    let charset = charset.map(|charset| charset.trim_matches('"'));
    is_text && charset.is_none_or(|charset| ["utf-8", "utf8", "us-ascii"].contains(&charset))
}

/// The passages of a text: whole paragraphs as far as they fit, else whole words.
fn split(text: &str) -> Vec<String> {
    let mut passages = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && passages.len() < PASSAGES_MAX {
        let (passage, after) = rest.split_at(end_of_passage(rest));
        passages.push(passage.trim_end().to_owned());
        rest = after.trim_start();
    }
    passages
}

fn end_of_passage(text: &str) -> usize {
    if text.len() <= PASSAGE_MAX_BYTES {
        return text.len();
    }
    let fits = &text[..text.floor_char_boundary(PASSAGE_MAX_BYTES)];
    let sentence = [". ", ".\n", "! ", "? "].iter().filter_map(|mark| fits.rfind(mark)).max();
    fits.rfind("\n\n")
        .or(sentence.map(|at| at + 1))
        .or_else(|| fits.rfind(char::is_whitespace))
        .filter(|at| *at > 0)
        .unwrap_or(fits.len())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(media: &'static str, content: &[u8]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        passages(&headers, content)
    }

    #[test]
    fn only_text_in_utf8_has_passages() {
        for media in ["text/plain", "Text/Markdown; charset=\"UTF-8\"", "text/x;a=b;charset=utf8"] {
            assert_eq!(of(media, "  Grüße\0 \n".as_bytes()), ["Grüße"], "{media}");
        }
        for media in ["application/json", "image/png", "text/plain; charset=iso-8859-1", ""] {
            assert!(of(media, b"words").is_empty(), "{media}");
        }
        assert!(of("text/plain", b"\xff\xfe").is_empty());
        assert!(of("text/plain", b" \n ").is_empty());
        assert!(passages(&HeaderMap::new(), b"words").is_empty());
    }

    #[test]
    fn passages_are_short_and_together_the_text() {
        let paragraph = format!("{} end.", "Some words are here. ".repeat(20));
        let text = [paragraph.as_str(); 7].join("\n\n");
        let found = split(&text);
        assert_eq!(found.len(), 4, "two paragraphs fit, three do not");
        assert_eq!(found.join("\n\n"), text);
        for text in ["日本".repeat(1_000), "a b ".repeat(1_000), ". ".repeat(2_000)] {
            let found = split(&text);
            assert!(found.iter().all(|one| (1..=PASSAGE_MAX_BYTES).contains(&one.len())));
            let plain = |text: &str| text.replace(' ', "");
            assert_eq!(plain(&found.concat()), plain(&text));
        }
        assert_eq!(split(&"word ".repeat(1_000_000)).len(), PASSAGES_MAX);
    }
}
