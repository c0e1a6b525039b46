//! What is priced: the sites, the catalogue and the day.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use trefoil_clouds::registry::Bills;
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::{FreeTiers, Offer, PriceBook, Site};
use trefoil_core::spec::AppSpec;

use super::sites::{self, Refused};
use crate::args::Choice;
use crate::settings::Settings;
use crate::specification::Unused;
use crate::{Cx, Error, ExitStatus, Result, specification};

/// What is priced, and how.
pub(super) struct Input {
    /// The specification.
    pub(super) spec: AppSpec,
    /// What is priced, and where.
    pub(super) sites: Vec<Site>,
    /// What was asked for and cannot be priced.
    pub(super) refused: Vec<Refused>,
    /// The prices.
    book: PriceBook,
    /// The day of the estimate.
    today: Date,
    free_tiers: FreeTiers,
}

impl Input {
    /// Reads the specification of this call and what the flags change. A site that cannot be priced
    /// is shown; when there is no other, that is the answer.
    pub(super) async fn read(cx: &Cx, choice: &Choice) -> Result<Self> {
        let spec = specification(cx, &cx.settings).await?;
        let book = catalogue(&cx.settings, choice.catalogue.as_deref()).await?;
        let free_tiers = match choice.no_free_tier {
            true => FreeTiers::LeftOut,
            false => FreeTiers::Taken,
        };
        let (sites, refused) = (Vec::new(), Vec::new());
        let mut input = Self { spec, sites, refused, book, today: today(), free_tiers };
        let (sites, mut refused) = sites::sort_out(&input.spec, &input.estimator(), choice)?;
        if sites.is_empty()
            && let Some((_, last)) = refused.pop()
        {
            refused.iter().for_each(|(_, error)| cx.printer.mistake(error));
            return Err(last);
        }
        for (name, error) in refused {
            cx.printer.mistake(&error);
            input.refused.push(Refused {
                site: name,
                code: error.code().to_owned(),
                message: error.chain(),
                hint: error.hint_text().map(str::to_owned),
            });
        }
        input.sites = sites;
        Ok(input)
    }

    /// How a command ends that has answered for the sites that could be priced.
    pub(super) fn ending(&self) -> ExitStatus {
        if self.refused.is_empty() { ExitStatus::Yes } else { ExitStatus::No }
    }

    /// Who estimates.
    pub(super) fn estimator(&self) -> Estimator<'_> {
        let offer = Offer { book: &self.book, today: self.today, free_tiers: self.free_tiers };
        Estimator { offer, pricer: &Bills }
    }

    /// What a person names: an environment of the specification, or a cloud.
    pub(super) fn site(&self, name: &str, choice: &Choice) -> Result<Site> {
        let is_named = |site: &&Site| site.environment.as_deref() == Some(name);
        let is_on = |site: &&Site| site.place.cloud == name;
        let found = self.sites.iter().find(is_named).or_else(|| self.sites.iter().find(is_on));
        match found {
            Some(site) => Ok(site.clone()),
            None => {
                let named = sites::named(&self.spec, name)?;
                sites::site(&self.spec, &self.book, choice, named)
            }
        }
    }
}

/// The specification of a file. Sections that only an estimate uses are used here.
pub(in crate::commands) async fn specification(cx: &Cx, settings: &Settings) -> Result<AppSpec> {
    Ok(specification::read(settings, &cx.printer, Unused::Not).await?.spec)
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
