//! Rules of the sections beside `application`.

use super::super::diagnostic::{Diagnostic, nearest, quoted};
use super::super::model::{NotReference, Scale, is_secret, without_password};
use super::super::parse::Spot;
use super::{Named, is_name, spots};
use crate::units::{Bytes, Cron};

/// The least memory that a container service gives an instance (Cloud Run, first generation).
const MEMORY_MIN: Bytes = Bytes::new(128 << 20);
/// The most: the largest instance of the clouds has less.
const MEMORY_MAX: Bytes = Bytes::new(1 << 40);
/// The smallest disk of a managed database (Cloud SQL).
const STORAGE_MIN: Bytes = Bytes::new(10_000_000_000);
/// The largest disk of a managed database (RDS, Cloud SQL).
const STORAGE_MAX: Bytes = Bytes::new(64_000_000_000_000);

/// Everything that breaks a rule.
pub(super) fn check(root: &Spot<'_>, clouds: &[&str], found: &mut Vec<Diagnostic>) {
    amount(root, &["size", "memory"], MEMORY_MIN..=MEMORY_MAX, found);
    amount(root, &["database", "storage"], STORAGE_MIN..=STORAGE_MAX, found);
    scale(root, found);
    chat(root, clouds, found);
    jobs(root, found);
    alarms(root, found);
    requests(root, found);
    let schedules =
        [spots(root, &["jobs", "*", "schedule"]), spots(root, &["recovery", "schedules", "*"])];
    found.extend(schedules.iter().flatten().filter_map(schedule));
}

fn amount(
    root: &Spot<'_>,
    path: &[&str],
    range: std::ops::RangeInclusive<Bytes>,
    found: &mut Vec<Diagnostic>,
) {
    for spot in spots(root, path) {
        let Some(bytes) = spot.node.text().and_then(|text| text.parse::<Bytes>().ok()) else {
            continue;
        };
        if range.contains(&bytes) {
            continue;
        }
        let message = format!("{} cannot be `{bytes}`", spot.name());
        found.push(
            Diagnostic::error("out_of_range", spot.place, &spot.path, message)
                .allowed([format!("{} to {}", range.start(), range.end())])
                .hint("managed services offer no less and no more"),
        );
    }
}

fn scale(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(scale) = root.key("scale") else { return };
    let number = |key: &str| scale.key(key).and_then(|spot| spot.node.to_value().as_u64());
    let default = Scale::default();
    let min = number("min").unwrap_or(default.min.into());
    let max = number("max").unwrap_or(default.max.into());
    let Some(wrong) =
        scale.key("min").or_else(|| scale.key("max")).filter(|_| min > max && max > 0)
    else {
        return;
    };
    let message = format!("a minimum of {min} and a maximum of {max} instances cannot both hold");
    found.push(
        Diagnostic::error("scale_order", wrong.place, &wrong.path, message)
            .hint("`min` is at most `max`; they are 1 and 10 when left out"),
    );
}

fn chat(root: &Spot<'_>, clouds: &[&str], found: &mut Vec<Diagnostic>) {
    for (entry, model) in
        root.key("chat").and_then(|chat| chat.key("model")).iter().flat_map(Spot::values)
    {
        // Other builds know other clouds: only what looks misspelt is worth a word.
        let meant = nearest(&entry.key, clouds.iter().copied());
        if let Some(meant) = meant.filter(|meant| *meant != entry.key) {
            let message = format!("{} is not a cloud that this build knows", quoted(&entry.key));
            found.push(
                Diagnostic::warning("cloud_unknown", entry.key_place, &model.path, message)
                    .hint(format!("did you mean `{meant}`?")),
            );
        }
    }
    for spot in spots(root, &["chat", "endpoint"]) {
        found.extend(web_address(&spot));
    }
    for spot in spots(root, &["chat", "key"]) {
        if spot.node.text().is_none_or(is_secret) {
            continue;
        }
        // Its text is not repeated: it may be the key itself, put here by mistake.
        let message = format!("the value of {} is not the name of a secret", spot.name());
        found
            .push(Diagnostic::error("secret_name", spot.place, &spot.path, message).hint(
                "lower-case letters, digits and hyphens; the key itself is kept as a secret",
            ));
    }
}

/// What is wrong with the address of a website or service.
pub(super) fn web_address(spot: &Spot<'_>) -> Option<Diagnostic> {
    address(spot, &["http", "https"], "write it as in `https://app.example.com`")
}

/// What is wrong with a URL; it is never repeated, because it may hold a password.
pub(super) fn address(spot: &Spot<'_>, schemes: &[&str], form: &str) -> Option<Diagnostic> {
    let wrong = without_password(spot.node.text()?, schemes).err()?;
    Some(not_address(spot, wrong, form))
}

/// The words for a text that is no address, or one that must not stand here.
fn not_address(spot: &Spot<'_>, wrong: NotReference, form: &str) -> Diagnostic {
    match wrong {
        NotReference::Password => password(
            spot,
            "leave it out of the address; then change it, because it has been written down",
        ),
        NotReference::Form => {
            let message = format!("{} is not an address", spot.name());
            Diagnostic::error("url_form", spot.place, &spot.path, message).hint(form)
        }
    }
}

/// A password stands where all who read the file can see it.
pub(super) fn password(spot: &Spot<'_>, hint: &str) -> Diagnostic {
    let message = format!("{} holds a password", spot.name());
    Diagnostic::error("password_in_specification", spot.place, &spot.path, message).hint(hint)
}

fn jobs(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(jobs) = root.key("jobs") else { return };
    for (entry, job) in jobs.values() {
        if !is_name(&entry.key, 1, 40) {
            found.push(
                Named { what: "a job", code: "job_name" }
                    .wrong(&entry.key, entry.key_place, &job.path)
                    .hint("lower-case letters, digits and hyphens, at most 40"),
            );
        }
        let empty = job.key("command").filter(
            |command| matches!(&command.node.kind, super::Kind::List(items) if items.is_empty()),
        );
        if let Some(command) = empty {
            let message = format!("{} names no program", command.name());
            found.push(
                Diagnostic::error("nothing_to_run", command.place, &command.path, message)
                    .hint("say what runs: `command: [program, argument]`"),
            );
        }
    }
    if !jobs.node.entries().is_empty() && root.key("application").is_none() {
        let message = "there are jobs, but no application whose image they run in".to_owned();
        found.push(
            Diagnostic::error("application_needed", jobs.place, &jobs.path, message)
                .hint("add `application:`, or leave the jobs out"),
        );
    }
}

fn alarms(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    for (entry, alarm) in root.key("alarms").iter().flat_map(Spot::values) {
        if !is_name(&entry.key, 1, 63) {
            found.push(
                Named { what: "an alarm", code: "alarm_name" }
                    .wrong(&entry.key, entry.key_place, &alarm.path)
                    .hint("lower-case letters, digits and hyphens, at most 63"),
            );
        }
    }
    for notify in spots(root, &["alarms", "*", "notify"]) {
        let Some(text) = notify.node.text().filter(|text| !is_mail_address(text)) else { continue };
        let form = "write an e-mail address, or the `https:` URL of a webhook";
        let wrong = without_password(text, &["https"]).err();
        found.extend(wrong.map(|wrong| not_address(&notify, wrong, form)));
    }
}

fn is_mail_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|_| !text.contains([':', '/', ' ']));
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
}

fn requests(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(workload) = root.key("workload") else { return };
    let (Some(first), Some(second)) =
        (workload.key("requests_per_s"), workload.key("requests_per_month"))
    else {
        return;
    };
    let message = "`requests_per_s` and `requests_per_month` say the same thing twice".to_owned();
    found.push(
        Diagnostic::error("workload_twice", second.place, &second.path, message)
            .hint(format!("line {} has the other: keep one of them", first.place.line)),
    );
}

fn schedule(spot: &Spot<'_>) -> Option<Diagnostic> {
    let text = spot.node.text()?;
    let wrong = text.parse::<Cron>().err()?;
    let why = wrong.rsplit_once(": ").map_or(wrong.as_str(), |(_, why)| why);
    let message = format!("{} of {} is not a schedule: {why}", quoted(text), spot.name());
    Some(Diagnostic::error("schedule_form", spot.place, &spot.path, message).hint(
        "minute, hour, day of the month, month, day of the week, in UTC: `0 2 * * *` is 02:00 \
             of each day",
    ))
}
