//! Needs x prices -> report.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::book::PriceBook;
use super::charge::{FreeTiers, Meter, NoPrice};
use super::needs::Needs;
use super::quantity::{dollars, words};
use super::report::{CloudCost, CostReport, Line, Unknown, title};
use super::usage::{Priced, Usage};
use crate::{Error, Result};

/// Knows what each cloud bills for what a specification needs.
pub trait Pricer {
    /// The usages of one month.
    ///
    /// # Errors
    /// For what is wrong with the needs: a retired model, an impossible size.
    fn usages(&self, place: &Place, needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>>;
}

/// A region of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The cloud's name.
    pub cloud: String,
    /// The region.
    pub region: String,
}

/// What is to run at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The environment of the specification that it is, when there is one.
    pub environment: Option<String>,
    /// Where it runs.
    pub place: Place,
    /// What it needs.
    pub needs: Needs,
}

impl Site {
    /// What to call it: the cloud and its region, and the environment where it has another name.
    pub fn name(&self) -> String {
        title(self.environment.as_deref(), &self.place.cloud, &self.place.region)
    }
}

/// What can be bought, and when.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The prices.
    pub book: &'a PriceBook,
    /// The day of the estimate: models retire, catalogues age.
    pub today: Date,
    /// Whether what providers give away is taken off.
    pub free_tiers: FreeTiers,
}

/// Estimates: an offer, and who knows what each cloud bills.
#[derive(Clone, Copy)]
pub struct Estimator<'a> {
    /// What can be bought.
    pub offer: Offer<'a>,
    /// What each cloud bills.
    pub pricer: &'a dyn Pricer,
}

impl Estimator<'_> {
    /// What the needs cost each month at one place.
    ///
    /// # Errors
    /// For quantities that are out of range, unknown regions and retired models.
    pub fn cloud(&self, place: &Place, needs: &Needs) -> Result<CloudCost> {
        Ok(bill(place, &self.usages(place, needs)?, &self.offer))
    }

    /// Why a site cannot be priced though others can: it asks for what its cloud does not offer.
    ///
    /// # Errors
    /// For quantities that are out of range and unknown regions: these say that the question is wrong.
    pub fn refusal(&self, site: &Site) -> Result<Option<Error>> {
        self.check(&site.place, &site.needs)?;
        Ok(self.pricer.usages(&site.place, &site.needs, &self.offer).err())
    }

    /// What each of the sites costs each month, the cheapest first; one whose bill is incomplete
    /// stands behind those that are complete.
    ///
    /// # Errors
    /// As for [`Estimator::cloud`].
    pub fn compare(&self, sites: &[Site]) -> Result<CostReport> {
        let mut clouds = Vec::with_capacity(sites.len());
        for site in sites {
            let environment = site.environment.clone();
            clouds.push(CloudCost { environment, ..self.cloud(&site.place, &site.needs)? });
        }
        clouds.sort_by_key(|cloud| (!cloud.is_complete(), cloud.total_usd));
        let catalogue = self.offer.book.catalogue();
        Ok(CostReport {
            currency: catalogue.currency.clone(),
            catalogue_date: catalogue.date,
            warnings: self.warnings(&clouds),
            clouds,
        })
    }

    /// The total alone, without any words; `None` when something has no price.
    ///
    /// # Errors
    /// As for [`Estimator::cloud`].
    pub fn total(&self, place: &Place, needs: &Needs) -> Result<Option<Decimal>> {
        let mut meter = Meter::new(self.offer.free_tiers);
        let mut total = Decimal::ZERO;
        for usage in &self.usages(place, needs)? {
            let Priced::By { key, quantity, .. } = &usage.price else { return Ok(None) };
            let Some(price) = self.offer.book.price(&place.cloud, &place.region, key) else {
                return Ok(None);
            };
            match meter.charge(price, *quantity) {
                Ok(charge) => total += charge.amount,
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(total))
    }

    fn usages(&self, place: &Place, needs: &Needs) -> Result<Vec<Usage>> {
        self.check(place, needs)?;
        self.pricer.usages(place, needs, &self.offer)
    }

    fn check(&self, place: &Place, needs: &Needs) -> Result<()> {
        needs.check()?;
        self.offer.book.region(&place.cloud, Some(&place.region)).map(drop)
    }

    fn warnings(&self, clouds: &[CloudCost]) -> Vec<String> {
        let mut warnings: Vec<_> =
            self.offer.book.age_warning(self.offer.today).into_iter().collect();
        for cloud in clouds {
            let count = cloud.unknown.len();
            if count > 0 {
                let name = cloud.name();
                warnings.push(format!("{name}: {count} without a price; the total is a minimum"));
            }
            let memory: Vec<_> = cloud.from_memory().map(|line| line.item.as_str()).collect();
            if !memory.is_empty() {
                let items = memory.join(", ");
                warnings.push(format!("{}: prices from memory, unsourced: {items}", cloud.cloud));
            }
        }
        warnings
    }
}

/// The bill of a month.
pub fn bill(place: &Place, usages: &[Usage], offer: &Offer<'_>) -> CloudCost {
    let mut meter = Meter::new(offer.free_tiers);
    let mut cost = CloudCost {
        environment: None,
        cloud: place.cloud.clone(),
        region: place.region.clone(),
        total_usd: Decimal::ZERO,
        categories: super::Category::ALL
            .iter()
            .map(|one| (*one, Decimal::ZERO))
            .collect::<BTreeMap<_, _>>(),
        lines: Vec::new(),
        unknown: Vec::new(),
    };
    for usage in usages {
        match line(place, usage, &mut meter, offer) {
            Ok(line) => {
                cost.total_usd += line.amount_usd;
                *cost.categories.entry(line.category).or_default() += line.amount_usd;
                cost.lines.push(line);
            }
            Err(unknown) => cost.unknown.push(unknown),
        }
    }
    cost
}

fn line(
    place: &Place,
    usage: &Usage,
    meter: &mut Meter,
    offer: &Offer<'_>,
) -> Result<Line, Unknown> {
    let unknown = |why: String, quantity| Unknown {
        category: usage.category,
        item: usage.item.clone(),
        why,
        quantity,
    };
    let (key, quantity, how) = match &usage.price {
        Priced::By { key, quantity, how } => (key, *quantity, how),
        Priced::Unknown { why } => return Err(unknown(why.clone(), None)),
    };
    let Some(price) = offer.book.price(&place.cloud, &place.region, key) else {
        let why = format!("the catalogue has no price `{key}` in {}", place.region);
        return Err(unknown(why, Some(quantity)));
    };
    let charge = meter.charge(price, quantity).map_err(|no_price| {
        let why = match no_price {
            NoPrice::BeyondTiers { up_to } => {
                format!("the catalogue prices only the first {} {}", words(up_to), price.unit)
            }
            NoPrice::TooLarge => "the amount is beyond any bill".to_owned(),
        };
        unknown(why, Some(quantity))
    })?;
    let mut sources = vec![price.source.clone()];
    sources.extend(charge.sources.iter().cloned());
    Ok(Line {
        category: usage.category,
        item: usage.item.clone(),
        quantity,
        unit: price.unit.clone(),
        unit_price_usd: charge.slices.first().map_or_else(|| price.first_paid(), |one| one.price),
        amount_usd: charge.amount,
        free_quantity: charge.free,
        formula: format!(
            "{how} = {} {}: {} = {}",
            words(quantity),
            price.unit,
            charge.words(&price.unit),
            dollars(charge.amount)
        ),
        source: sources.join("+"),
        as_of: price.as_of.clone(),
        confidence: charge.confidence,
        key: price.key.clone(),
        service: price.service.clone(),
    })
}
