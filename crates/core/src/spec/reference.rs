//! The page that documents every key of a specification, made from the schema.

use serde_json::Value;

use super::schema::{is_mapping, schema, words};
use crate::units::{Bytes, Percent, Period};

const HEAD: &str = "# The specification: every key

<!-- Made from the doc comments of crates/core/src/spec/model by its test `reference`; write there,
     then run TREFOIL_BLESS=1 cargo test -p trefoil-core --test reference -->

`trefoil.yaml` says what runs and where. Only `name` is required. `trefoil init` writes a first one
with comments, `trefoil check` shows every mistake at once, and `trefoil schema` prints its JSON
Schema, which is also in [trefoil.schema.json](trefoil.schema.json). Editors with a YAML language
server use it when the file begins with

```yaml
# yaml-language-server: $schema=trefoil.schema.json
```

A bare key of a section (`database:`) stands for that section with its defaults. An unknown key is
a mistake. `NAME` stands for a name of your choice. A variable such as `TREFOIL_DATABASE__SIZE`
sets `database.size` for one call: a flag wins over such a variable, the variable over the same one
in the `.env` file, that over an environment's `overrides`, those over the section, and the section
over the default.

## How values are written

| value | written as |
|---|---|
| length of time | `250ms`, `30s`, `15m`, `24h`, `7d` |
| amount of data | `500B`, `8kB`, `100GB`, `1TB` (powers of 1,000); `512Mi`, `2Gi` (powers of 1,024) |
| share | `5%`, `0.25%` |
| schedule | `0 2 * * *`: minute, hour, day of the month, month, day of the week, in UTC |
";

/// The page, as Markdown.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## The top of the file\n\n");
    table(&mut page, schema());
    sections(&mut page, "", schema());
    page
}

/// A section of the page for each mapping among the keys, and so on below.
fn sections(page: &mut String, path: &str, schema: &Value) {
    for (key, below) in properties(schema) {
        let path = super::parse::join(path, key);
        if let Some((path, below)) = section(&path, below) {
            page.push_str(&format!("\n## `{path}`\n\n{}\n\n", description(below)));
            table(page, below);
            if !path.ends_with("overrides") {
                sections(page, &path, below);
            }
        }
    }
}

/// The mapping with keys of its own that stands at a path, through names of the user's choice.
fn section<'a>(path: &str, schema: &'a Value) -> Option<(String, &'a Value)> {
    let named = &schema["additionalProperties"];
    if named.is_object() {
        return section(&format!("{path}.NAME"), named);
    }
    (is_mapping(schema) && schema["properties"].is_object()).then(|| (path.to_owned(), schema))
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let keys = schema["properties"].as_object();
    keys.into_iter().flatten().map(|(key, below)| (key.as_str(), below))
}

fn table(page: &mut String, schema: &Value) {
    if properties(schema).next().is_none() {
        page.push_str("It has no keys yet.\n");
        return;
    }
    page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
    for (key, below) in properties(schema) {
        let default = if required.contains(&&Value::from(key)) {
            "required".to_owned()
        } else {
            default(below)
        };
        let meaning = description(below).replace('\n', " ");
        page.push_str(&format!("| `{key}` | {} | {default} | {meaning} |\n", value(below)));
    }
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// What a value is, in words.
fn value(schema: &Value) -> String {
    let choice = words(schema);
    if !choice.is_empty() {
        return choice.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    if schema["additionalProperties"].is_object() {
        let what = if is_mapping(&schema["additionalProperties"]) { "sections" } else { "texts" };
        return format!("{what} by name");
    }
    if is_mapping(schema) {
        return "section".to_owned();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "string" => text(schema).to_owned(),
        "integer" => format!("whole number{}", range(schema)),
        "number" => format!("number{}", range(schema)),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => "list of texts".to_owned(),
        other => other.to_owned(),
    }
}

fn text(schema: &Value) -> &'static str {
    match (schema["pattern"].as_str(), schema["format"].as_str()) {
        (Some(Period::PATTERN), _) => "length of time",
        (Some(Bytes::PATTERN), _) => "amount of data",
        (Some(Percent::PATTERN), _) => "share",
        (_, Some("cron")) => "schedule",
        _ => "text",
    }
}

fn range(schema: &Value) -> String {
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, _) | (_, Value::Null) => String::new(),
        (least, most) => format!(", {least} to {most}"),
    }
}

/// What holds when a key is left out.
fn default(schema: &Value) -> String {
    match &schema["default"] {
        Value::Null | Value::Object(_) => String::new(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}
