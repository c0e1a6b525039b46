//! Asking before something is changed.

use std::io::IsTerminal;

use dialoguer::Confirm;

use crate::settings::Settings;
use crate::{Error, Result, interrupt};

/// Goes on only with `--yes` or a yes at the prompt. `question` says what will change.
///
/// Errors: `needs_yes` when there is nobody to ask, `declined` when the answer was no.
pub async fn confirm(settings: &Settings, question: &str) -> Result<()> {
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !must_ask(settings.yes, terminal)? {
        return Ok(());
    }
    let question = question.to_owned();
    let ask = move || Confirm::new().with_prompt(question).default(false).interact_opt();
    let answer = tokio::task::spawn_blocking(ask).await;
    match answer {
        Ok(Ok(Some(true))) => Ok(()),
        Ok(Ok(Some(false) | None)) => {
            Err(Error::failed("declined", "nothing was changed: the answer was no"))
        }
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(interrupt::interrupted())
        }
        Ok(Err(error)) => Err(Error::failed("prompt", "the prompt failed").because(error)),
        Err(error) => Err(Error::failed("prompt", "the prompt failed").because(error)),
    }
}

/// Whether the person has to be asked.
fn must_ask(yes: bool, terminal: bool) -> Result<bool> {
    match (yes, terminal) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => {
            Err(Error::usage("needs_yes", "this changes something, and nobody can be asked")
                .hint("look at what it would do, then add `--yes`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_yes_and_without_a_terminal_nothing_is_changed() {
        assert!(!must_ask(true, true).unwrap() && !must_ask(true, false).unwrap());
        assert!(must_ask(false, true).unwrap());
        let error = must_ask(false, false).unwrap_err();
        assert_eq!((error.code(), error.kind().exit_code()), ("needs_yes", 2));
        assert!(error.hint_text().unwrap().contains("--yes"));
    }
}
