//! The application's service: its tasks, how they are asked how they are, and how many run.

use serde::Serialize;
use trefoil_core::deployment::{
    Deployment, FAILED_CHECKS, TARGET_CPU_PERCENT, TARGET_MEMORY_PERCENT,
};
use trefoil_core::spec::{Application, Processor};

use super::super::resources::FargateService;
use crate::operate::render::seconds;

/// A load balancer cuts an answer off that is silent for longer, unless more is asked for.
const IDLE_S: u64 = 60;
/// The slowest answers that nobody is told of, when the specification has no alarm of its own.
const SLOW_S: u32 = 5;

/// The application's service.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    port: u16,
    arm: bool,
    cpu_units: u64,
    memory_mib: u64,
    min: u32,
    max: u32,
    /// Whether none may run when nobody asks, which Fargate cannot do.
    sleeps: bool,
    concurrency: u32,
    cpu_percent: u32,
    memory_percent: u32,
    request_ms: u64,
    requests_per_minute: u64,
    providers: Vec<Provider>,
    internet: bool,
    endpoints: Vec<&'static str>,
    idle_timeout_s: u64,
    drain_s: u64,
    stop_timeout_s: u64,
    slow_s: u32,
    health: Health,
}

/// Where tasks run.
#[derive(Debug, Serialize)]
struct Provider {
    name: &'static str,
    base: u32,
    weight: u32,
}

/// How tasks are asked how they are.
#[derive(Debug, Serialize)]
struct Health {
    ready: String,
    interval_s: u64,
    timeout_s: u64,
    unhealthy: u32,
    grace_s: u64,
}

impl Service {
    /// The service of an application, of the size that is priced.
    pub(super) fn new(
        deployment: &Deployment,
        application: &Application,
        size: &FargateService,
        endpoints: Vec<&'static str>,
    ) -> Self {
        let spec = &deployment.spec;
        let scale = spec.scale.clone().unwrap_or_default();
        let request_ms = spec.workload.clone().unwrap_or_default().request_time.as_millis();
        let chat_s = spec.chat.as_ref().map_or(0, |chat| seconds(chat.timeout) + 5);
        Self {
            port: application.port,
            arm: spec.size.as_ref().is_some_and(|size| size.processor == Processor::Arm),
            cpu_units: whole(size.vcpu, 1024),
            memory_mib: whole(size.memory_gb, 1024),
            // Fargate does not sleep, and whoever allows none to run allows one.
            min: scale.min.max(1),
            max: scale.max.max(1),
            sleeps: scale.min == 0,
            concurrency: scale.concurrency,
            cpu_percent: TARGET_CPU_PERCENT,
            memory_percent: TARGET_MEMORY_PERCENT,
            request_ms,
            // An instance works on so many at once, each for so long.
            requests_per_minute: u64::from(scale.concurrency) * 60_000 / request_ms.max(1),
            providers: vec![provider(scale.interruptible)],
            internet: spec.chat.as_ref().is_some_and(|chat| chat.endpoint.is_some()),
            endpoints,
            idle_timeout_s: chat_s.max(IDLE_S),
            drain_s: seconds(application.drain),
            stop_timeout_s: seconds(application.drain).max(2),
            slow_s: SLOW_S,
            health: health(application),
        }
    }
}

fn provider(interruptible: bool) -> Provider {
    let name = if interruptible { "FARGATE_SPOT" } else { "FARGATE" };
    Provider { name, base: 0, weight: 1 }
}

fn health(application: &Application) -> Health {
    let health = &application.health;
    Health {
        ready: health.ready.clone(),
        interval_s: seconds(health.interval),
        timeout_s: seconds(health.timeout),
        unhealthy: FAILED_CHECKS,
        grace_s: seconds(health.start_time),
    }
}

/// `number` times `unit`, of a size of Fargate, which is always whole.
fn whole(number: rust_decimal::Decimal, unit: u32) -> u64 {
    use rust_decimal::prelude::ToPrimitive;
    (number * rust_decimal::Decimal::from(unit)).to_u64().unwrap_or_default()
}
