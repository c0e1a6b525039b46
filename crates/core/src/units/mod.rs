//! Amounts as people write them: `30s`, `512Mi`, `5%`, `0.5` of a processor, `0 2 * * *`.

mod bytes;
mod cpu;
mod cron;
mod percent;
mod period;

pub use bytes::Bytes;
pub use cpu::Cpu;
pub use cron::Cron;
pub use percent::Percent;
pub use period::Period;
