//! Commands that have a name already and are not built yet.

use clap::CommandFactory;

use crate::Error;
use crate::args::Cli;

/// Whole commands, with what they will do.
const COMMANDS: &[(&str, &str)] = &[
    ("explain", "say where a line of a rendered file comes from"),
    ("import", "make a specification from files of other tools"),
    ("diff", "compare an environment with the specification"),
    ("deploy", "bring an environment of a real cloud up to date"),
    ("doctor", "find out why an environment cannot be used"),
    ("permissions", "list the rights that an environment needs"),
    ("backup", "make, check and restore backups"),
    ("watch", "watch over the active site"),
    ("status", "show which site is active, and how safe it is"),
    ("failover", "let the standby take over"),
    ("failback", "go back to the first site"),
    ("drill", "rehearse a failover"),
    ("runbook", "write down what to do in an emergency"),
    ("bench", "measure how fast a target is"),
    ("console", "show everything on one screen"),
];

/// The refusal of `word`, when it is one of these and stands where a command does: `before`, the
/// argument before it, is none.
pub fn refusal(before: Option<&str>, word: &str) -> Option<Error> {
    let (name, purpose) = COMMANDS.iter().find(|(name, _)| *name == word)?;
    if before.is_some_and(|before| Cli::command().find_subcommand(before).is_some()) {
        return None;
    }
    let message = format!("`trefoil {name}` ({purpose}) is not built yet in this version");
    Some(Error::usage("command_not_yet", message).hint(format!("there are: {}", there_are())))
}

/// The commands that exist, as the help shows them.
fn there_are() -> String {
    let cli = Cli::command();
    let shown = cli.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| command.get_name().to_owned()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_that_exists_is_refused() {
        for command in Cli::command().get_subcommands() {
            assert!(refusal(None, command.get_name()).is_none(), "{}", command.get_name());
        }
    }

    #[test]
    fn only_a_command_is_refused() {
        assert!(refusal(Some("--json"), "drill").unwrap().to_string().contains("trefoil drill"));
        assert!(refusal(Some("migrate"), "drill").is_none());
    }
}
