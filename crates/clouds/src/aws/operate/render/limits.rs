//! What AWS cannot be, with the number and the nearest that fits.

use trefoil_core::cost::Needs;
use trefoil_core::deployment::{Deployment, Metric};
use trefoil_core::spec::{Application, Health};
use trefoil_core::units::Period;

use super::super::resources::{most_cache_gib, nearest_task, resources};
use super::environment::CLOUD;
use super::schedule::expressions;
use crate::operate::render::{Misfit, existing, seconds};

/// Regions where accounts have two zones only.
const TWO_ZONES: [&str; 1] = ["us-west-1"];
/// Fargate kills a task that has not ended so long after it was asked to.
const MOST_DRAIN_S: u64 = 120;
/// How often, and for how long, a load balancer asks a task how it is.
const INTERVAL_S: std::ops::RangeInclusive<u64> = 5..=300;
const TIMEOUT_S: std::ops::RangeInclusive<u64> = 2..=120;
/// A load balancer lets an answer be silent for no longer.
const MOST_SILENCE_S: u64 = 4_000;
/// The smallest and largest gp3 volume of RDS.
const STORAGE_GB: std::ops::RangeInclusive<u64> = 20..=65_536;
/// All periods of an alarm together: a day, or a week when each is an hour at least.
const DAY_S: u64 = 86_400;
const WEEK_S: u64 = 7 * DAY_S;
/// Tasks of one service.
const MOST_TASKS: u32 = 5_000;

/// Everything that does not fit, in the order of the specification.
pub(super) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    let mut found = Vec::new();
    region(deployment, &mut found);
    if let Some(application) = &deployment.spec.application {
        image(application, &mut found);
        health(&application.health, &mut found);
        drain(application, &mut found);
        size(deployment, &mut found);
        scale(deployment, &mut found);
    }
    database(deployment, &mut found);
    chat(deployment, &mut found);
    jobs(deployment, &mut found);
    alarms(deployment, &mut found);
    extras(deployment, &mut found);
    found.extend(existing(deployment));
    found
}

fn region(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let region = &deployment.region;
    let path = format!("environments.{}.region", deployment.folder);
    let parts: Vec<&str> = region.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let is_form = match parts.as_slice() {
        [country, places @ .., number] => {
            country.len() == 2
                && is_word(country)
                && !places.is_empty()
                && places.iter().all(is_word)
                && number.len() == 1
                && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    };
    if !is_form {
        found.push(Misfit::new(path, format!("`{region}` is not a region of AWS"), "us-east-1"));
    } else if deployment.extras.zones > 2 && TWO_ZONES.contains(&region.as_str()) {
        let zones = deployment.extras.zones;
        let message = format!("the profile asks for {zones} zones, and `{region}` has 2");
        found.push(Misfit::new(path, message, "us-west-2"));
    }
}

fn image(application: &Application, found: &mut Vec<Misfit>) {
    let path = "application.image";
    let Some(image) = &application.image else {
        let message = "Fargate runs container images, and none is named";
        found.push(Misfit::new(path, message, "name:tag"));
        return;
    };
    if super::image_suffix(image).is_none() {
        let message =
            format!("`{image}` names no fixed version: a tag that is not `latest`, or a digest");
        found.push(Misfit::new(path, message, "name:1.0.0"));
    }
}

fn health(health: &Health, found: &mut Vec<Misfit>) {
    let between = |period: Period, range: &std::ops::RangeInclusive<u64>| {
        (!range.contains(&seconds(period)) || !is_whole(period))
            .then(|| seconds(period).clamp(*range.start(), *range.end()))
    };
    if let Some(nearest) = between(health.interval, &INTERVAL_S) {
        let asked = &health.interval;
        let message =
            format!("a load balancer asks every 5 to 300 whole seconds, not every {asked}");
        found.push(Misfit::new("application.health.interval", message, format!("{nearest}s")));
    }
    if let Some(nearest) = between(health.timeout, &TIMEOUT_S) {
        let asked = &health.timeout;
        let message =
            format!("a load balancer waits 2 to 120 whole seconds for an answer, not {asked}");
        found.push(Misfit::new("application.health.timeout", message, format!("{nearest}s")));
    }
    let interval_s = seconds(health.interval);
    if health.timeout >= health.interval && interval_s > *TIMEOUT_S.start() {
        let (interval, timeout) = (&health.interval, &health.timeout);
        let message = format!(
            "a load balancer waits less than the {interval} between two questions, not {timeout}"
        );
        let nearest = format!("{}s", interval_s - 1);
        found.push(Misfit::new("application.health.timeout", message, nearest));
    }
}

fn is_whole(period: Period) -> bool {
    period.as_millis().is_multiple_of(1_000)
}

fn drain(application: &Application, found: &mut Vec<Misfit>) {
    if seconds(application.drain) > MOST_DRAIN_S {
        let asked = &application.drain;
        let message =
            format!("Fargate kills a task 120 seconds after it was asked to end, not {asked}");
        found.push(Misfit::new("application.drain", message, "2m"));
    }
}

fn size(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(asked) = Needs::of_spec(&deployment.spec).application else { return };
    let (vcpu, memory) = nearest_task(asked.vcpu, asked.memory_gib);
    if (vcpu, memory) == (asked.vcpu, asked.memory_gib) {
        return;
    }
    let message = format!(
        "Fargate has no task with {} vCPU and {} GiB",
        asked.vcpu.normalize(),
        asked.memory_gib.round_dp(3).normalize()
    );
    let mib = memory * rust_decimal::Decimal::from(1_024);
    let nearest = format!("size: {{ cpu: {}, memory: {}Mi }}", vcpu.normalize(), mib.normalize());
    found.push(Misfit::new("size", message, nearest));
}

fn scale(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let scale = deployment.spec.scale.clone().unwrap_or_default();
    if scale.max > MOST_TASKS {
        let message =
            format!("a service on ECS runs {MOST_TASKS} tasks at most, not {}", scale.max);
        found.push(Misfit::new("scale.max", message, MOST_TASKS.to_string()));
    }
}

fn database(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(database) = &deployment.spec.database else { return };
    let gb = database.storage.as_u64().div_ceil(1_000_000_000);
    if !STORAGE_GB.contains(&gb) {
        let message = format!("a disk of RDS has 20 to 65536 GB, not {gb}");
        let nearest = format!("{}GB", gb.clamp(*STORAGE_GB.start(), *STORAGE_GB.end()));
        found.push(Misfit::new("database.storage", message, nearest));
    }
    if let Some(Err(why)) = resources(&Needs::of_spec(&deployment.spec)).database {
        found.push(Misfit::new("database.size", why, "medium"));
    }
}

fn chat(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(chat) = &deployment.spec.chat else { return };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/".contains(c);
    match chat.model.get(CLOUD) {
        None if chat.endpoint.is_none() => found.push(Misfit::new(
            "chat.model.aws",
            "no model is named for Bedrock, and no endpoint elsewhere",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        )),
        Some(model) if chat.endpoint.is_none() && !model.chars().all(plain) => {
            let message = format!("`{model}` is not the identifier of a model");
            let nearest = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
            found.push(Misfit::new("chat.model.aws", message, nearest));
        }
        _ => {}
    }
    if seconds(chat.timeout) + 5 > MOST_SILENCE_S {
        let asked = &chat.timeout;
        let message = format!(
            "a load balancer waits {MOST_SILENCE_S} seconds at most for an answer, not {asked} and 5 seconds more"
        );
        found.push(Misfit::new("chat.timeout", message, format!("{}s", MOST_SILENCE_S - 5)));
    }
}

fn jobs(deployment: &Deployment, found: &mut Vec<Misfit>) {
    for (name, job) in &deployment.spec.jobs {
        if expressions(&job.schedule).is_none() {
            let message = format!("EventBridge cannot say `{}`", job.schedule);
            let path = format!("jobs.{name}.schedule");
            found.push(Misfit::new(path, message, "numbers, ranges and steps, as in 0 2 * * 1-5"));
        }
    }
}

fn alarms(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let spec = &deployment.spec;
    for (name, alarm) in &spec.alarms {
        let path = |key: &str| format!("alarms.{name}.{key}");
        let period_s = seconds(alarm.period);
        if period_s == 0 || !period_s.is_multiple_of(60) || !is_whole(alarm.period) {
            let asked = &alarm.period;
            let message = format!("CloudWatch counts in whole minutes, not in {asked}");
            let nearest = format!("{}s", period_s.div_ceil(60).max(1) * 60);
            found.push(Misfit::new(path("period"), message, nearest));
        }
        let most_s = if period_s >= 3_600 { WEEK_S } else { DAY_S };
        if period_s * u64::from(alarm.evaluation_periods) > most_s {
            let message = format!(
                "CloudWatch looks back over {most_s} seconds, not over {} periods of {}",
                alarm.evaluation_periods, alarm.period
            );
            let nearest = (most_s / period_s.max(1)).max(1).to_string();
            found.push(Misfit::new(path("evaluation_periods"), message, nearest));
        }
        if let Some(missing) = missing_part(deployment, Metric::of(&alarm.metric)) {
            let message = format!("`{}` is measured of {missing}, and there is none", alarm.metric);
            found.push(Misfit::new(path("metric"), message, "leave the alarm out"));
        }
    }
}

/// What a metric is measured of, if the specification lacks it.
fn missing_part(deployment: &Deployment, metric: Metric<'_>) -> Option<&'static str> {
    let spec = &deployment.spec;
    match metric {
        Metric::DatabaseCpu | Metric::DatabaseDisk | Metric::DatabaseConnections => {
            spec.database.is_none().then_some("a database")
        }
        _ => spec.application.is_none().then_some("an application"),
    }
}

fn extras(deployment: &Deployment, found: &mut Vec<Misfit>) {
    if let Some(cache) = &deployment.extras.cache
        && deployment.spec.application.is_some()
        && let Some(Err(_)) = resources(&Needs::of_rendered(&deployment.spec)).cache
    {
        let message = format!(
            "the largest node of ElastiCache holds {} GiB, not {}",
            most_cache_gib(),
            cache.memory
        );
        found.push(Misfit::new("cache.memory", message, "419Gi"));
    }
}
