//! What is priced: the needs, the places, the catalogue and the day.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use trefoil_clouds::registry::{self, Bills};
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::needs::{Architecture, Commitment, Network};
use trefoil_core::cost::{FreeTiers, Needs, Offer, Place, PriceBook};
use trefoil_core::spec::{AppSpec, Diagnostic};

use crate::args::{Arch, Choice, Commit, Setup, Way};
use crate::settings::Settings;
use crate::{Cx, Error, Result, specification};

/// What is priced, and how.
pub(super) struct Input {
    /// The specification.
    pub(super) spec: AppSpec,
    /// What it needs.
    pub(super) needs: Needs,
    /// Where it is priced.
    pub(super) places: Vec<Place>,
    /// The prices.
    pub(super) book: PriceBook,
    /// The day of the estimate.
    today: Date,
    free_tiers: FreeTiers,
}

impl Input {
    /// Reads the specification of this call and what the flags change.
    pub(super) async fn read(cx: &Cx, choice: &Choice) -> Result<Self> {
        let spec = specification(cx, &cx.settings).await?;
        let book = catalogue(&cx.settings, choice.catalogue.as_deref()).await?;
        let free_tiers = match choice.no_free_tier {
            true => FreeTiers::LeftOut,
            false => FreeTiers::Taken,
        };
        let places = places(&spec, &book, choice)?;
        let needs = chosen(&spec, choice);
        Ok(Self { spec, needs, places, book, today: today(), free_tiers })
    }

    /// Who estimates.
    pub(super) fn estimator(&self) -> Estimator<'_> {
        let offer = Offer { book: &self.book, today: self.today, free_tiers: self.free_tiers };
        Estimator { offer, pricer: &Bills }
    }

    /// The place that a person names: a cloud, or an environment of the specification.
    pub(super) fn place(&self, name: &str) -> Result<Place> {
        if let Some(place) = self.places.iter().find(|place| place.cloud == name) {
            return Ok(place.clone());
        }
        if let Some(environment) = self.spec.environments.get(name) {
            let region = environment.region.as_deref();
            return place(&self.book, &environment.cloud, region);
        }
        place(&self.book, name, None)
    }
}

/// The specification of a file. Sections that only an estimate uses are used here.
pub(in crate::commands) async fn specification(cx: &Cx, settings: &Settings) -> Result<AppSpec> {
    let shown = |warning: &Diagnostic| warning.code != "section_not_yet_used";
    Ok(specification::read_showing(settings, &cx.printer, shown).await?.spec)
}

/// The needs of a specification with what the flags change.
pub(super) fn chosen(spec: &AppSpec, choice: &Choice) -> Needs {
    let mut needs = match choice.setup {
        Setup::Rendered => Needs::of_rendered(spec),
        Setup::Bare => Needs::of_spec(spec),
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
    needs
}

/// The clouds asked for, or all that can be priced; each in the region asked for, in that of its
/// environment, or in the catalogue's first.
fn places(spec: &AppSpec, book: &PriceBook, choice: &Choice) -> Result<Vec<Place>> {
    let clouds: Vec<&str> = match choice.cloud.is_empty() {
        true => registry::priced(),
        false => choice.cloud.iter().map(String::as_str).collect(),
    };
    for region in &choice.region {
        let of = region.split_once('=').map(|(cloud, _)| cloud);
        if of.map_or(clouds.len() != 1, |cloud| !clouds.contains(&cloud)) {
            let message = format!("`--region {region}` does not say of which cloud that is priced");
            return Err(Error::usage("cost_region", message)
                .hint("write --region CLOUD=REGION, or choose one cloud with --cloud"));
        }
    }
    clouds.into_iter().map(|cloud| place(book, cloud, region(spec, choice, cloud))).collect()
}

fn region<'a>(spec: &'a AppSpec, choice: &'a Choice, cloud: &str) -> Option<&'a str> {
    let asked = choice.region.iter().rev().find_map(|region| match region.split_once('=') {
        Some((of, region)) => (of == cloud).then_some(region),
        None => Some(region.as_str()),
    });
    let mut environments = spec.environments.values();
    let environment = environments.find(|one| one.cloud == cloud && one.region.is_some());
    asked.or_else(|| environment?.region.as_deref())
}

fn place(book: &PriceBook, cloud: &str, region: Option<&str>) -> Result<Place> {
    let region = book.region(cloud, region)?.to_owned();
    Ok(Place { cloud: cloud.to_owned(), region })
}

/// Where a refreshed catalogue is kept.
pub(in crate::commands) fn refreshed(settings: &Settings) -> PathBuf {
    settings.state.join("prices.json")
}

/// The catalogue named, else the refreshed one if it is newer than the one built in.
pub(in crate::commands) async fn catalogue(
    settings: &Settings,
    named: Option<&Path>,
) -> Result<PriceBook> {
    if let Some(file) = named {
        return PriceBook::parse(&text(file).await?, &file.display().to_string());
    }
    let embedded = PriceBook::embedded()?;
    let file = refreshed(settings);
    if !tokio::fs::try_exists(&file).await.unwrap_or(false) {
        return Ok(embedded);
    }
    let refreshed = PriceBook::parse(&text(&file).await?, &file.display().to_string())?;
    Ok(if refreshed.date() > embedded.date() { refreshed } else { embedded })
}

async fn text(file: &Path) -> Result<String> {
    tokio::fs::read_to_string(file).await.map_err(|error| {
        let message = format!("cannot read the price catalogue {}", file.display());
        Error::missing("catalogue_unreadable", message).because(error)
    })
}

/// The day here.
pub(in crate::commands) fn today() -> Date {
    jiff::Zoned::now().date()
}
