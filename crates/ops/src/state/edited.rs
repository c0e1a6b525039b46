//! What is different in a plan that was edited after it was made.

use serde_json::Value;
use trefoil_core::plan::Plan;

use super::State;
use super::store::plan_changed;
use crate::{Error, Result};

/// How many places are named.
const PLACES: usize = 5;

impl State {
    /// The refusal of a plan whose digest is not the one that the log holds. The log holds the
    /// plan itself from the moment on when its run was opened, as for its approval: then the
    /// places are named that differ.
    pub(super) async fn edited(&self, plan: &Plan) -> Error {
        let refused = plan_changed(&plan.plan_id);
        match self.places(plan).await {
            Ok(places) if !places.is_empty() => {
                let why = format!("different from what its run was opened with: {places}");
                refused.because(why)
            }
            _ => refused,
        }
    }

    async fn places(&self, plan: &Plan) -> Result<String> {
        let opened = self.journal(&plan.plan_id).await?.plan;
        let value = |plan: &Plan| serde_json::to_value(plan).unwrap_or_default();
        let mut places = Vec::new();
        compare("", &value(&opened), &value(plan), &mut places);
        let more = places.len().saturating_sub(PLACES);
        places.truncate(PLACES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Ok(format!("{}{more}", places.join(", ")))
    }
}

/// Adds the innermost places where two values differ, as `steps[2].estimate_ms.low`.
fn compare(place: &str, was: &Value, is: &Value, places: &mut Vec<String>) {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let mut keys: Vec<_> = was.keys().chain(is.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let inner = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned();
                let (was, is) = (of(was).unwrap_or_default(), of(is).unwrap_or_default());
                compare(&inner, &was, &is, places);
            }
        }
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            for (n, (was, is)) in was.iter().zip(is).enumerate() {
                compare(&format!("{place}[{n}]"), was, is, places);
            }
        }
        _ if was != is => places.push(place.to_owned()),
        _ => {}
    }
}
