//! The one place that decides what holds: flag, then `TREFOIL_*`, then the `.env` file, then the
//! default. Keys of the specification are found in the same order; those of an environment's
//! overrides and of the specification itself come behind them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use trefoil_core::spec::Setting;
use url::Url;

use crate::args::{Color, Global};
use crate::{Error, Result};

/// What holds for this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The specification.
    pub file: PathBuf,
    /// The folder of state on this machine, absolute.
    pub state: PathBuf,
    /// Where the log and the journals are when they are not in that folder.
    pub log_url: Option<String>,
    /// Print one JSON object instead of text.
    pub json: bool,
    /// Do not ask.
    pub yes: bool,
    /// Say only what went wrong.
    pub quiet: bool,
    /// How much more to say: 0, 1 or 2.
    pub verbose: u8,
    /// When to use colours.
    pub color: Color,
    /// Whether progress is shown.
    pub progress: bool,
    /// Which messages of the program are logged, in the words of `RUST_LOG`.
    pub log: Option<String>,
    /// Keys of the specification that variables set, the later over the earlier.
    pub overrides: Vec<Setting>,
}

/// The environment variables of the process, and those of the `.env` file behind them.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    process: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
}

/// The file of settings that is read when it is there.
const ENV_FILE: &str = ".env";

impl Environment {
    /// The environment of this process, and the `.env` file named by `flag`, by TREFOIL_ENV_FILE,
    /// or in the current folder. A file that was named must be there.
    pub fn of_process(flag: Option<&Path>) -> Result<Self> {
        let pair = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let process: BTreeMap<_, _> = std::env::vars_os().filter_map(pair).collect();
        let named = flag.map(Path::to_owned);
        let named = named.or_else(|| process.get("TREFOIL_ENV_FILE").map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(ENV_FILE));
        if named.is_none() && !path.is_file() {
            return Ok(Self { process, file: BTreeMap::new() });
        }
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::usage("env_file", format!("cannot read {}", path.display())).because(error)
        })?;
        Ok(Self { process, file: parse_env_file(&path, &text)? })
    }

    /// An environment with these variables and this text of a `.env` file.
    pub fn of_values(process: &[(&str, &str)], file: &str) -> Result<Self> {
        let process = process.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Ok(Self { process, file: parse_env_file(Path::new(ENV_FILE), file)? })
    }

    fn get(&self, name: &str) -> Option<&str> {
        let value = self.process.get(name).or_else(|| self.file.get(name));
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("0" | "false" | "no" | "off") => Ok(false),
            Some("1" | "true" | "yes" | "on") => Ok(true),
            Some(other) => Err(wrong_value(name, other, "true or false")),
        }
    }

    /// Whether one JSON object is wanted instead of text.
    pub fn json(&self) -> Result<bool> {
        self.flag("TREFOIL_JSON")
    }

    /// The variables that set keys of the specification, those of the process last, because the
    /// last wins. An empty one counts as one that is not set.
    fn overrides(&self) -> Vec<Setting> {
        let inherited = self.file.iter().filter(|(name, _)| !self.process.contains_key(*name));
        let named = inherited.chain(&self.process);
        let named = named.filter(|(name, value)| Setting::is_one(name) && !value.is_empty());
        let setting = |(variable, value): (&String, &String)| Setting {
            variable: variable.clone(),
            value: value.clone(),
        };
        named.map(setting).collect()
    }
}

fn wrong_value(name: &str, value: &str, allowed: &str) -> Error {
    Error::usage("setting_value", format!("{name} is `{value}`"))
        .hint(format!("it can be {allowed}"))
}

/// `NAME=value` lines: comments, `export`, and quotes around the value are understood.
fn parse_env_file(path: &Path, text: &str) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let pair = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        // The line is not repeated: it may hold a secret.
        let Some((name, value)) = pair.filter(|(name, _)| is_variable(name.trim())) else {
            let place = format!("{}:{}: not a setting", path.display(), number + 1);
            return Err(Error::usage("env_file", place).hint("each line is NAME=value"));
        };
        values.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
    }
    Ok(values)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value without its quotes; without a comment behind it, if it has no quotes.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

impl Settings {
    /// Decides, once.
    pub fn resolve(flags: &Global, environment: &Environment) -> Result<Self> {
        let file = flags.file.clone();
        let file = file.or_else(|| environment.get("TREFOIL_FILE").map(PathBuf::from));
        let file = file.unwrap_or_else(|| PathBuf::from("trefoil.yaml"));
        let json = flags.json || environment.json()?;
        let no_progress = flags.no_progress || environment.flag("TREFOIL_NO_PROGRESS")?;
        let state = flags.state.as_deref().or_else(|| environment.get("TREFOIL_STATE"));
        Ok(Self {
            log_url: state.filter(|state| is_store(state)).map(str::to_owned),
            state: match state.filter(|state| !is_store(state)) {
                Some(state) => absolute(&state_folder(state)?)?,
                None => folder_of(&file)?.join(".trefoil"),
            },
            json,
            yes: flags.yes || environment.flag("TREFOIL_YES")?,
            quiet: flags.quiet,
            verbose: flags.verbose,
            color: color(flags.color, environment)?,
            progress: !(json || no_progress || flags.quiet),
            log: environment.get("TREFOIL_LOG").map(str::to_owned),
            overrides: environment.overrides(),
            file,
        })
    }

    /// The folder of the specification, absolute.
    pub fn spec_folder(&self) -> Result<PathBuf> {
        folder_of(&self.file)
    }
}

/// A flag is obeyed; NO_COLOR counts for whoever did not say.
fn color(flag: Option<Color>, environment: &Environment) -> Result<Color> {
    if let Some(color) = flag {
        return Ok(color);
    }
    if let Some(text) = environment.get("TREFOIL_COLOR") {
        return Color::from_str(text, false)
            .map_err(|_| wrong_value("TREFOIL_COLOR", text, "auto, always or never"));
    }
    let without = environment.process.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    Ok(if without { Color::Never } else { Color::Auto })
}

fn folder_of(file: &Path) -> Result<PathBuf> {
    let file = absolute(file)?;
    Ok(file.parent().unwrap_or(&file).to_owned())
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        Error::usage("path", format!("`{}` is not a path", path.display())).because(error)
    })
}

/// Whether `--state` names a store elsewhere that can hold the log.
fn is_store(state: &str) -> bool {
    trefoil_clouds::registry::open_log_store(state).is_ok()
}

/// The folder that `--state` names.
fn state_folder(state: &str) -> Result<PathBuf> {
    let Some((scheme, _)) = state.split_once("://") else { return Ok(PathBuf::from(state)) };
    if scheme != "file" {
        // Why it is no store that this build knows; the URL itself may hold a password.
        let why = trefoil_clouds::registry::open_log_store(state).err();
        let message = format!("state cannot be kept at this {scheme}:// address");
        let hint = "give a folder, a file:// URL of one, or s3://BUCKET/FOLDER?endpoint=URL";
        let error = Error::usage("state_not_yet", message).hint(hint);
        return Err(why.into_iter().fold(error, Error::because));
    }
    let path = Url::parse(state).ok().and_then(|url| url.to_file_path().ok());
    path.ok_or_else(|| {
        Error::usage("state_url", format!("`{state}` names no folder on this machine"))
            .hint("a file URL has three slashes: file:///var/lib/trefoil")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: &Global, process: &[(&str, &str)], file: &str) -> Result<Settings> {
        Settings::resolve(flags, &Environment::of_values(process, file)?)
    }

    #[test]
    fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
        let flags = Global { file: Some("flag.yaml".into()), ..Global::default() };
        let process = [("TREFOIL_FILE", "process.yaml")];
        let dotenv = "TREFOIL_FILE=dotenv.yaml\n";
        let file =
            |flags: &Global, process: &[_], dotenv| resolve(flags, process, dotenv).unwrap().file;
        assert_eq!(file(&flags, &process, dotenv), Path::new("flag.yaml"));
        assert_eq!(file(&Global::default(), &process, dotenv), Path::new("process.yaml"));
        assert_eq!(file(&Global::default(), &[], dotenv), Path::new("dotenv.yaml"));
        assert_eq!(file(&Global::default(), &[], ""), Path::new("trefoil.yaml"));
    }

    #[test]
    fn state_is_beside_the_specification_unless_it_is_named() {
        let state = |file: &str, state: Option<&str>| {
            let state = state.map(str::to_owned);
            let flags = Global { file: Some(file.into()), state, ..Global::default() };
            resolve(&flags, &[], "").map(|settings| settings.state)
        };
        assert_eq!(state("/srv/shop/t.yaml", None).unwrap(), Path::new("/srv/shop/.trefoil"));
        assert_eq!(state("t.yaml", Some("/s")).unwrap(), Path::new("/s"));
        assert_eq!(state("t.yaml", Some("file:///a%20b")).unwrap(), Path::new("/a b"));
        assert!(state("t.yaml", Some("here")).unwrap().is_absolute());
        assert_eq!(state("t.yaml", Some("gs://bucket/x")).unwrap_err().code(), "state_not_yet");
        assert_eq!(state("t.yaml", Some("file://host/x")).unwrap_err().code(), "state_url");
    }

    #[test]
    fn a_log_in_a_bucket_leaves_the_rest_beside_the_specification() {
        let url = "s3://bucket/x?endpoint=http://127.0.0.1:1";
        let flags = Global {
            file: Some("/srv/shop/t.yaml".into()),
            state: Some(url.to_owned()),
            ..Global::default()
        };
        let settings = resolve(&flags, &[], "").unwrap();
        assert_eq!(settings.log_url.as_deref(), Some(url));
        assert_eq!(settings.state, Path::new("/srv/shop/.trefoil"));
        let state = Some("s3://id:hidden@bucket/x".to_owned());
        let error = resolve(&Global { state, ..Global::default() }, &[], "").unwrap_err();
        assert_eq!(error.code(), "state_not_yet");
        assert!(!error.chain().contains("hidden"), "{}", error.chain());
    }

    #[test]
    fn flags_from_variables() {
        let yes = |value| resolve(&Global::default(), &[("TREFOIL_YES", value)], "");
        assert!(yes("1").unwrap().yes && !yes("false").unwrap().yes && !yes("").unwrap().yes);
        assert_eq!(yes("maybe").unwrap_err().code(), "setting_value");
        let json = resolve(&Global::default(), &[("TREFOIL_JSON", "true")], "").unwrap();
        assert!(json.json && !json.progress);
    }

    #[test]
    fn colour_is_decided_by_flag_then_variable() {
        let color = |flag, process: &[_]| {
            let flags = Global { color: flag, ..Global::default() };
            resolve(&flags, process, "").map(|settings| settings.color)
        };
        assert_eq!(color(None, &[]).unwrap(), Color::Auto);
        assert_eq!(color(None, &[("NO_COLOR", "1")]).unwrap(), Color::Never);
        assert_eq!(color(None, &[("NO_COLOR", "")]).unwrap(), Color::Auto);
        assert_eq!(color(Some(Color::Always), &[("NO_COLOR", "1")]).unwrap(), Color::Always);
        assert_eq!(color(None, &[("TREFOIL_COLOR", "never")]).unwrap(), Color::Never);
        assert_eq!(color(None, &[("TREFOIL_COLOR", "red")]).unwrap_err().code(), "setting_value");
    }

    #[test]
    fn an_env_file_is_understood() {
        let text = "# settings\nexport TREFOIL_FILE = \"a b.yaml\"\n\nOTHER=x # comment\nE=''\n";
        let environment = Environment::of_values(&[], text).unwrap();
        assert_eq!(environment.get("TREFOIL_FILE"), Some("a b.yaml"));
        assert_eq!(environment.get("OTHER"), Some("x"));
        assert_eq!(environment.get("E"), None);
        let error = Environment::of_values(&[], "A=1\nnonsense secret\n").unwrap_err();
        assert!(error.to_string().contains(".env:2") && !error.to_string().contains("secret"));
    }

    #[test]
    fn variables_that_set_keys_of_the_specification() {
        let process = [("TREFOIL_DATABASE__SIZE", "large"), ("TREFOIL_SCALE__MIN", "")];
        let dotenv = "TREFOIL_DATABASE__SIZE=small\nTREFOIL_SCALE__MAX=5\nTREFOIL_FILE=a.yaml\n";
        let settings = resolve(&Global::default(), &process, dotenv).unwrap();
        let found: Vec<_> =
            settings.overrides.iter().map(|s| (s.variable.as_str(), s.value.as_str())).collect();
        assert_eq!(found, [("TREFOIL_SCALE__MAX", "5"), ("TREFOIL_DATABASE__SIZE", "large")]);
    }
}
