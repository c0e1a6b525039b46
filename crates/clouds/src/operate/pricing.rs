//! What the clouds' folders share when they say what they bill.

use rust_decimal::Decimal;
use trefoil_core::cost::quantity::days;
use trefoil_core::cost::usage::Usage;
use trefoil_core::cost::{Category, Needs, Offer};

use crate::Result;

/// Kilobytes in a gigabyte, as bills count.
pub const KB_PER_GB: Decimal = trefoil_core::cost::quantity::MILLION;

/// A size that the cloud sells, or why it sells none.
pub type Fit<T> = Result<T, String>;

/// The tokens of the chat model that the needs name for the cloud: quantities in millions. `plain`
/// takes off what says only how the model is reached.
///
/// # Errors
/// `model_unknown` and `model_retired`.
pub fn tokens(
    cloud: &str,
    plain: fn(&str) -> &str,
    needs: &Needs,
    offer: &Offer<'_>,
) -> Result<Vec<Usage>> {
    let Some(models) = &needs.chat else { return Ok(Vec::new()) };
    let Some(id) = models.get(cloud) else {
        let why = format!("the specification names no chat model for {cloud}");
        return Ok(vec![Usage::unknown(Category::Ai, "chat model", why)]);
    };
    let model = offer.book.model(cloud, plain(id))?;
    model.alive(offer.today)?;
    let load = &needs.workload;
    let million = trefoil_core::cost::quantity::MILLION;
    let units = model.characters_per_token.unwrap_or(Decimal::ONE) / million;
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

/// How a cloud bills logs: by how much comes in, and by how long it is kept.
pub struct LogPrice {
    /// What is billed for a GB that comes in.
    pub key: &'static str,
    /// How many days of keeping are in that.
    pub kept_days: u32,
    /// What is billed for a GB that is kept for a month longer.
    pub beyond_key: &'static str,
}

impl LogPrice {
    /// The lines of a bill for so many GB, and what they and their retention are called.
    pub fn usages(
        &self,
        [item, retention]: [&str; 2],
        (logs_gb, how): (Decimal, String),
        needs: &Needs,
        usages: &mut Vec<Usage>,
    ) {
        let category = Category::Monitoring;
        usages.push(Usage::new(category, item, self.key, logs_gb, how));
        let beyond = needs.log_kept_days.saturating_sub(self.kept_days);
        if beyond > 0 {
            let how = format!("{} GB x {beyond} days beyond {}", words(logs_gb), self.kept_days);
            let kept = logs_gb * Decimal::from(beyond) / days();
            usages.push(Usage::new(category, retention, self.beyond_key, kept, how));
        }
    }
}

/// What a cloud logs by itself.
pub struct CloudLogs {
    /// Of a request, in kB.
    pub request_kb: Decimal,
    /// Of an access to an object or a secret, in kB.
    pub access_kb: Decimal,
    /// Of the platform in a month, in GB.
    pub platform_gb: Decimal,
}

impl CloudLogs {
    /// How many GB a month, and the formula in words.
    pub fn month_gb(&self, needs: &Needs) -> (Decimal, String) {
        let load = &needs.workload;
        let objects = match needs.objects {
            Some(_) => load.object_reads + load.object_writes,
            None => Decimal::ZERO,
        };
        let Self { request_kb, access_kb, platform_gb } = self;
        let (requests, accesses) = (load.requests(), objects + load.secret_reads);
        let how = format!(
            "{} requests x {request_kb} kB + {} accesses x {access_kb} kB + {platform_gb} GB",
            words(requests),
            words(accesses)
        );
        ((requests * request_kb + accesses * access_kb) / KB_PER_GB + platform_gb, how)
    }
}

pub use trefoil_core::cost::quantity::words;
