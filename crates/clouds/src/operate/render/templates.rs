//! The template engine: strict undefined values, and one escaping function for each language.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error as TemplateError, Output, State, UndefinedBehavior,
};
use serde::Serialize;

use super::{Artefact, align, escape};
use crate::{Error, Result};

/// What a template's file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Terraform.
    Hcl,
    /// Bicep.
    Bicep,
    /// YAML, with values in double quotes.
    Yaml,
    /// JSON.
    Json,
    /// A POSIX shell script, with values in single quotes.
    Shell,
    /// Markdown.
    Markdown,
}

impl Language {
    /// The language of a file, by how its name ends.
    pub fn of(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        Some(match ending {
            "tf" | "tfvars" | "hcl" => Language::Hcl,
            "bicep" | "bicepparam" => Language::Bicep,
            "yaml" | "yml" => Language::Yaml,
            "json" => Language::Json,
            "sh" => Language::Shell,
            "md" => Language::Markdown,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Language::Hcl => "hcl",
            Language::Bicep => "bicep",
            Language::Yaml => "yaml",
            Language::Json => "json",
            Language::Shell => "shell",
            Language::Markdown => "markdown",
        }
    }

    fn escape(name: &str) -> Option<fn(&str) -> String> {
        Some(match name {
            "hcl" => escape::hcl,
            "bicep" => escape::bicep,
            "yaml" | "json" => escape::json,
            "shell" => escape::shell,
            "markdown" => escape::markdown,
            _ => return None,
        })
    }
}

/// The templates of one cloud: the name of each is that of its file, `x.tf`, so that the name
/// says which language it is in.
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Templates by name and source.
    ///
    /// # Errors
    /// `template_wrong` for a source that cannot be read: a fault of this program.
    pub fn new(sources: &[(&'static str, &'static str)]) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(syntax()?);
        environment.set_auto_escape_callback(|name| match Language::of(name) {
            Some(language) => AutoEscape::Custom(language.name().into()),
            None => AutoEscape::None,
        });
        environment.set_formatter(write_escaped);
        for (name, source) in sources {
            environment.add_template(name, source).map_err(|error| wrong(name, error))?;
        }
        Ok(Self { environment })
    }

    /// The file at `path` from the template `name` and its values; Terraform's is aligned as
    /// `terraform fmt` does.
    ///
    /// # Errors
    /// `template_wrong` when the template asks for a value that there is not: a fault of this
    /// program.
    pub fn file(&self, path: &str, name: &str, values: impl Serialize) -> Result<Artefact> {
        let render = || self.environment.get_template(name)?.render(Value::from(Serde(values)));
        let text = render().map_err(|error| wrong(name, error))?;
        let contents = match Language::of(name) {
            Some(Language::Hcl) => align::hcl(&text),
            _ => text,
        };
        Ok(Artefact { path: path.to_owned(), contents })
    }
}

/// Lines that hold only a block vanish, and a file ends as its template does.
fn syntax() -> Result<SyntaxConfig> {
    let mut builder = SyntaxConfig::builder();
    let builder = builder.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    builder.build().map_err(|error| wrong("syntax", error))
}

/// Prints a value: a text passes the escaping function of the file's language, a number or truth
/// value stands as it is, anything else is a fault of the template.
fn write_escaped(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), TemplateError> {
    let wrong = |what: String| TemplateError::new(minijinja::ErrorKind::InvalidOperation, what);
    match value.kind() {
        ValueKind::Number => {}
        // The engine itself would write `True`.
        ValueKind::Bool => {
            return Ok(out.write_str(if value.is_true() { "true" } else { "false" })?);
        }
        ValueKind::String if value.is_safe() => {}
        ValueKind::String => {
            let escape = match state.auto_escape() {
                AutoEscape::Custom(language) => Language::escape(language),
                _ => None,
            };
            let text = value.as_str().zip(escape).map(|(text, escape)| escape(text));
            let text = text.ok_or_else(|| wrong(format!("cannot write `{value}`")))?;
            return Ok(out.write_str(&text)?);
        }
        ValueKind::Undefined => {
            return Err(TemplateError::from(minijinja::ErrorKind::UndefinedError));
        }
        kind => return Err(wrong(format!("a template cannot print a {kind}"))),
    }
    Ok(out.write_str(&value.to_string())?)
}

fn wrong(name: &str, error: TemplateError) -> Error {
    Error::failed("template_wrong", format!("the template `{name}` cannot be rendered"))
        .because(error)
}
