//! The clouds that this build knows. A further cloud is a folder, a line here and a feature.

use crate::{Error, Result};

/// What a cloud gives to this crate.
struct Cloud {
    name: &'static str,
    #[cfg(feature = "operate")]
    open: fn(&crate::operate::OpenSite<'_>) -> Result<crate::operate::Site>,
}

const CLOUDS: &[Cloud] = &[
    #[cfg(feature = "local")]
    Cloud {
        name: "local",
        #[cfg(feature = "operate")]
        open: crate::local::operate::open,
    },
];

/// The names of the clouds that this build knows.
pub fn known() -> Vec<&'static str> {
    CLOUDS.iter().map(|cloud| cloud.name).collect()
}

/// The cloud of that name, or an error that lists those known.
fn find(name: &str) -> Result<&'static Cloud> {
    CLOUDS.iter().find(|cloud| cloud.name == name).ok_or_else(|| {
        Error::usage("cloud_unknown", format!("`{name}` is not a cloud that this build knows"))
            .hint(format!("it knows: {}", known().join(", ")))
    })
}

/// Opens an environment to be operated. Starts nothing.
#[cfg(feature = "operate")]
pub fn open_site(open: &crate::operate::OpenSite<'_>) -> Result<crate::operate::Site> {
    let environment = open.spec.environments.get(open.environment).ok_or_else(|| {
        let names: Vec<_> = open.spec.environments.keys().map(String::as_str).collect();
        Error::usage(
            "environment_unknown",
            format!("there is no environment `{}`", open.environment),
        )
        .hint(format!("the specification has: {}", names.join(", ")))
    })?;
    (find(&environment.cloud)?.open)(open)
}
