//! Pictures of costs: parts for the templates to draw.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use trefoil_core::cost::curve::Curve;
use trefoil_core::cost::quantity::words;

use crate::{Error, Result};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 940.0;
const TOP: f64 = 30.0;
const BASE: f64 = 370.0;
/// How many lines of the grid there are in each direction.
const TICKS: u32 = 5;
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
    let scale = Scale { from: number(first.value), to: number(last.value), most: number(most) };
    let tick = |share: u32| Decimal::from(share) / Decimal::from(TICKS);
    let picture = Picture {
        title: format!("USD a month over {}", curve.unit),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        top: TOP,
        base: BASE,
        series: (0..curve.clouds.len()).map(|cloud| series(curve, cloud, &scale)).collect(),
        values: (0..=TICKS)
            .map(|share| first.value + (last.value - first.value) * tick(share))
            .map(|value| Tick { at: scale.x(value), label: words(value.round_dp(1)) })
            .collect(),
        amounts: (0..=TICKS)
            .map(|share| most * tick(share))
            .map(|amount| Tick { at: scale.y(amount), label: words(amount.round_dp(0)) })
            .collect(),
        marks: curve
            .break_even
            .iter()
            .map(|one| Tick { at: scale.x(one.value), label: words(one.value.round_dp(2)) })
            .collect(),
    };
    render("curve.svg", include_str!("../../../templates/curve.svg"), &picture)
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
