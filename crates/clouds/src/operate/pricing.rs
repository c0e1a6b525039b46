//! What the clouds' folders share when they say what they bill.

use trefoil_core::cost::usage::Usage;
use trefoil_core::cost::{Category, Needs, Offer};

use crate::Result;

/// Kilobytes in a gigabyte, as bills count.
pub const KB_PER_GB: rust_decimal::Decimal = trefoil_core::cost::quantity::MILLION;

/// A size that the cloud sells, or why it sells none.
pub type Fit<T> = Result<T, String>;

/// The tokens of the chat model that the needs name for the cloud: quantities in millions.
///
/// # Errors
/// `model_unknown` and `model_retired`.
pub fn tokens(cloud: &str, needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>> {
    let Some(models) = &needs.chat else { return Ok(Vec::new()) };
    let Some(id) = models.get(cloud) else {
        let why = format!("the specification names no chat model for {cloud}");
        return Ok(vec![Usage::unknown(Category::Ai, "chat model", why)]);
    };
    let model = offer.book.model(cloud, id)?;
    model.alive(offer.today)?;
    let load = &needs.workload;
    let million = trefoil_core::cost::quantity::MILLION;
    let units = model.characters_per_token.unwrap_or(rust_decimal::Decimal::ONE) / million;
    let mut usages = vec![Usage::new(
        Category::Ai,
        format!("{id}, tokens in"),
        model.input.as_str(),
        load.input_tokens * units,
        format!("{} tokens in", words(load.input_tokens)),
    )];
    if let Some(output) = &model.output {
        usages.push(Usage::new(
            Category::Ai,
            format!("{id}, tokens out"),
            output.as_str(),
            load.output_tokens * units,
            format!("{} tokens out", words(load.output_tokens)),
        ));
    }
    Ok(usages)
}

pub use trefoil_core::cost::quantity::words;
