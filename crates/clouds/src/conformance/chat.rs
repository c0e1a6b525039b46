//! What every chat does, whether a language model answers or not.

use futures::StreamExt;
use futures::future::join_all;

use super::Fixture;
use crate::chat::{
    Chat, ChatEnd, ChatEvent, ChatRequest, MESSAGES_MAX, Message, REQUEST_MAX_BYTES, Role,
    SOURCES_MAX, Source,
};

/// Makes one test of each behaviour of a chat.
#[macro_export]
macro_rules! chat_conformance {
    ($fresh:path) => {
        $crate::conformance_suite! { chat, $fresh,
            an_answer_has_text_and_names_who_answers
            a_stream_is_text_and_then_one_end
            pieces_come_one_by_one_when_declared
            tokens_are_counted_when_declared
            what_is_no_language_model_says_so_and_answers_from_its_sources
            a_question_without_sources_is_answered_without_error
            a_conversation_is_answered
            odd_characters_do_no_harm
            malformed_requests_are_refused
            answers_at_once_do_not_mix
            a_stream_that_is_dropped_harms_nothing
            the_chat_is_healthy
        }
    };
}

type Suite = Fixture<Chat>;

const DOSE: &str = "The usual dose of aspirin is 500 mg.";

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

fn about_aspirin() -> ChatRequest {
    let text = format!("Aspirin is old. {DOSE}\n\nIt was raining in Leverkusen.");
    let sources = vec![source("weather", "It rains."), source("aspirin", &text)];
    ChatRequest { sources, ..ChatRequest::question("What is the usual dose of aspirin?") }
}

async fn collect(chat: &Chat, request: &ChatRequest) -> (Vec<String>, Vec<ChatEnd>) {
    let mut events = chat.stream(request).await.expect("an answer begins");
    let (mut pieces, mut ends) = (Vec::new(), Vec::new());
    while let Some(event) = events.next().await {
        match event.expect("the answer goes on") {
            ChatEvent::Text(piece) => {
                assert!(ends.is_empty(), "text after the end");
                pieces.push(piece);
            }
            ChatEvent::End(end) => ends.push(end),
        }
    }
    (pieces, ends)
}

/// An answer has text, and the name of whoever answered.
pub async fn an_answer_has_text_and_names_who_answers(suite: &Suite) {
    let answer = suite.first.answer(&about_aspirin()).await.expect("an answer");
    assert!(!answer.text.trim().is_empty());
    assert!(!answer.end.model.is_empty());
}

/// A stream has pieces that are not empty, then exactly one end.
pub async fn a_stream_is_text_and_then_one_end(suite: &Suite) {
    let (pieces, ends) = collect(&suite.first, &about_aspirin()).await;
    assert!(!pieces.is_empty() && pieces.iter().all(|piece| !piece.is_empty()));
    assert_eq!(ends.len(), 1);
    let whole = suite.second.answer(&about_aspirin()).await.expect("an answer");
    assert_eq!(whole.end.model, ends[0].model);
}

/// Who declares streaming hands over more than one piece.
pub async fn pieces_come_one_by_one_when_declared(suite: &Suite) {
    if suite.first.capabilities().streaming {
        let (pieces, _) = collect(&suite.first, &about_aspirin()).await;
        assert!(pieces.len() > 1, "{pieces:?}");
    }
}

/// Who declares token counts gives them with both kinds of answers; others give none.
pub async fn tokens_are_counted_when_declared(suite: &Suite) {
    let declared = suite.first.capabilities().token_counts;
    let whole = suite.first.answer(&about_aspirin()).await.expect("an answer").end;
    let (_, ends) = collect(&suite.first, &about_aspirin()).await;
    for end in ends.iter().chain([&whole]) {
        assert_eq!(end.tokens.is_some(), declared);
        assert!(end.tokens.is_none_or(|tokens| tokens.prompt > 0 && tokens.answer > 0));
    }
}

/// Who is no language model says so in every answer, and cites the sentence that answers.
pub async fn what_is_no_language_model_says_so_and_answers_from_its_sources(suite: &Suite) {
    if suite.first.capabilities().language_model {
        return;
    }
    let answer = suite.first.answer(&about_aspirin()).await.expect("an answer");
    assert!(answer.text.contains("not a language model"), "{}", answer.text);
    assert!(answer.text.contains(&format!("{DOSE} [2]")), "{}", answer.text);
    assert!(!answer.text.contains("Leverkusen"), "{}", answer.text);
    let unknown = ChatRequest { messages: ask("Who won the race?"), ..about_aspirin() };
    let answer = suite.first.answer(&unknown).await.expect("an answer");
    assert!(answer.text.contains("not a language model"), "{}", answer.text);
    assert!(!answer.text.contains("Aspirin"), "{}", answer.text);
}

fn ask(question: &str) -> Vec<Message> {
    ChatRequest::question(question).messages
}

/// Sources are not needed.
pub async fn a_question_without_sources_is_answered_without_error(suite: &Suite) {
    let answer = suite.first.answer(&ChatRequest::question("Hello?")).await.expect("an answer");
    assert!(!answer.text.is_empty());
}

/// Earlier messages and those of the application may be there.
pub async fn a_conversation_is_answered(suite: &Suite) {
    let said = |role, content: &str| Message { role, content: content.to_owned() };
    let mut request = about_aspirin();
    let before = [
        said(Role::System, "Be brief."),
        said(Role::User, "Hello."),
        said(Role::Assistant, "Hello."),
    ];
    request.messages.splice(0..0, before);
    request.max_tokens = Some(1_000);
    assert!(!suite.first.answer(&request).await.expect("an answer").text.is_empty());
}

/// Characters of all kinds, those of SQL, JSON and search among them, are text.
pub async fn odd_characters_do_no_harm(suite: &Suite) {
    let odd = "'; -- \\ \" & | ! ( ) <-> :* \0 \u{1} 日本 🍀 \r\n\n data: [DONE]\n\n";
    let sources = vec![source(odd, odd), source("", "")];
    let request = ChatRequest { sources, ..ChatRequest::question(format!("aspirin {odd}")) };
    suite.first.answer(&request).await.expect("an answer");
    let (_, ends) = collect(&suite.first, &request).await;
    assert_eq!(ends.len(), 1);
}

/// What is no request is refused before anything is asked.
pub async fn malformed_requests_are_refused(suite: &Suite) {
    let with = |change: fn(&mut ChatRequest)| {
        let mut request = about_aspirin();
        change(&mut request);
        request
    };
    for request in [
        with(|request| request.messages.clear()),
        with(|request| request.messages[0].content = " \n".to_owned()),
        with(|request| request.messages[0].role = Role::Assistant),
        with(|request| request.max_tokens = Some(0)),
        with(|request| request.sources = vec![source("a", "b"); SOURCES_MAX + 1]),
        with(|request| request.messages = vec![ask("a")[0].clone(); MESSAGES_MAX + 1]),
        with(|request| request.sources[0].text = "a".repeat(REQUEST_MAX_BYTES)),
    ] {
        let error = suite.first.answer(&request).await.expect_err("it is refused");
        assert_eq!(error.code(), "chat_request", "{error}");
        let error = suite.first.stream(&request).await.err().expect("it is refused");
        assert_eq!(error.code(), "chat_request", "{error}");
    }
}

/// Several people ask at once, and each has an answer of its own.
pub async fn answers_at_once_do_not_mix(suite: &Suite) {
    let ask = |n: usize| {
        let chat = if n.is_multiple_of(2) { suite.first.clone() } else { suite.second.clone() };
        let sources = vec![source("one", &format!("Patient{n} sleeps."))];
        let request =
            ChatRequest { sources, ..ChatRequest::question(format!("How is Patient{n}?")) };
        async move { (n, chat.answer(&request).await) }
    };
    for (n, answer) in join_all((0..8).map(ask)).await {
        let text = answer.expect("an answer").text;
        let others = (0..8).filter(|other| *other != n);
        for other in others {
            assert!(!text.contains(&format!("Patient{other}")), "{n}: {text}");
        }
    }
}

/// Who turns away in the middle leaves the chat as it was.
pub async fn a_stream_that_is_dropped_harms_nothing(suite: &Suite) {
    for _ in 0..5 {
        let mut events = suite.first.stream(&about_aspirin()).await.expect("an answer begins");
        assert!(events.next().await.expect("an event").is_ok());
    }
    suite.first.answer(&about_aspirin()).await.expect("an answer");
}

/// A chat that can be used says so.
pub async fn the_chat_is_healthy(suite: &Suite) {
    suite.first.health().await.expect("it is healthy");
}
