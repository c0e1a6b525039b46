//! AI models: which price their tokens have, when they retire, and what follows them.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::price::Confidence;
use crate::{Error, Result};

/// An AI model of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AiModel {
    /// The provider, by the name of its cloud.
    pub provider: String,
    /// The provider's identifier of the model.
    pub id: String,
    /// Other names under which a specification asks for it: what the provider's own tools deploy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The key of the price of what goes in.
    pub input: String,
    /// The key of the price of what comes out; models that embed have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How many characters count as a token, for models that are billed by characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characters_per_token: Option<Decimal>,
    /// The day on which it stops answering, when announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires: Option<Date>,
    /// The model that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// How far the day can be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retirement_confidence: Option<Confidence>,
}

impl AiModel {
    /// Whether a specification means this model by that name.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.names.iter().any(|one| one == name)
    }

    /// What a specification calls it: the name that can be deployed, where that is not the identifier.
    pub fn deployed_as(&self) -> &str {
        self.names.first().unwrap_or(&self.id)
    }

    /// Refuses a model that does not answer any more on the day `today`.
    ///
    /// # Errors
    /// `model_retired`, with the successor.
    pub fn alive(&self, today: Date) -> Result<()> {
        let Some(retires) = self.retires.filter(|retires| *retires <= today) else {
            return Ok(());
        };
        let from = match self.retirement_confidence {
            Some(Confidence::Memory) => " (a date from memory)",
            _ => "",
        };
        let message =
            format!("the model `{}` of `{}` retired on {retires}{from}", self.id, self.provider);
        let hint = match &self.successor {
            Some(successor) => format!("its successor is `{successor}`"),
            None => "choose another with `trefoil prices list`".to_owned(),
        };
        Err(Error::usage("model_retired", message).hint(hint))
    }
}
