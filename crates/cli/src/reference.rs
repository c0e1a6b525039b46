//! The JSON Schemas of what commands answer, made from the types that are answered. They are kept
//! in `docs/reference/`, where a test compares them.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;
use trefoil_core::cost::curve::Curve;
use trefoil_core::cost::moving::MoveCost;
use trefoil_core::inventory::Inventory;

use crate::commands::{
    check, clouds, completions, cost, demo, down, init, log, man, migrate, prices, ps, render,
    runs, secrets, up,
};
use crate::printer::Envelope;

/// The name of the schema of the whole object, of which a command's is the `data`.
pub const ENVELOPE: &str = "envelope";

/// The schema of each command's `data`, by the command's name in `schema`; the envelope's first.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (ENVELOPE, of::<Envelope>("What every command prints with --json")),
        ("init", data::<init::Answer>("init")),
        ("check", data::<check::Answer<'_>>("check")),
        ("clouds", data::<clouds::Answer<'_>>("clouds")),
        ("up", data::<up::Answer<'_>>("up")),
        ("down", data::<down::Answer<'_>>("down")),
        ("ps", data::<ps::Answer>("ps")),
        ("inventory", data::<Inventory>("inventory")),
        ("migrate-plan", data::<migrate::PlanAnswer<'_>>("migrate plan")),
        ("migrate-preflight", data::<migrate::PreflightAnswer<'_>>("migrate preflight")),
        ("migrate-rehearse", data::<migrate::RehearseAnswer<'_>>("migrate rehearse")),
        ("migrate-run", data::<migrate::RunAnswer<'_>>("migrate run")),
        ("migrate-rollback", data::<migrate::RollbackAnswer<'_>>("migrate rollback")),
        ("migrate-finish", data::<migrate::Outcome<'_>>("migrate finish")),
        ("runs", data::<runs::Listed>("runs")),
        ("runs-show", data::<runs::Shown<'_>>("runs show")),
        ("runs-resume", data::<runs::Stands>("runs resume")),
        ("runs-abort", data::<runs::Stands>("runs abort")),
        ("runs-approve", data::<runs::Approved<'_>>("runs approve")),
        ("secrets-set", data::<secrets::Named<'_>>("secrets set")),
        ("secrets-list", data::<secrets::Listed<'_>>("secrets list")),
        ("secrets-delete", data::<secrets::Named<'_>>("secrets delete")),
        ("log", data::<log::Answer>("log")),
        ("render", data::<render::Answer>("render")),
        ("cost", data::<cost::Answer>("cost")),
        ("cost-diff", data::<cost::diff::Answer>("cost --diff")),
        ("cost-curve", data::<Curve>("cost curve")),
        ("cost-move", data::<MoveCost>("cost move")),
        ("cost-resilience", data::<cost::resilience::Answer>("cost resilience")),
        ("cost-advise", data::<cost::advise::Answer>("cost advise")),
        ("prices-list", data::<prices::ListAnswer<'_>>("prices list")),
        ("prices-show", data::<prices::ListAnswer<'_>>("prices show")),
        ("prices-check", data::<prices::CheckAnswer>("prices check")),
        ("prices-refresh", data::<prices::RefreshAnswer>("prices refresh")),
        ("completions", data::<completions::Answer>("completions")),
        ("man", data::<man::Answer>("man")),
        ("demo", data::<demo::report::DemoReport>("demo")),
    ]
}

fn data<T: JsonSchema>(command: &str) -> Value {
    of::<T>(&format!("data of `trefoil {command} --json`"))
}

fn of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(RecursiveTransform(plain_description));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// Documentation of Rust breaks its lines, and refers to other items in a way that means nothing
/// to a reader of JSON.
fn plain_description(schema: &mut Schema) {
    let Some(Value::String(text)) = schema.get("description") else { return };
    if text.starts_with("See [`") {
        schema.remove("description");
        return;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        plain.push_str(&format!("{before}`{name}`"));
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = target.map_or(after, |(_, after)| after);
    }
    plain.push_str(rest);
    schema.insert("description".to_owned(), plain.replace('\n', " ").into());
}
