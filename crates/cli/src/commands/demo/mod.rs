//! `trefoil demo`: two local clouds, an application under traffic, a move, the way back, and the
//! count of everything that was acknowledged, by a program that knows nothing of Trefoil.

mod chart;
mod machine;
mod report;
mod stage;
mod story;

pub(crate) use story::{DemoOptions, run};
