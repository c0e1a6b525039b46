//! What a cloud bills for what a specification needs: a key of the catalogue and a quantity.

use rust_decimal::Decimal;

use super::price::Category;

/// One thing that a cloud bills each month.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// The category in which it is shown.
    pub category: Category,
    /// What it is, in words.
    pub item: String,
    /// How it is priced.
    pub price: Priced,
}

/// How a usage is priced.
#[derive(Debug, Clone, PartialEq)]
pub enum Priced {
    /// By a price of the catalogue.
    By {
        /// The key of the price.
        key: String,
        /// How much of it in a month, in the price's unit.
        quantity: Decimal,
        /// How the quantity comes about, in words.
        how: String,
    },
    /// It cannot be priced, and why.
    Unknown {
        /// Why, in words.
        why: String,
    },
}

impl Usage {
    /// A quantity of a price of the catalogue.
    pub fn new(
        category: Category,
        item: impl Into<String>,
        key: impl Into<String>,
        quantity: Decimal,
        how: impl Into<String>,
    ) -> Self {
        let price = Priced::By { key: key.into(), quantity, how: how.into() };
        Self { category, item: item.into(), price }
    }

    /// Something that this cloud does not sell so, or whose size the specification leaves open.
    pub fn unknown(category: Category, item: impl Into<String>, why: impl Into<String>) -> Self {
        Self { category, item: item.into(), price: Priced::Unknown { why: why.into() } }
    }
}
