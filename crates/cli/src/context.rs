//! What every command gets.

use std::sync::Arc;

use trefoil_core::spec::AppSpec;
use trefoil_ops::engine::{Progress, World};

use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::settings::Settings;
use crate::specification::{self, Specification, Unused};
use crate::{Result, confirm, progress, world};

/// What every command gets.
#[derive(Debug, Clone)]
pub struct Cx {
    /// What holds for this call.
    pub settings: Settings,
    /// Where the answer and the talk go.
    pub printer: Arc<Printer>,
    /// Says when the person wants the command to end.
    pub interrupt: Interrupt,
}

impl Cx {
    /// The specification, checked; its mistakes and warnings are shown, and in one line what
    /// operating it does not use.
    pub async fn specification(&self) -> Result<Specification> {
        specification::read(&self.settings, &self.printer, Unused::Together).await
    }

    /// Environments of the specification, opened to be operated.
    pub fn world(&self, spec: &AppSpec, environments: &[&str]) -> Result<World> {
        world::open(&self.settings, spec, environments)
    }

    /// Goes on only with `--yes` or a yes at the prompt.
    pub async fn confirm(&self, question: &str) -> Result<()> {
        confirm::confirm(&self.settings, question).await
    }

    /// Where the engine shows what it does.
    pub fn progress(&self) -> Box<dyn Progress> {
        progress::new(&self.settings, &self.printer)
    }
}
