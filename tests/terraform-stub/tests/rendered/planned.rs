//! What Terraform plans, against AWS's own models of its services and the sizes of Fargate: every
//! variable and expression is filled in. It is the second plan, which knows what the first left open.

use serde_json::{Value, json};

use crate::goes::{GOES, faults};

/// Units of a processor, and MiB of memory from, to and in steps of: the sizes of Fargate in AWS's
/// developer guide, which no model of a service has.
const FARGATE: [(u64, u64, u64, u64); 7] = [
    (256, 512, 2_048, 512),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// What is planned, by what it is called in messages.
#[derive(Default)]
pub(crate) struct Planned {
    checks: Vec<Value>,
    tasks: Vec<(String, Value, Value)>,
}

impl Planned {
    /// Takes in what `terraform show -json` says of a plan.
    pub(crate) fn add(&mut self, what: &str, plan: &Value) {
        let resources = plan["planned_values"]["root_module"]["resources"].as_array();
        for resource in resources.into_iter().flatten() {
            let (kind, values) = (&resource["type"], &resource["values"]);
            let place = format!("{what}: {}", resource["address"]);
            for (_, way, service, shape) in GOES.iter().filter(|goes| *kind == goes.0) {
                let found = along(values, way).into_iter().filter(|value| !value.is_null());
                self.checks.extend(found.map(|value| {
                    json!({ "service": service, "shape": shape, "value": value,
                            "where": format!("{place} {way}") })
                }));
            }
            if kind == "aws_ecs_task_definition" {
                self.tasks.push((place, values["cpu"].clone(), values["memory"].clone()));
            }
        }
    }

    /// Everything that AWS would not take.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut all = faults(&self.checks);
        let wrong = self.tasks.iter().filter(|(_, cpu, memory)| !is_size(cpu, memory));
        all.extend(wrong.map(|(place, cpu, memory)| format!("{place}: {cpu} with {memory}")));
        all
    }

    /// How much was compared: words, numbers and lists, and tasks.
    pub(crate) fn compared(&self) -> (usize, usize) {
        (self.checks.len(), self.tasks.len())
    }
}

/// The values at the end of a way, in all blocks along it.
fn along<'a>(value: &'a Value, way: &str) -> Vec<&'a Value> {
    let (name, rest) = way.split_once('/').unwrap_or((way, ""));
    let found = &value[name];
    match (rest.is_empty(), found.as_array()) {
        (true, _) => vec![found],
        (false, Some(blocks)) => blocks.iter().flat_map(|block| along(block, rest)).collect(),
        (false, None) => along(found, rest),
    }
}

/// Whether Fargate has a task of this size.
fn is_size(cpu: &Value, memory: &Value) -> bool {
    let number = |one: &Value| one.as_str().and_then(|text| text.parse::<u64>().ok());
    let (Some(cpu), Some(memory)) = (number(cpu), number(memory)) else { return false };
    FARGATE.iter().any(|(units, least, most, step)| {
        cpu == *units && (*least..=*most).contains(&memory) && (memory - least) % step == 0
    })
}

#[test]
fn what_aws_does_not_take_is_found_in_a_plan() {
    let resource = |kind: &str, values: Value| {
        json!({ "planned_values": { "root_module": { "resources": [
            { "type": kind, "address": "it", "values": values }
        ] } } })
    };
    let faults = |kind: &str, values: Value| {
        let mut planned = Planned::default();
        planned.add("here", &resource(kind, values));
        assert_ne!(planned.compared(), (0, 0), "{kind}");
        planned.faults()
    };
    let log = "aws_cloudwatch_log_group";
    assert_eq!(faults(log, json!({ "retention_in_days": 365 })), Vec::<String>::new());
    assert_eq!(faults(log, json!({ "retention_in_days": 364 })).len(), 1);
    let task = "aws_ecs_task_definition";
    assert_eq!(faults(task, json!({ "cpu": "256", "memory": "512" })), Vec::<String>::new());
    for (cpu, memory) in [("256", "4096"), ("1024", "1024"), ("8192", "17408"), ("300", "512")] {
        assert_eq!(
            faults(task, json!({ "cpu": cpu, "memory": memory })).len(),
            1,
            "{cpu} {memory}"
        );
    }
    let check = |interval: u64| json!({ "health_check": [{ "interval": interval }] });
    assert_eq!(faults("aws_lb_target_group", check(5)), Vec::<String>::new());
    assert_eq!(faults("aws_lb_target_group", check(3)).len(), 1);
}
