//! The answerer for places without a language model: PostgreSQL's full-text search picks those
//! sentences of the sources that share the most words with the question. It invents nothing, and
//! it says in every answer what it is.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};

use crate::Result;
use crate::chat::{
    Chat, ChatCapabilities, ChatDriver, ChatEnd, ChatEvent, ChatOptions, ChatRequest, ChatStream,
    Delivery, Finish, Source,
};
use crate::database::Database;

/// The name that it gives as its model's.
pub const MODEL: &str = "extractive";
/// How each of its answers begins.
pub const NOTICE: &str = "Extracted from the sources; this is not a language model.";
/// What it says instead when no sentence shares a word with the question.
pub const NOTHING_FOUND: &str = "No sentence of the sources shares a word with the question.";

/// How many sentences an answer has at most.
const SENTENCES_MAX: i64 = 3;
/// How many sentences are looked at.
const LOOKED_AT_MAX: usize = 2_000;

/// The sentences by how many of the question's words they have, then by PostgreSQL's own rank.
const RANK: &str = "\
    WITH asked AS ( \
        SELECT to_tsvector('english', $1) AS words, \
               replace(plainto_tsquery('english', $1)::text, ' & ', ' | ')::tsquery AS query), \
    said AS ( \
        SELECT number, to_tsvector('english', sentence) AS words \
        FROM unnest($2::text[]) WITH ORDINALITY AS all_of_them (sentence, number)) \
    SELECT said.number FROM said, asked WHERE said.words @@ asked.query \
    ORDER BY (SELECT count(*) FROM unnest(tsvector_to_array(said.words)) AS word \
              WHERE word = ANY (tsvector_to_array(asked.words))) DESC, \
             ts_rank(said.words, asked.query) DESC, said.number \
    LIMIT $3";

/// Answers with sentences of the sources.
struct Extractive {
    database: Database,
}

/// A chat that answers with sentences of the sources. The database only searches: nothing is
/// kept in it, and no table of it is read.
pub fn chat(database: Database, options: &ChatOptions) -> Chat {
    Chat::new(Arc::new(Extractive { database }), options)
}

#[async_trait]
impl ChatDriver for Extractive {
    fn capabilities(&self) -> ChatCapabilities {
        ChatCapabilities { streaming: false, token_counts: false, language_model: false }
    }

    async fn answer(&self, request: &ChatRequest, _: Delivery) -> Result<ChatStream> {
        let sentences: Vec<Sentence<'_>> =
            sentences(&request.sources).take(LOOKED_AT_MAX).collect();
        // PostgreSQL's text holds every character but this one.
        let question = request.last_words().replace('\0', " ");
        let texts: Vec<String> =
            sentences.iter().map(|sentence| sentence.text.replace('\0', " ")).collect();
        let rows = self.database.query(RANK, &[&question, &texts, &SENTENCES_MAX]).await?;
        let numbers = rows.iter().filter_map(|row| usize::try_from(row.get::<_, i64>(0)).ok());
        let mut found: Vec<usize> = numbers.collect();
        // The best were chosen; they are read in the order in which they were written.
        found.sort_unstable();
        let found = found.iter().filter_map(|number| sentences.get(number - 1));
        let events = events(found.map(Sentence::cited).collect());
        Ok(stream::iter(events.into_iter().map(Ok)).boxed())
    }

    async fn health(&self) -> Result<()> {
        self.database.health().await
    }
}

fn events(sentences: Vec<String>) -> Vec<ChatEvent> {
    let mut lines = vec![NOTICE.to_owned()];
    lines.extend(sentences.iter().map(|sentence| format!("\n{sentence}")));
    if sentences.is_empty() {
        lines.push(format!("\n{NOTHING_FOUND}"));
    }
    let end = ChatEnd { model: MODEL.to_owned(), finish: Finish::Complete, tokens: None };
    lines.into_iter().map(ChatEvent::Text).chain([ChatEvent::End(end)]).collect()
}

/// A sentence and the number of its source.
struct Sentence<'a> {
    source: usize,
    text: &'a str,
}

impl Sentence<'_> {
    fn cited(&self) -> String {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        format!("{} [{}]", words.join(" "), self.source)
    }
}

fn sentences(sources: &[Source]) -> impl Iterator<Item = Sentence<'_>> {
    let numbered = sources.iter().zip(1..);
    numbered.flat_map(|(source, number)| {
        split(&source.text).map(move |text| Sentence { source: number, text })
    })
}

/// The sentences of a text: they end at an empty line, or at a mark that white space follows.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let sentences = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at(end_of_sentence(rest));
        rest = after;
        Some(sentence.trim())
    });
    sentences.filter(|sentence| !sentence.is_empty())
}

fn end_of_sentence(text: &str) -> usize {
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        let ends = match letter {
            '\n' => matches!(before, '\n' | '.' | '!' | '?'),
            _ if letter.is_whitespace() => matches!(before, '.' | '!' | '?'),
            _ => matches!(before, '。' | '！' | '？'),
        };
        if ends {
            return at;
        }
        if letter != '\r' {
            before = letter;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_marks_and_empty_lines() {
        let text = "One is 1.5 mg. Two?\nThree\ngoes on\r\n\r\nFour! 一。二";
        let found: Vec<_> = split(text).collect();
        assert_eq!(found, ["One is 1.5 mg.", "Two?", "Three\ngoes on", "Four!", "一。", "二"]);
        assert_eq!(split(" \n\n \n").count(), 0);
    }

    #[test]
    fn an_answer_names_what_made_it_also_when_nothing_was_found() {
        for sentences in [vec![], vec!["A. [1]".to_owned()]] {
            let events = events(sentences);
            assert_eq!(events[0], ChatEvent::Text(NOTICE.to_owned()));
            assert!(events.len() >= 3, "{events:?}");
        }
    }
}
