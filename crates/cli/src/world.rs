//! The environments that a command works on.

use std::collections::BTreeMap;

use trefoil_clouds::operate::OpenSite;
use trefoil_clouds::registry;
use trefoil_core::spec::AppSpec;
use trefoil_ops::engine::World;

use crate::settings::Settings;
use crate::{Error, Result};

/// Opens `environments` of the specification. Starts nothing.
///
/// Errors: `environment_unknown` when the specification has none of that name, `section_not_yet`
/// for a part of the environment that cannot be honoured yet, and whatever its cloud says.
pub fn open(settings: &Settings, spec: &AppSpec, environments: &[&str]) -> Result<World> {
    let program = std::env::current_exe().map_err(|error| {
        Error::missing("program", "cannot find the file of this program").because(error)
    })?;
    let spec_folder = settings.spec_folder()?;
    let mut sites = BTreeMap::new();
    for environment in environments {
        let view = spec.for_environment(environment)?;
        if let Some(error) = spec.not_yet(environment).into_iter().next() {
            return Err(error);
        }
        let site = registry::open_site(&OpenSite {
            spec: &view,
            spec_folder: &spec_folder,
            environment,
            folder: &settings.state,
            program: &program,
        })?;
        sites.insert((*environment).to_owned(), site);
    }
    Ok(World {
        spec: spec.clone(),
        spec_file: settings.file.clone(),
        sites,
        folder: settings.state.clone(),
        log_url: settings.log_url.clone(),
        program,
        kept: Default::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Global;
    use crate::settings::Environment;

    #[test]
    fn an_unknown_environment_is_refused_with_those_there_are() {
        let clouds = registry::known();
        let text = format!("name: shop\nenvironments: {{east: {{cloud: {}}}}}\n", clouds[0]);
        let spec = trefoil_core::spec::parse("t.yaml", &text, &clouds).unwrap().spec;
        let environment = Environment::of_values(&[], "").unwrap();
        let settings = Settings::resolve(&Global::default(), &environment).unwrap();
        let error = open(&settings, &spec, &["north"]).err().unwrap();
        assert_eq!((error.code(), error.kind().exit_code()), ("environment_unknown", 2));
        assert!(error.hint_text().unwrap().contains("east"));
    }
}
