//! `trefoil migrate verify`: two databases compared row by row, whoever made them.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;
use trefoil_clouds::operate::provision::DatabaseAdmin;
use trefoil_core::plan::{Action, Interval, Step, VerifyDatabase};
use trefoil_core::spec::Reference;
use trefoil_ops::facts;
use trefoil_ops::movers::postgres::verify::{self, Pace, Verdict};
use trefoil_ops::movers::postgres::{Pair, Server, stream};
use url::Url;

use crate::args::VerifyArgs;
use crate::table::table;
use crate::{Cx, Error, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The first database.
    source: &'a str,
    /// The second.
    target: &'a str,
    /// The stream along which they were compared; none when nothing brings one to the other.
    stream: Option<&'a str>,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// How many differences the text names; the JSON answer has all of them.
const SHOWN: usize = 50;

/// Compares; changes nothing. Exit code 1 when they differ, or change while they are compared.
///
/// Errors: `same_environment`, `database_reference`, and those of reaching the servers.
pub(super) async fn run(cx: &Cx, args: &VerifyArgs) -> Result<ExitStatus> {
    facts::are_two(&args.source, &args.target)?;
    let pace = Pace::at_most(args.max_load)?;
    let source = server(cx, &args.source).await?.patient().await?;
    let target = server(cx, &args.target).await?.patient().await?;
    let pair = Pair { source, target };
    let stream = stream::between(&pair).await?;
    if stream.is_none() {
        for server in [&pair.source, &pair.target] {
            server.batch("read only", "SET default_transaction_read_only = on").await?;
        }
    }
    let progress = cx.progress();
    let step = as_step(args);
    progress.step_began(&step);
    let verdict = verify::alone(&pair, stream.as_deref(), &pace, progress.as_ref()).await;
    progress.step_ended(&step, verdict.as_ref().err());
    let verdict = verdict?;
    let (source, target) = (&pair.source.name, &pair.target.name);
    let answer = Answer { source, target, stream: stream.as_deref(), verdict: &verdict };
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(if verdict.equal { ExitStatus::Yes } else { ExitStatus::No })
}

/// What the progress shows.
fn as_step(args: &VerifyArgs) -> Step {
    let action = VerifyDatabase {
        from: args.source.clone(),
        to: args.target.clone(),
        stream: String::new(),
        max_load_percent: args.max_load,
    };
    Step {
        n: 1,
        action: Action::VerifyDatabase(action),
        estimate_ms: Interval::new(0, 0),
        undo: None,
        window: false,
        switch: false,
        finish: false,
    }
}

/// A session on what a person named: an environment, or a database by its URL.
async fn server(cx: &Cx, named: &str) -> Result<Server> {
    if !named.contains(':') {
        let spec = cx.specification().await?.spec;
        let world = cx.world(&spec, &[named])?;
        return Server::of_site(world.site(named)?).await;
    }
    let wrong = |why: String| {
        Error::usage("database_reference", why).hint(
            "name an environment of the specification, a URL without a password such as \
             postgresql://role@host:5432/database, or env:VARIABLE that holds a whole URL",
        )
    };
    let url = match named.parse::<Reference>() {
        Ok(Reference::Url(url)) => url,
        Ok(Reference::Variable(name)) => std::env::var(&name)
            .map_err(|_| wrong(format!("the environment variable {name} is not set")))?,
        Ok(Reference::Secret(_)) => {
            return Err(wrong("a secret belongs to an environment: name the environment".into()));
        }
        // What was given is not repeated: it may hold a password.
        Err(form) => return Err(wrong(format!("a database was named wrongly: {form}"))),
    };
    let (name, admin) = admin(&url).ok_or_else(|| wrong("that is no URL of PostgreSQL".into()))?;
    Server::connect(&name, &admin).await
}

/// The parts of a URL, and a name for it without the password.
fn admin(url: &str) -> Option<(String, DatabaseAdmin)> {
    let parsed = Url::parse(url).ok()?;
    if !["postgres", "postgresql"].contains(&parsed.scheme()) {
        return None;
    }
    let host = parsed.host_str()?.to_owned();
    let port = parsed.port().unwrap_or(5432);
    let database = parsed.path().trim_start_matches('/').to_owned();
    let name = format!("{host}:{port}/{database}");
    let url = SecretString::from(url);
    let (application_role, application_url) = (None, None);
    let admin = DatabaseAdmin { url, application_role, application_url, database, host, port };
    Some((name, admin))
}

fn text(answer: &Answer<'_>) -> String {
    let Answer { source, target, verdict, .. } = answer;
    let rows = verdict.tables.iter().map(|one| {
        let equal = if one.equal { "yes" } else { "NO" };
        [one.name.clone(), one.rows.to_string(), equal.to_owned()]
    });
    let mut lines = vec![table(["TABLE", "ROWS", "EQUAL"], rows)];
    let named = verdict.differences.iter().take(SHOWN);
    lines.extend(named.map(|one| one.in_words(source, target)));
    let unsaid = verdict.differences.len().saturating_sub(SHOWN) as u64;
    if unsaid + verdict.differences_left_out > 0 {
        lines.push(format!("and {} more differences", unsaid + verdict.differences_left_out));
    }
    let changing = verdict.changing.iter().take(SHOWN);
    lines.extend(changing.map(|range| format!("{} changes while it is compared", range.table)));
    let cost = &verdict.cost;
    lines.push(format!(
        "{} queries; {source} worked {} ms for it, {target} {} ms, of {} ms",
        cost.queries, cost.source_busy_ms, cost.target_busy_ms, cost.elapsed_ms
    ));
    let equal = if verdict.equal { "hold the same rows" } else { "are not shown to be equal" };
    lines.push(format!("{source} and {target} {equal}"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_a_name_without_its_password() {
        let (name, admin) = admin("postgresql://me:secret@db.example:5433/shop?a=b").unwrap();
        assert_eq!(name, "db.example:5433/shop");
        assert_eq!((&*admin.host, admin.port, &*admin.database), ("db.example", 5433, "shop"));
        assert!(super::admin("mysql://h/d").is_none());
    }
}
