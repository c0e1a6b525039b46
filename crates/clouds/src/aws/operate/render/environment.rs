//! What a container is given: its variables, and where its secrets lie.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{AppSpec, Application};

use super::super::resources::foundation_model;
use super::names::identifier;

/// A variable and its value, or the place of its value.
#[derive(Debug, Serialize)]
pub(super) struct Variable {
    name: String,
    value: String,
}

/// A secret that is given to the application.
#[derive(Debug, Serialize)]
pub(super) struct Secret {
    name: String,
    ident: String,
}

/// A language model of Bedrock.
#[derive(Debug, Serialize)]
pub(super) struct Bedrock {
    model: String,
    /// The model itself, of which `model` may be a profile over several regions.
    foundation: String,
    profile: bool,
}

/// The cloud's own name.
pub(super) const CLOUD: &str = "aws";

/// The role of the database that the application signs in as.
pub(super) const DATABASE_USER: &str = "application";

/// The variables of the application whose values are no secrets. `${...}` is filled in by
/// Terraform when it reads the task definition.
pub(super) fn variables(deployment: &Deployment, application: &Application) -> Vec<Variable> {
    let spec = &deployment.spec;
    let mut all = BTreeMap::new();
    let mut put = |name: &str, value: String| all.insert(name.to_owned(), value);
    for (name, value) in &application.variables {
        put(name, literal(value));
    }
    put("PORT", application.port.to_string());
    put("LOG_LEVEL", application.log_level.as_str().to_owned());
    put("AWS_REGION", "${region}".to_owned());
    if let Some(name) = spec.database_name() {
        // RDS signs its certificates itself: an image has no way to check them without its bundle.
        let url = format!("postgresql://{DATABASE_USER}@${{database_host}}:5432/{name}");
        put("DATABASE_URL", format!("{url}?sslmode=require"));
    }
    for name in spec.buckets.keys() {
        let variable = format!("BUCKET_{}_URL", name.to_ascii_uppercase().replace('-', "_"));
        put(&variable, format!("s3://${{{}}}?region=${{region}}", identifier("bucket", name)));
    }
    if spec.sessions.is_some() {
        put("SESSIONS_URL", "dynamodb://${sessions_table}?region=${region}".to_owned());
    }
    if spec.cache.is_some() {
        put("CACHE_URL", "rediss://${cache_host}:6379".to_owned());
    }
    if spec.tracing {
        put("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317".to_owned());
        put("OTEL_SERVICE_NAME", spec.name.clone());
    }
    for (name, value) in chat(spec) {
        put(name, value);
    }
    all.into_iter().map(|(name, value)| Variable { name, value }).collect()
}

fn chat(spec: &AppSpec) -> Vec<(&'static str, String)> {
    let Some(chat) = &spec.chat else { return Vec::new() };
    let own = "https://bedrock-runtime.${region}.amazonaws.com/openai/v1".to_owned();
    let endpoint = chat.endpoint.as_deref().map_or(own, literal);
    let timeout = chat.timeout.as_millis().to_string();
    let mut all = vec![("CHAT_BASE_URL", endpoint), ("CHAT_TIMEOUT_MS", timeout)];
    all.extend(chat.model.get(CLOUD).map(|model| ("CHAT_MODEL", literal(model))));
    all.extend(chat.api_version.as_deref().map(|version| ("CHAT_API_VERSION", literal(version))));
    all
}

/// The variables of the application whose values are secrets, and where they lie.
pub(super) fn secret_variables(
    deployment: &Deployment,
    application: &Application,
) -> Vec<Variable> {
    let spec = &deployment.spec;
    let place = |secret: &str| format!("${{{}}}", identifier("secret", secret));
    let mut all: BTreeMap<String, String> = application
        .secrets
        .iter()
        .map(|(variable, secret)| (variable.clone(), place(secret)))
        .collect();
    if spec.database.is_some() {
        all.insert("PGPASSWORD".into(), "${database_secret_arn}:password::".into());
    }
    if let Some(key) = spec.chat.as_ref().and_then(|chat| chat.key.as_deref()) {
        all.insert("CHAT_API_KEY".into(), place(key));
    }
    // A name can be given once: what the environment gives wins over what is declared.
    for given in variables(deployment, application) {
        all.remove(&given.name);
    }
    all.into_iter().map(|(name, value)| Variable { name, value }).collect()
}

/// The secrets that somebody has to give.
pub(super) fn secrets(spec: &AppSpec) -> Vec<Secret> {
    let Some(application) = &spec.application else { return Vec::new() };
    let key = spec.chat.as_ref().and_then(|chat| chat.key.as_ref());
    let names: BTreeSet<&String> = application.secrets.values().chain(key).collect();
    let secret = |name: &String| Secret { name: name.clone(), ident: identifier("secret", name) };
    names.into_iter().map(secret).collect()
}

/// The model of Bedrock that the application asks; `None` when it asks no model, or one elsewhere.
pub(super) fn bedrock(spec: &AppSpec) -> Option<Bedrock> {
    let chat = spec.chat.as_ref().filter(|chat| chat.endpoint.is_none())?;
    spec.application.as_ref()?;
    let model = chat.model.get(CLOUD)?;
    let foundation = foundation_model(model);
    Some(Bedrock {
        model: model.clone(),
        foundation: foundation.to_owned(),
        profile: foundation != model,
    })
}

/// A program and its arguments, as they are.
pub(super) fn command(parts: &[String]) -> Vec<String> {
    parts.iter().map(|part| literal(part)).collect()
}

/// A text that Terraform's template leaves as it is: it neither fills in nor repeats anything.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
