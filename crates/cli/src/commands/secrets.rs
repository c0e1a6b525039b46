//! `trefoil secrets`: the secrets of an environment. A value is read from stdin or asked for
//! without an echo; it is never an argument, and nothing prints it.

use std::io::{IsTerminal, Read};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;
use trefoil_clouds::secrets::{RESERVED_PREFIX, Secrets, VALUE_MAX_BYTES};

use crate::args::{SecretArgs, SecretsCommand};
use crate::{Cx, Error, ExitStatus, Result, interrupt};

/// What `secrets set` and `secrets delete` answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Named<'a> {
    /// The environment.
    environment: &'a str,
    /// The secret's name.
    name: &'a str,
}

/// What `secrets list` answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed<'a> {
    /// The environment.
    environment: &'a str,
    /// The secrets' names, never their values.
    names: Vec<String>,
}

/// Writes, lists or deletes.
pub async fn run(cx: &Cx, command: SecretsCommand) -> Result<ExitStatus> {
    match command {
        SecretsCommand::Set(args) => set(cx, &args).await,
        SecretsCommand::List(args) => list(cx, &args.environment).await,
        SecretsCommand::Delete(args) => delete(cx, &args).await,
    }
}

/// Needs no running environment: its store is there before the rest.
async fn store(cx: &Cx, environment: &str) -> Result<Secrets> {
    let spec = cx.specification().await?.spec;
    Ok(cx.world(&spec, &[environment])?.site(environment)?.services.secrets.clone())
}

async fn set(cx: &Cx, args: &SecretArgs) -> Result<ExitStatus> {
    let SecretArgs { environment, name } = args;
    refuse_reserved(name)?;
    let secrets = store(cx, environment).await?;
    let value = value(name).await?;
    secrets.set(name, &value).await?;
    cx.printer.answer(&Named { environment, name }, || {
        format!("{environment} has `{name}`; an application gets it when it is started")
    })?;
    Ok(ExitStatus::Yes)
}

async fn list(cx: &Cx, environment: &str) -> Result<ExitStatus> {
    let names = store(cx, environment).await?.names().await?;
    let answer = Listed { environment, names };
    cx.printer.answer(&answer, || {
        if answer.names.is_empty() {
            return format!("{environment} has no secrets");
        }
        answer.names.join("\n")
    })?;
    Ok(ExitStatus::Yes)
}

async fn delete(cx: &Cx, args: &SecretArgs) -> Result<ExitStatus> {
    let SecretArgs { environment, name } = args;
    refuse_reserved(name)?;
    let secrets = store(cx, environment).await?;
    let unknown = || {
        let message = format!("`{environment}` has no secret `{name}`");
        let hint = format!("`trefoil secrets list {environment}` shows those it has");
        Error::usage("secret_unknown", message).hint(hint)
    };
    if !secrets.names().await?.contains(name) {
        return Err(unknown());
    }
    cx.confirm(&format!("Delete the secret {name} of {environment}?")).await?;
    if !secrets.delete(name).await? {
        return Err(unknown());
    }
    cx.printer.answer(&Named { environment, name }, || {
        format!("{environment} has no `{name}` any more")
    })?;
    Ok(ExitStatus::Yes)
}

/// Those belong to the environment itself: without them it cannot open its own database.
fn refuse_reserved(name: &str) -> Result<()> {
    if !name.starts_with(RESERVED_PREFIX) {
        return Ok(());
    }
    let message = format!("`{name}` belongs to the environment itself");
    Err(Error::usage("secret_reserved", message)
        .hint(format!("names that begin with `{RESERVED_PREFIX}` are Trefoil's own")))
}

/// At a terminal it is asked for; elsewhere all of stdin is the value, without one last newline.
async fn value(name: &str) -> Result<SecretString> {
    let name = name.to_owned();
    let read = tokio::task::spawn_blocking(move || match std::io::stdin().is_terminal() {
        true => ask(&name),
        false => read_stdin(),
    });
    let failed = |error| Error::failed("prompt", "the value could not be read").because(error);
    let value = read.await.map_err(failed)??;
    match value.is_empty() {
        true => Err(Error::usage("secret_value", "the value is empty")
            .hint("give it on stdin: `trefoil secrets set ENV NAME < FILE`")),
        false => Ok(SecretString::from(value)),
    }
}

fn ask(name: &str) -> Result<String> {
    let asked = dialoguer::Password::new().with_prompt(format!("Value of {name}")).interact();
    asked.map_err(|dialoguer::Error::IO(error)| match error.kind() {
        std::io::ErrorKind::Interrupted => interrupt::interrupted(),
        _ => Error::failed("prompt", "the prompt failed").because(error),
    })
}

fn read_stdin() -> Result<String> {
    let mut bytes = Vec::new();
    // Enough to see that it is too long, with a line's end behind it; how long is not known then.
    let limit = VALUE_MAX_BYTES + "\r\n".len();
    let read = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    std::io::stdin().lock().take(read).read_to_end(&mut bytes).map_err(|error| {
        Error::usage("secret_value", "the value on stdin cannot be read").because(error)
    })?;
    if bytes.len() > limit {
        let why = format!("the value on stdin has more than {VALUE_MAX_BYTES} bytes");
        return Err(Error::usage("secret_value", why));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Error::usage("secret_value", "the value on stdin is not UTF-8 text")
            .because(error.utf8_error())
    })?;
    let kept = text.strip_suffix('\n').unwrap_or(&text);
    Ok(kept.strip_suffix('\r').unwrap_or(kept).to_owned())
}
