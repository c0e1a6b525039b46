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

/// Parts of commands that exist.
const PARTS: &[(&str, &str, &str)] =
    &[("migrate", "verify", "compare the data of two environments")];

/// The refusal of `word`, which stands behind `before` on the command line, if it is one of these.
pub fn refusal(before: &str, word: &str) -> Option<Error> {
    let part = PARTS.iter().find(|(group, name, _)| *group == before && *name == word);
    let (name, purpose) = match part {
        Some((group, name, purpose)) => (format!("{group} {name}"), *purpose),
        None => {
            let (name, purpose) = COMMANDS.iter().find(|(name, _)| *name == word)?;
            ((*name).to_owned(), *purpose)
        }
    };
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
            assert!(refusal("trefoil", command.get_name()).is_none(), "{}", command.get_name());
            for part in command.get_subcommands() {
                let found = PARTS.iter().any(|(group, name, _)| {
                    *group == command.get_name() && *name == part.get_name()
                });
                assert!(!found, "{} {}", command.get_name(), part.get_name());
            }
        }
    }

    #[test]
    fn a_part_is_refused_only_behind_its_command() {
        assert!(refusal("migrate", "verify").unwrap().to_string().contains("migrate verify"));
        assert!(refusal("trefoil", "verify").is_none());
    }
}
