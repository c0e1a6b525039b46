//! Pictures of costs: parts for the templates to draw.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, dec};
use serde::Serialize;
use trefoil_core::cost::curve::Curve;
use trefoil_core::cost::quantity::words;

use crate::{Error, Result};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 920.0;
const TOP: f64 = 30.0;
const BASE: f64 = 370.0;
/// How many lines of the grid there are about in each direction.
const TICKS: Decimal = dec!(5);
/// Colours that differ in lightness too, for eyes that do not tell them apart.
const COLOURS: [&str; 6] = ["#1d4ed8", "#ea580c", "#15803d", "#7e22ce", "#be123c", "#0f766e"];

#[derive(Serialize)]
struct Picture {
    title: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    base: f64,
    series: Vec<Series>,
    values: Vec<Tick>,
    amounts: Vec<Tick>,
    marks: Vec<Tick>,
}

#[derive(Serialize)]
struct Series {
    name: String,
    colour: &'static str,
    /// Unbroken stretches; where a price is unknown the line is broken.
    stretches: Vec<String>,
    label_y: f64,
}

#[derive(Serialize)]
struct Tick {
    at: f64,
    label: String,
}

/// Where values and amounts lie in the picture.
struct Scale {
    from: f64,
    to: f64,
    most: f64,
}

impl Scale {
    fn x(&self, value: Decimal) -> f64 {
        LEFT + (number(value) - self.from) / (self.to - self.from) * (RIGHT - LEFT)
    }

    fn y(&self, amount: Decimal) -> f64 {
        BASE - number(amount) / self.most * (BASE - TOP)
    }
}

fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

/// The picture of a curve.
pub(super) fn curve(curve: &Curve) -> Result<String> {
    let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) else {
        return Err(Error::failed("cost_write", "a curve without points cannot be drawn"));
    };
    let totals =
        curve.points.iter().flat_map(|point| &point.totals_usd).filter_map(|total| total.0);
    let most = totals.max().filter(|most| !most.is_zero()).unwrap_or(Decimal::ONE);
    let amounts = round_values(Decimal::ZERO, most);
    let top = amounts.last().copied().unwrap_or(most).max(most);
    let scale = Scale { from: number(first.value), to: number(last.value), most: number(top) };
    let picture = Picture {
        title: format!("USD a month over {}", curve.unit),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        top: TOP,
        base: BASE,
        series: (0..curve.clouds.len()).map(|cloud| series(curve, cloud, &scale)).collect(),
        values: round_values(first.value, last.value)
            .into_iter()
            .filter(|value| *value <= last.value)
            .map(|value| Tick { at: scale.x(value), label: words(value) })
            .collect(),
        amounts: amounts
            .into_iter()
            .map(|amount| Tick { at: scale.y(amount), label: words(amount) })
            .collect(),
        marks: curve
            .break_even
            .iter()
            .map(|one| Tick { at: scale.x(one.value), label: words(one.value.round_dp(2)) })
            .collect(),
    };
    render("curve.svg", include_str!("../../../templates/curve.svg"), &picture)
}

/// Round values a round step apart, from the first within the range to the first at or beyond its end.
fn round_values(from: Decimal, to: Decimal) -> Vec<Decimal> {
    let about = (to - from) / TICKS;
    let mut step = Decimal::ONE;
    while step > about {
        step /= Decimal::TEN;
    }
    while step * Decimal::TEN <= about {
        step *= Decimal::TEN;
    }
    let factors = [Decimal::ONE, Decimal::TWO, dec!(5), Decimal::TEN];
    let step = step * factors.into_iter().find(|one| step * one >= about).unwrap_or(Decimal::TEN);
    let mut at = (from / step).ceil() * step;
    let mut values = vec![at.normalize()];
    while at < to {
        at += step;
        values.push(at.normalize());
    }
    values
}

fn series(curve: &Curve, cloud: usize, scale: &Scale) -> Series {
    let mut stretches = vec![String::new()];
    for point in &curve.points {
        match (point.totals_usd[cloud].0, stretches.last_mut()) {
            (Some(total), Some(stretch)) => {
                stretch.push_str(&format!("{:.1},{:.1} ", scale.x(point.value), scale.y(total)));
            }
            _ => stretches.push(String::new()),
        }
    }
    stretches.retain(|stretch| !stretch.is_empty());
    let name = curve.clouds[cloud].clone();
    let label_y = TOP + 14.0 * f64::from(u32::try_from(cloud).unwrap_or_default());
    Series { name, colour: COLOURS[cloud % COLOURS.len()], stretches, label_y }
}

/// Fills a template; everything in it is escaped.
pub(super) fn render(name: &str, template: &str, value: &impl Serialize) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let wrong = |error: minijinja::Error| {
        Error::failed("cost_write", format!("the template {name} is wrong")).because(error)
    };
    environment.render_str(template, context! { page => Serde(value) }).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_has_round_values() {
        let values = |from, to| round_values(from, to);
        assert_eq!(values(dec!(0), dec!(660.2)), [0, 200, 400, 600, 800].map(Decimal::from));
        assert_eq!(values(dec!(1), dec!(100)), [20, 40, 60, 80, 100].map(Decimal::from));
        let small = values(dec!(0), dec!(0.0042));
        assert_eq!(
            small,
            [dec!(0), dec!(0.001), dec!(0.002), dec!(0.003), dec!(0.004), dec!(0.005)]
        );
        assert_eq!(
            values(dec!(0), dec!(20000)),
            [0, 5_000, 10_000, 15_000, 20_000].map(Decimal::from)
        );
    }
}
