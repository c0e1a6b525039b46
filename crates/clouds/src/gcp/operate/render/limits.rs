//! What a specification asks for and Google Cloud cannot be: with the number, and the nearest that
//! fits.

use trefoil_core::deployment::{Deployment, Metric};
use trefoil_core::spec::{Alarm, Health, Processor, Statistic};
use trefoil_core::units::Period;

use super::super::resources::{RunService, SqlSize};
use super::service::{fit, request_s};
use super::stores::NEWEST_POSTGRES;
use crate::operate::render::{Misfit, existing, seconds};

/// The longest request, in seconds. Source: Cloud Run, "Request timeout".
const REQUEST_S: u64 = 3_600;
/// The longest task of a job, in seconds. Source: Cloud Run, "Task timeout": 7 days.
const TASK_S: u64 = 604_800;
/// The longest start, in seconds: period times failures. Source: Cloud Run, "Startup probes".
const START_S: u64 = 240;
/// The longest period of a probe at start, in seconds.
const PERIOD_S: u64 = 240;
/// How many vCPU the containers of an instance have together.
const INSTANCE_CPU: u64 = 8;
/// The least memory of the second generation, in MiB.
const MEMORY_MIB: u64 = 512;
/// How many variables a container has. Source: Cloud Run, "Environment variables".
const VARIABLES: usize = 1_000;
/// How long a variable's value is, in bytes.
const VALUE_BYTES: usize = 32_768;
/// The largest disk of a shared core, in GB. Source: Cloud SQL, "Instance settings".
const SHARED_DISK_GB: u64 = 3_062;
/// The largest cache, in GiB. Source: Memorystore for Redis, "Quotas".
const CACHE_GIB: u64 = 300;
/// The longest time that an alarm may have to last, in seconds: 23 hours and a half.
const ALARM_S: u64 = 84_600;
/// The names that Cloud Run gives itself.
const RESERVED: [&str; 3] = ["K_CONFIGURATION", "K_REVISION", "K_SERVICE"];
/// What names of its own begin with.
const RESERVED_PREFIX: &str = "X_GOOGLE_";

/// Everything that does not fit.
pub(super) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    let mut found = Vec::new();
    found.extend(region(deployment));
    if deployment.spec.application.is_some() {
        size(deployment, &mut found);
        application(deployment, &mut found);
        jobs(deployment, &mut found);
        found.extend(chat(deployment));
        edge(deployment, &mut found);
    }
    found.extend(database(deployment));
    buckets(deployment, &mut found);
    found.extend(cache(deployment));
    alarms(deployment, &mut found);
    found.extend(pair(deployment));
    found.extend(existing(deployment));
    found
}

/// Every region of Google Cloud has three zones; what can be wrong is the name.
fn region(deployment: &Deployment) -> Option<Misfit> {
    let region = &deployment.region;
    let is_form = region.rsplit_once('-').is_some_and(|(area, place)| {
        let letters = place.trim_end_matches(|one: char| one.is_ascii_digit());
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|one| one.is_ascii_lowercase());
        is_word(area) && is_word(letters) && letters.len() < place.len()
    });
    let message = format!("`{region}` is not the name of a region of Google Cloud");
    let path = format!("environments.{}.region", deployment.folder);
    (!is_form).then(|| Misfit::new(path, message, "a name as in `us-central1` or `europe-west1`"))
}

fn size(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let spec = &deployment.spec;
    let size = spec.size.clone().unwrap_or_default();
    if size.processor == Processor::Arm {
        let message = "Cloud Run has 0 kinds of ARM processors";
        found.push(Misfit::new("size.processor", message, "`x86`"));
    }
    match fit(deployment).service {
        Some(Ok(fit)) => sizes(deployment, &fit, found),
        Some(Err(why)) => found.push(Misfit::new("size", why, "`{ cpu: 8, memory: 32Gi }`")),
        None => {}
    }
}

/// A size that only a larger one can carry is refused: it would cost more than was asked for.
fn sizes(deployment: &Deployment, fit: &RunService, found: &mut Vec<Misfit>) {
    let size = deployment.spec.size.clone().unwrap_or_default();
    let asked = rust_decimal::Decimal::new(size.cpu.as_thousandths().into(), 3).normalize();
    let vcpu = fit.vcpu.normalize();
    if vcpu != asked {
        let message = format!(
            "Cloud Run has instances of 1, 2, 4, 6 or 8 vCPU, not of {asked} with {}",
            size.memory
        );
        found.push(Misfit::new("size.cpu", message, format!("`{vcpu}`")));
    }
    let mib = size.memory.as_u64().div_ceil(1 << 20);
    let least = (fit.memory_gib * rust_decimal::dec!(1024)).normalize();
    if least > rust_decimal::Decimal::from(mib) {
        let message = format!(
            "an instance with {vcpu} vCPU has {least} MiB of memory at least ({MEMORY_MIB} with 1 \
             or 2), not {}",
            size.memory
        );
        found.push(Misfit::new("size.memory", message, format!("`{least}Mi`")));
    }
    let has_collector = deployment.spec.tracing;
    if has_collector && vcpu == rust_decimal::Decimal::from(INSTANCE_CPU) {
        let message = format!(
            "the containers of an instance have {INSTANCE_CPU} vCPU together, and traces need a \
             container with 1"
        );
        found.push(Misfit::new("size.cpu", message, "`6`, or `tracing: false`"));
    }
}

fn application(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let Some(application) = &deployment.spec.application else { return };
    health(&application.health, found);
    let variables = application.variables.len() + application.secrets.len();
    if variables > VARIABLES {
        let message = format!("a container has {VARIABLES} variables at most, not {variables}");
        found.push(Misfit::new("application.variables", message, VARIABLES.to_string()));
    }
    for (name, value) in &application.variables {
        if value.len() > VALUE_BYTES {
            let length = value.len();
            let message = format!("a value has {VALUE_BYTES} bytes at most, not {length}");
            let path = format!("application.variables.{name}");
            found.push(Misfit::new(path, message, "a file in a bucket, or a secret"));
        }
    }
    for section in ["variables", "secrets"] {
        let names: Vec<&String> = match section {
            "variables" => application.variables.keys().collect(),
            _ => application.secrets.keys().collect(),
        };
        let is_reserved = |name: &&&String| {
            RESERVED.contains(&name.as_str()) || name.starts_with(RESERVED_PREFIX)
        };
        found.extend(names.iter().filter(is_reserved).map(|name| {
            let message = format!("Cloud Run gives `{name}` itself");
            Misfit::new(format!("application.{section}.{name}"), message, format!("`APP_{name}`"))
        }));
    }
}

fn health(health: &Health, found: &mut Vec<Misfit>) {
    let path = |key: &str| format!("application.health.{key}");
    let periods = [
        ("interval", health.interval),
        ("timeout", health.timeout),
        ("start_time", health.start_time),
    ];
    for (key, period) in periods {
        if !period.as_millis().is_multiple_of(1_000) {
            let message = format!("Cloud Run counts whole seconds, not {period}");
            found.push(Misfit::new(path(key), message, in_seconds(seconds(period))));
        }
    }
    let (interval, timeout) = (seconds(health.interval), seconds(health.timeout));
    if interval > PERIOD_S {
        let message = format!("an instance is asked every {PERIOD_S} s at least, not {interval} s");
        found.push(Misfit::new(path("interval"), message, in_seconds(PERIOD_S)));
    }
    if timeout > interval.min(PERIOD_S) {
        let message =
            format!("an answer may take as long as the interval, {interval} s, not {timeout} s");
        found.push(Misfit::new(path("timeout"), message, in_seconds(interval.min(PERIOD_S))));
    }
    let interval = interval.clamp(1, PERIOD_S);
    let start = seconds(health.start_time);
    if start.div_ceil(interval) * interval > START_S {
        let nearest = START_S / interval * interval;
        let message = format!(
            "an instance has {START_S} s to start, in whole intervals of {interval} s, not {start} s"
        );
        found.push(Misfit::new(path("start_time"), message, in_seconds(nearest)));
    }
}

fn in_seconds(seconds: u64) -> String {
    format!("`{}`", Period::from_millis(seconds * 1_000))
}

fn jobs(deployment: &Deployment, found: &mut Vec<Misfit>) {
    for (name, job) in &deployment.spec.jobs {
        let timeout = seconds(job.timeout);
        if timeout > TASK_S {
            let message = format!("a run takes {TASK_S} s (7 days) at most, not {timeout} s");
            found.push(Misfit::new(format!("jobs.{name}.timeout"), message, in_seconds(TASK_S)));
        }
    }
}

fn chat(deployment: &Deployment) -> Option<Misfit> {
    let chat = deployment.spec.chat.as_ref()?;
    let longest = request_s(deployment);
    if longest > REQUEST_S {
        let message = format!("a request takes {REQUEST_S} s at most, not {longest} s");
        return Some(Misfit::new("chat.timeout", message, in_seconds(REQUEST_S)));
    }
    let message = "0 models are named for Google Cloud, and no endpoint of another";
    let nearest = "a model of Vertex AI such as `gemini-3.8-flash`, or `chat.endpoint`";
    let is_named = chat.endpoint.is_some() || chat.model.contains_key("gcp");
    (!is_named).then(|| Misfit::new("chat.model.gcp", message, nearest))
}

/// A firewall and a cache stand at a load balancer, whose certificate is for a domain.
fn edge(deployment: &Deployment, found: &mut Vec<Misfit>) {
    if deployment.spec.domain.is_some() {
        return;
    }
    for (key, is_asked) in
        [("cdn", deployment.extras.cdn), ("firewall", deployment.extras.firewall)]
    {
        if is_asked {
            let message =
                "it stands at a load balancer, whose certificate needs 1 domain, and there are 0";
            found.push(Misfit::new(key, message, format!("set `domain`, or `{key}: false`")));
        }
    }
}

fn database(deployment: &Deployment) -> Option<Misfit> {
    let wanted = deployment.spec.database.as_ref()?;
    if let Some(version) = wanted.version.filter(|version| *version > NEWEST_POSTGRES) {
        let message = format!("Cloud SQL has PostgreSQL up to {NEWEST_POSTGRES}, not {version}");
        return Some(Misfit::new("database.version", message, format!("`{NEWEST_POSTGRES}`")));
    }
    let size = fit(deployment).database?.ok()?;
    let gb = wanted.storage.as_u64().div_ceil(1_000_000_000);
    let is_shared = matches!(size.size, SqlSize::Shared(_));
    let message = format!("a server of size `small` has {SHARED_DISK_GB} GB at most, not {gb} GB");
    let nearest = format!("`{SHARED_DISK_GB}GB`, or `database.size: medium`");
    (is_shared && gb > SHARED_DISK_GB).then(|| Misfit::new("database.storage", message, nearest))
}

/// Google keeps its own name for itself.
fn buckets(deployment: &Deployment, found: &mut Vec<Misfit>) {
    let own = "google";
    for name in deployment.spec.buckets.keys().filter(|name| name.contains(own)) {
        let message = format!("a bucket's name holds `{own}` 0 times");
        let nearest = format!("`{}`", name.replace(own, "g"));
        found.push(Misfit::new(format!("buckets.{name}"), message, nearest));
    }
    let has_buckets = !deployment.spec.buckets.is_empty();
    if has_buckets && (deployment.spec.name.contains(own) || deployment.folder.contains(own)) {
        let message =
            format!("the names of its buckets would hold `{own}`, which they may 0 times");
        let nearest = format!("`{}`", deployment.spec.name.replace(own, "g"));
        found.push(Misfit::new("name", message, nearest));
    }
}

fn cache(deployment: &Deployment) -> Option<Misfit> {
    let gib = deployment.extras.cache.as_ref()?.memory.as_u64().div_ceil(1 << 30);
    let message = format!("Memorystore has {CACHE_GIB} GiB at most, not {gib} GiB");
    (gib > CACHE_GIB).then(|| Misfit::new("cache.memory", message, format!("`{CACHE_GIB}Gi`")))
}

fn alarms(deployment: &Deployment, found: &mut Vec<Misfit>) {
    for (name, alarm) in &deployment.spec.alarms {
        let path = |key: &str| format!("alarms.{name}.{key}");
        let period = seconds(alarm.period);
        if !alarm.period.as_millis().is_multiple_of(60_000) {
            let message = format!("Cloud Monitoring counts whole minutes, not {}", alarm.period);
            let nearest = in_seconds(period.div_ceil(60) * 60);
            found.push(Misfit::new(path("period"), message, nearest));
        }
        let whole = period * u64::from(alarm.evaluation_periods);
        if whole > ALARM_S {
            let message =
                format!("an alarm looks back {ALARM_S} s (23.5 h) at most, not {whole} s");
            let nearest = (ALARM_S / period.max(1)).max(1).to_string();
            found.push(Misfit::new(path("evaluation_periods"), message, format!("`{nearest}`")));
        }
        found.extend(
            statistic(alarm)
                .map(|(message, nearest)| Misfit::new(path("statistic"), message, nearest)),
        );
    }
}

/// Times and shares have no sum.
fn statistic(alarm: &Alarm) -> Option<(&'static str, &'static str)> {
    let is_share =
        matches!(Metric::of(&alarm.metric), Metric::ResponseTime | Metric::Cpu | Metric::Memory);
    (is_share && alarm.statistic == Statistic::Sum).then_some((
        "Cloud Monitoring has 3 statistics of it, average, minimum and maximum, and no sum",
        "`average`",
    ))
}

fn pair(deployment: &Deployment) -> Option<Misfit> {
    let pair = deployment.pair.as_ref().filter(|pair| pair.private_network)?;
    let has_vpn = pair.other_cloud != "local";
    let message = format!("`{}` has 0 VPN gateways", pair.other_folder);
    (!has_vpn).then(|| Misfit::new("recovery.private_network", message, "`false`"))
}
