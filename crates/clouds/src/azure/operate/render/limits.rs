//! What of a specification Azure cannot be, with numbers and the nearest that fits.

use rust_decimal::Decimal;
use trefoil_core::cost::Needs;
use trefoil_core::deployment::{Deployment, Metric};
use trefoil_core::spec::{Alarm, Application, Processor};
use trefoil_core::units::Period;

use super::alarms::LONGEST_WINDOW_MIN;
use super::application::{asked, has_model, replica};
use super::data::{server, survives_a_zone};
use crate::azure::operate::resources::{ContainerApp, MOST_CACHE_GIB};
use crate::operate::pricing::words;
use crate::operate::render::{Misfit, existing, seconds};

const MOST_REPLICAS: u32 = 300;
/// Of a probe: how often, and for how long at most, in seconds.
const MOST_PROBE_S: u64 = 240;
/// A probe of the start may fail ten times.
const MOST_START_S: u64 = 10 * MOST_PROBE_S;
const MOST_DRAIN_S: u64 = 600;
/// The longest that the ingress can wait for an answer.
const MOST_ANSWER_S: u64 = 30 * 60;
/// Lifetimes and run times are 32-bit numbers.
const MOST_S: u64 = 2_147_483_647;
const FEWEST_BACKUP_DAYS: u8 = 7;
const LONGEST_SECRET: usize = 127;
/// The longest name that a certificate can be for.
const LONGEST_HOST: usize = 64;
/// Regions with one zone only. Source: Azure reliability documentation, "List of Azure regions".
const ONE_ZONE: &[&str] = &[
    "australiacentral",
    "australiacentral2",
    "australiasoutheast",
    "brazilsoutheast",
    "canadaeast",
    "francesouth",
    "germanynorth",
    "jioindiacentral",
    "jioindiawest",
    "koreasouth",
    "northcentralus",
    "norwaywest",
    "southafricawest",
    "southindia",
    "switzerlandwest",
    "uaecentral",
    "ukwest",
    "westcentralus",
    "westindia",
    "westus",
];

/// Everything that does not fit, at once.
pub(super) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    let spec = &deployment.spec;
    let mut found = Vec::new();
    region(deployment, &mut found);
    if let Some(one) = &spec.application {
        application(one, &mut found);
        size(deployment, &mut found);
        scale(deployment, &mut found);
    }
    database(deployment, &mut found);
    chat(deployment, &mut found);
    cache(deployment, &mut found);
    for (name, alarm) in &spec.alarms {
        one_alarm(deployment, name, alarm, &mut found);
    }
    if let Some(sessions) = &spec.sessions {
        at_most("sessions.ttl", sessions.ttl, MOST_S, &mut found);
    }
    for (name, job) in &spec.jobs {
        at_most(&format!("jobs.{name}.timeout"), job.timeout, MOST_S, &mut found);
    }
    long_names(deployment, &mut found);
    found.extend(existing(deployment));
    found
}

fn region(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let region = deployment.region.as_str();
    let path = format!("environments.{}.region", deployment.folder);
    let plain: String = region.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    if plain != region || plain.is_empty() {
        let message = "Azure's names of regions have lower-case letters and digits only";
        let nearest = if plain.is_empty() { "eastus" } else { &plain };
        found.push(Misfit::new(path, message, nearest));
    } else if ONE_ZONE.contains(&region) && needs_zones(deployment) {
        let message = format!("`{region}` has 1 zone, and what is asked for needs 3");
        found.push(Misfit::new(path, message, "a region with three zones, such as eastus"));
    }
}

fn needs_zones(deployment: &Deployment) -> bool {
    let database = deployment.spec.database.as_ref();
    survives_a_zone(deployment) || database.is_some_and(|one| one.high_availability)
}

fn application(one: &Application, found: &mut Vec<Misfit>) {
    if one.image.is_none() {
        let message = "Container Apps run container images, and there is none";
        found.push(Misfit::new("application.image", message, "an image with a fixed tag"));
    }
    at_most("application.health.interval", one.health.interval, MOST_PROBE_S, found);
    at_most("application.health.timeout", one.health.timeout, MOST_PROBE_S, found);
    at_most("application.health.start_time", one.health.start_time, MOST_START_S, found);
    at_most("application.drain", one.drain, MOST_DRAIN_S, found);
}

fn at_most(path: &str, period: Period, most_s: u64, found: &mut Vec<Misfit>) {
    let asked_s = seconds(period);
    if asked_s > most_s {
        let message = format!("{asked_s} s are asked for, and Azure allows {most_s} s");
        found.push(Misfit::new(path, message, format!("{most_s}s")));
    }
}

fn size(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let size = deployment.spec.size.clone().unwrap_or_default();
    if size.processor == Processor::Arm {
        let message = "Container Apps offer x86-64 processors only";
        found.push(Misfit::new("size.processor", message, "x86"));
        return;
    }
    match replica(&deployment.spec) {
        Some(Ok(fit)) => rounded(deployment, &fit, found),
        Some(Err(why)) => found.push(Misfit::new("size", why, "cpu: 4, memory: 8Gi")),
        None => {}
    }
}

/// A size that only a larger one can carry is refused: it would cost more than was asked for.
fn rounded(deployment: &Deployment, fit: &ContainerApp, found: &mut Vec<Misfit>) {
    let Some(asked) = Needs::of_spec(&deployment.spec).application else { return };
    if (fit.vcpu, fit.memory_gib) == (asked.vcpu, asked.memory_gib) {
        return;
    }
    let message = format!(
        "a replica has 0.25 to 4 vCPU in quarters and twice as many GiB, not {} vCPU and {} GiB",
        words(asked.vcpu),
        words(asked.memory_gib.round_dp(3))
    );
    let nearest = format!(
        "size: {{ cpu: {}, memory: {}Mi }}",
        words(fit.vcpu),
        words(fit.memory_gib * Decimal::from(1_024))
    );
    found.push(Misfit::new("size", message, nearest));
}

fn scale(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(scale) = &deployment.spec.scale else { return };
    for (path, count) in [("scale.min", scale.min), ("scale.max", scale.max)] {
        if count > MOST_REPLICAS {
            let message = format!("{count} replicas are asked for, and an app has {MOST_REPLICAS}");
            found.push(Misfit::new(path, message, MOST_REPLICAS.to_string()));
        }
    }
}

fn database(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(one) = &deployment.spec.database else { return };
    if let Some(Err(why)) = server(deployment) {
        found.push(Misfit::new("database.storage", why, "32TiB"));
    }
    if one.backup_days < FEWEST_BACKUP_DAYS {
        let days = one.backup_days;
        let message = format!("{days} days are asked for, and backups are kept for 7 to 35");
        found.push(Misfit::new("database.backup_days", message, "7"));
    }
}

fn chat(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(chat) = &deployment.spec.chat else { return };
    at_most("chat.timeout", chat.timeout, MOST_ANSWER_S, found);
    if !has_model(&deployment.spec) {
        return;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let message = match chat.model.get("azure") {
        None => "the specification names no model for Azure, and no endpoint".to_owned(),
        Some(model) if !model.chars().all(plain) => {
            format!("`{model}` is not the name of a model that Azure deploys")
        }
        Some(_) => return,
    };
    found.push(Misfit::new("chat.model.azure", message, "gpt-4o"));
}

fn cache(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(cache) = &deployment.extras.cache else { return };
    if cache.memory.as_u64() > MOST_CACHE_GIB << 30 {
        let message = format!("{} is asked for, and the largest cache holds 960Gi", cache.memory);
        found.push(Misfit::new("cache.memory", message, "960Gi"));
    }
}

fn one_alarm(deployment: &Deployment, name: &str, alarm: &Alarm, found: &mut Vec<Misfit>) {
    at_most(&format!("alarms.{name}.period"), alarm.period, LONGEST_WINDOW_MIN * 60, found);
    let spec = &deployment.spec;
    let (section, is_there) = match Metric::of(&alarm.metric) {
        Metric::DatabaseCpu | Metric::DatabaseDisk | Metric::DatabaseConnections => {
            ("database", spec.database.is_some())
        }
        _ => ("application", spec.application.is_some()),
    };
    if !is_there {
        let path = format!("alarms.{name}.metric");
        let message = format!("`{}` is of the {section}, and there is none", alarm.metric);
        found.push(Misfit::new(path, message, format!("add `{section}:`, or leave the alarm out")));
    }
}

fn long_names(deployment: &Deployment, found: &mut Vec<Misfit>) {
    for secret in asked(&deployment.spec).iter().filter(|one| one.len() > LONGEST_SECRET) {
        let length = secret.len();
        let message = format!("a secret's name has {length} characters, and a vault allows 127");
        let nearest = secret.chars().take(LONGEST_SECRET).collect::<String>();
        found.push(Misfit::new("application.secrets", message, nearest));
    }
    let long = deployment.spec.domain.as_ref().filter(|host| host.len() > LONGEST_HOST);
    if let Some(host) = long {
        let length = host.len();
        let message =
            format!("it has {length} characters, and a certificate allows {LONGEST_HOST}");
        found.push(Misfit::new("domain", message, "a shorter host name"));
    }
}
