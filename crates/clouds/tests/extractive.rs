//! The answerer on PostgreSQL's search behaves as every chat, also opened by URL.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use secrecy::SecretString;
use trefoil_clouds::chat::{Chat, ChatOptions, ChatRequest, Source};
use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::database::Database;
use trefoil_clouds::extractive::{self, MODEL, NOTHING_FOUND, NOTICE};

async fn fresh() -> Fixture<Chat> {
    let server = TestPostgres::shared();
    let url = SecretString::from(server.create_database("chat").await);
    let first = extractive::chat(Database::open(&url).unwrap(), &ChatOptions::default());
    Fixture { first, second: Chat::open(&url).unwrap(), keep: Box::new(server) }
}

trefoil_clouds::chat_conformance!(fresh);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sentences_that_share_most_words_are_cited_in_their_order() {
    let suite = fresh().await;
    let text = "Ibuprofen helps. Children take less ibuprofen. Sleep well. \
        Ibuprofen doses for children depend on weight. Weight is weighed. Children play.";
    let source = Source { name: "leaflet".into(), text: text.into() };
    let question = "Which dose of ibuprofen do children of what weight take?";
    let request = ChatRequest { sources: vec![source], ..ChatRequest::question(question) };
    let answer = suite.first.answer(&request).await.unwrap();
    assert_eq!(answer.end.model, MODEL);
    let expected = format!(
        "{NOTICE}\nIbuprofen helps. [1]\nChildren take less ibuprofen. [1]\n\
         Ibuprofen doses for children depend on weight. [1]"
    );
    assert_eq!(answer.text, expected);
    let stop_words = ChatRequest { sources: request.sources, ..ChatRequest::question("of the?") };
    let answer = suite.first.answer(&stop_words).await.unwrap();
    assert_eq!(answer.text, format!("{NOTICE}\n{NOTHING_FOUND}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_an_error_to_try_again() {
    let url = SecretString::from("postgresql://a:hidden@127.0.0.1:1/x");
    let error = Chat::open(&url).unwrap().answer(&ChatRequest::question("Why?")).await.unwrap_err();
    assert_eq!(error.code(), "database_unreachable");
    assert!(error.is_retryable() && !format!("{error:?}").contains("hidden"));
}
