//! Which sites are priced: each environment on the clouds asked for with its overrides, and a cloud by
//! itself where the specification has no environment on it. What one of them cannot be priced for
//! leaves the others their answer.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_clouds::registry;
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::needs::{Architecture, Commitment, Network};
use trefoil_core::cost::{Needs, Place, PriceBook, Site};
use trefoil_core::spec::AppSpec;

use crate::args::{Arch, Choice, Commit, Setup, Way};
use crate::{Error, Result};

/// A site without an estimate.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Refused {
    /// The environment or the cloud.
    pub(super) site: String,
    /// The code of the error.
    pub(super) code: String,
    /// Why it cannot be priced.
    pub(super) message: String,
    /// What would be priced.
    pub(super) hint: Option<String>,
}

/// What is asked about: a cloud, and the environment on it.
pub(super) type Asked<'a> = (&'a str, Option<&'a str>);

/// The sites with an estimate, and the names of those without, with why.
pub(super) type SortedOut = (Vec<Site>, Vec<(String, Error)>);

/// Which sites can be priced.
///
/// # Errors
/// What is wrong with the question itself.
pub(super) fn sort_out(
    spec: &AppSpec,
    estimator: &Estimator<'_>,
    choice: &Choice,
) -> Result<SortedOut> {
    let (mut sites, mut refused) = (Vec::new(), Vec::new());
    for asked in all_asked(spec, choice)? {
        let (cloud, environment) = asked;
        let name = environment.unwrap_or(cloud).to_owned();
        match site(spec, estimator.offer.book, choice, asked) {
            Ok(site) => match estimator.refusal(&site)? {
                Some(error) => refused.push((site.name(), error)),
                None => sites.push(site),
            },
            // A region that a person names is part of the question, one of the specification is not.
            Err(error) if environment.is_some() && region_asked(choice, cloud).is_none() => {
                refused.push((name, error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((sites, refused))
}

fn all_asked<'a>(spec: &'a AppSpec, choice: &'a Choice) -> Result<Vec<Asked<'a>>> {
    let mut clouds: Vec<&str> = match choice.cloud.is_empty() {
        true => registry::priced(),
        false => choice.cloud.iter().map(String::as_str).collect(),
    };
    let mut named = BTreeSet::new();
    clouds.retain(|cloud| named.insert(*cloud));
    for region in &choice.region {
        let of = region.split_once('=').map(|(cloud, _)| cloud);
        if of.map_or(clouds.len() != 1, |cloud| !clouds.contains(&cloud)) {
            let message = format!("`--region {region}` does not say which cloud it is a region of");
            return Err(Error::usage("cost_region", message)
                .hint("write --region CLOUD=REGION, or choose one cloud with --cloud"));
        }
    }
    Ok(clouds.into_iter().flat_map(|cloud| on_cloud(spec, cloud)).collect())
}

/// The environments on a cloud, or the cloud by itself.
fn on_cloud<'a>(spec: &'a AppSpec, cloud: &'a str) -> Vec<Asked<'a>> {
    let environments = spec.environments.iter().filter(|(_, one)| one.cloud == cloud);
    let named: Vec<Asked<'_>> =
        environments.map(|(name, one)| (one.cloud.as_str(), Some(name.as_str()))).collect();
    if named.is_empty() { vec![(cloud, None)] } else { named }
}

/// What a person names: an environment of the specification, or a cloud.
///
/// # Errors
/// `cost_provider`, when it is neither.
pub(super) fn named<'a>(spec: &'a AppSpec, name: &'a str) -> Result<Asked<'a>> {
    let clouds = registry::known();
    match spec.environments.get_key_value(name) {
        Some((name, environment)) => Ok((&environment.cloud, Some(name))),
        None if clouds.contains(&name) => Ok(on_cloud(spec, name)[0]),
        None => {
            let environments = spec.environments.keys().map(String::as_str);
            let names: Vec<_> = environments.chain(registry::priced()).collect();
            let message = format!("`{name}` is neither an environment nor a cloud with prices");
            Err(Error::usage("cost_provider", message)
                .hint(format!("name one of: {}", names.join(", "))))
        }
    }
}

/// One site: in the region asked for, in that of its environment, or in the catalogue's first.
pub(super) fn site(
    spec: &AppSpec,
    book: &PriceBook,
    choice: &Choice,
    (cloud, environment): Asked<'_>,
) -> Result<Site> {
    let own = environment.and_then(|name| spec.environments.get(name)?.region.as_deref());
    let region = book.region(cloud, region_asked(choice, cloud).or(own))?.to_owned();
    Ok(Site {
        environment: environment.map(str::to_owned),
        place: Place { cloud: cloud.to_owned(), region },
        needs: needs(spec, environment, choice)?,
    })
}

fn region_asked<'a>(choice: &'a Choice, cloud: &str) -> Option<&'a str> {
    choice.region.iter().rev().find_map(|region| match region.split_once('=') {
        Some((of, region)) => (of == cloud).then_some(region),
        None => Some(region.as_str()),
    })
}

/// The needs of an environment, or of the specification, with what the flags change.
pub(super) fn needs(spec: &AppSpec, environment: Option<&str>, choice: &Choice) -> Result<Needs> {
    let mut needs = match (choice.setup, environment) {
        (Setup::Rendered, Some(name)) => Needs::of_environment(spec, name)?,
        (Setup::Rendered, None) => Needs::of_rendered(spec),
        (Setup::Bare, Some(name)) => Needs::of_spec(&spec.for_environment(name)?),
        (Setup::Bare, None) => Needs::of_spec(spec),
    };
    needs.commitment = match choice.commit {
        None => needs.commitment,
        Some(Commit::OneYear) => Commitment::OneYear,
        Some(Commit::ThreeYears) => Commitment::ThreeYears,
    };
    needs.database_commitment = needs.commitment;
    needs.network = match choice.network {
        None => needs.network,
        Some(Way::Private) => Network::Private,
        Some(Way::Public) => Network::Public,
        Some(Way::Nat) => Network::Nat,
        Some(Way::Endpoints) => Network::Endpoints,
    };
    if let Some(application) = &mut needs.application {
        application.spot |= choice.spot;
        application.architecture = match choice.arch {
            None => application.architecture,
            Some(Arch::X86) => Architecture::X86,
            Some(Arch::Arm) => Architecture::Arm,
        };
    }
    Ok(needs)
}
