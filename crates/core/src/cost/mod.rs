//! What an application costs on a cloud: pure arithmetic on exact decimals.
//!
//! [`Needs`] (what a specification needs) become [`Usage`]s (what a cloud bills for it; each cloud's
//! folder says which), and [`estimate`](estimate::estimate) prices them from a [`PriceBook`]. A price
//! that the book does not hold is listed as unknown and never counts as nothing.

pub mod advise;
pub mod book;
pub mod charge;
pub mod curve;
pub mod diff;
pub mod estimate;
mod from_rendered;
mod from_spec;
pub mod model;
pub mod moving;
pub mod needs;
pub mod price;
pub mod quantity;
pub mod refresh;
pub mod report;
pub mod resilience;
pub mod sensitivity;
pub mod surroundings;
pub mod usage;

pub use book::PriceBook;
pub use charge::{FreeTiers, Meter};
pub use estimate::{Offer, Place, Pricer, Site};
pub use model::AiModel;
pub use needs::{Needs, Workload};
pub use price::{Category, Confidence, UnitPrice};
pub use report::{CloudCost, CostReport, Line, Unknown};
pub use usage::Usage;
