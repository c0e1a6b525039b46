//! Tables for people: columns without lines, so that they can be copied and searched.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use trefoil_core::checklist::{Evidence, Item, ItemStatus};

/// A table of these rows under these words.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    let text = table.to_string();
    text.lines().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

/// A time to the second, in UTC.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A value's word in JSON, as people read it.
pub fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}

/// What there is, or a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A checklist: what each item still needs, or the last that is known about it.
pub fn checklist(items: &[Item]) -> String {
    let rows = items.iter().map(|item| {
        let id = item.id.clone();
        [word(&item.phase), id, word(&item.status), evidence(item)]
    });
    table(["PHASE", "CHECK", "STATUS", "EVIDENCE, OR WHAT TO CONFIRM"], rows)
}

fn evidence(item: &Item) -> String {
    let ask = item.confirm.as_ref().map(|ask| format!("confirm {ask}"));
    match (item.status, ask) {
        (ItemStatus::NeedsPerson, Some(ask)) => ask,
        (ItemStatus::Pending, Some(ask)) => format!("after the switch: {ask}"),
        _ => item.evidence.last().map_or_else(String::new, told),
    }
}

fn told(evidence: &Evidence) -> String {
    let step = evidence.step.map(|step| format!("step {step}: ")).unwrap_or_default();
    let count = evidence.count.map(|count| format!("{count} ")).unwrap_or_default();
    let by = evidence.by.as_ref().map(|by| format!(": {by}")).unwrap_or_default();
    format!("{step}{count}{}{by}", evidence.what)
}
