//! What the engine is doing: bars at a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use trefoil_core::plan::Step;
use trefoil_ops::engine::{Progress, Silent};

use crate::Error;
use crate::printer::Printer;
use crate::settings::Settings;

/// How long plain lines about the same step are apart.
const LINES_APART: Duration = Duration::from_secs(5);

/// The progress that suits the settings and the terminal.
pub fn new(settings: &Settings, printer: &Arc<Printer>) -> Box<dyn Progress> {
    if !settings.progress {
        return Box::new(Silent);
    }
    let printer = Arc::clone(printer);
    if std::io::stderr().is_terminal() {
        Box::new(Bars { printer, bar: Mutex::default() })
    } else {
        Box::new(Lines { printer, step: Mutex::default() })
    }
}

/// A step in words: its number and what it does.
fn title(step: &Step) -> String {
    format!("{:>2} {}", step.n, step.action.name().replace('_', " "))
}

/// The words about a step that ended.
fn ending(step: &Step, took: Duration, error: Option<&Error>) -> String {
    let took = took.as_secs_f64();
    match error {
        None => format!("{}: done in {took:.1} s", title(step)),
        Some(error) => format!("{}: failed after {took:.1} s: {error}", title(step)),
    }
}

/// An amount with its unit.
fn amount(value: u64, unit: &str) -> String {
    match unit {
        "bytes" => BinaryBytes(value).to_string(),
        _ => format!("{} {unit}", HumanCount(value)),
    }
}

/// One bar for the step that runs, and a line for each that ended.
struct Bars {
    printer: Arc<Printer>,
    bar: Mutex<Option<Bar>>,
}

struct Bar {
    shown: ProgressBar,
    began: Instant,
    /// What the bar counts, with whether it knows the total: they choose its style.
    style: Option<(&'static str, bool)>,
}

impl Bars {
    fn bar(&self) -> MutexGuard<'_, Option<Bar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the bar away and says how long it was there.
    fn clear(&self) -> Duration {
        let bar = self.bar().take();
        bar.map_or(Duration::ZERO, |bar| {
            bar.shown.finish_and_clear();
            bar.began.elapsed()
        })
    }
}

/// The template of a bar: amounts, rate, time left.
fn template(unit: &str, total: bool) -> String {
    let (done, all, rate) = match unit {
        "bytes" => ("{binary_bytes}", "{binary_total_bytes}", "{binary_bytes_per_sec}"),
        _ => ("{human_pos}", "{human_len}", "{per_sec}"),
    };
    let unit = if unit == "bytes" { String::new() } else { format!(" {unit}") };
    match total {
        true => format!("{{prefix}} [{{bar:30}}] {done} of {all}{unit}, {rate}, {{eta}} left"),
        false => format!("{{spinner}} {{prefix}} {done}{unit}, {rate}"),
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; a wrong one would show the default bar.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bars {
    fn step_began(&self, step: &Step) {
        self.clear();
        let shown = ProgressBar::no_length().with_style(style("{spinner} {prefix} {elapsed}"));
        shown.set_prefix(title(step));
        shown.enable_steady_tick(Duration::from_millis(200));
        *self.bar() = Some(Bar { shown, began: Instant::now(), style: None });
    }

    fn advanced(&self, done: u64, total: Option<u64>, unit: &'static str) {
        let mut bar = self.bar();
        let Some(bar) = bar.as_mut() else { return };
        let wanted = Some((unit, total.is_some()));
        if bar.style != wanted {
            bar.style = wanted;
            bar.shown.set_style(style(&template(unit, total.is_some())));
        }
        if let Some(total) = total {
            bar.shown.set_length(total);
        }
        bar.shown.set_position(done);
    }

    fn step_ended(&self, step: &Step, error: Option<&Error>) {
        let took = self.clear();
        self.printer.talk(&ending(step, took, error));
    }

    fn undoing(&self, step: &Step) {
        self.clear();
        self.printer.talk(&format!("{}: undone", title(step)));
    }

    fn note(&self, text: &str) {
        match self.bar().as_ref() {
            Some(bar) => bar.shown.suspend(|| self.printer.talk(text)),
            None => self.printer.talk(text),
        }
    }
}

/// Plain lines, not too many.
struct Lines {
    printer: Arc<Printer>,
    step: Mutex<Option<Running>>,
}

struct Running {
    title: String,
    began: Instant,
    last_line: Instant,
}

impl Lines {
    fn step(&self) -> MutexGuard<'_, Option<Running>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The words about a step that goes on: amounts, rate, time left.
fn so_far(done: u64, total: Option<u64>, unit: &str, elapsed: Duration) -> String {
    let per_s = done as f64 / elapsed.as_secs_f64().max(0.001);
    // Shown only, so a rate that is rounded to a whole unit is exact enough.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rate = amount(per_s as u64, unit);
    let Some(total) = total else { return format!("{}, {rate}/s", amount(done, unit)) };
    let of = format!("{} of {}, {rate}/s", amount(done, unit), amount(total, unit));
    if per_s < 1.0 {
        return of;
    }
    let left_s = (total.saturating_sub(done)) as f64 / per_s;
    format!("{of}, {} left", HumanDuration(Duration::from_secs_f64(left_s)))
}

impl Progress for Lines {
    fn step_began(&self, step: &Step) {
        let now = Instant::now();
        *self.step() = Some(Running { title: title(step), began: now, last_line: now });
    }

    fn advanced(&self, done: u64, total: Option<u64>, unit: &'static str) {
        let mut step = self.step();
        let Some(running) = step.as_mut().filter(|step| step.last_line.elapsed() >= LINES_APART)
        else {
            return;
        };
        running.last_line = Instant::now();
        let words = so_far(done, total, unit, running.began.elapsed());
        self.printer.talk(&format!("{}: {words}", running.title));
    }

    fn step_ended(&self, step: &Step, error: Option<&Error>) {
        let began = self.step().take();
        let took = began.map_or(Duration::ZERO, |running| running.began.elapsed());
        self.printer.talk(&ending(step, took, error));
    }

    fn undoing(&self, step: &Step) {
        self.printer.talk(&format!("{}: undone", title(step)));
    }

    fn note(&self, text: &str) {
        self.printer.talk(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_rate_and_time_left() {
        let ten_s = Duration::from_secs(10);
        let words = so_far(10 << 20, Some(30 << 20), "bytes", ten_s);
        assert_eq!(words, "10.00 MiB of 30.00 MiB, 1.00 MiB/s, 20 seconds left");
        assert_eq!(so_far(5_000, None, "rows", ten_s), "5,000 rows, 500 rows/s");
        assert_eq!(so_far(0, Some(9), "objects", ten_s), "0 objects of 9 objects, 0 objects/s");
    }

    #[test]
    fn every_template_is_understood() {
        for unit in ["bytes", "rows", "objects"] {
            for total in [true, false] {
                assert!(ProgressStyle::with_template(&template(unit, total)).is_ok());
            }
        }
    }
}
