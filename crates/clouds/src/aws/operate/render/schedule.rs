//! Schedules in the words of EventBridge, from those of crontab.

use trefoil_core::units::Cron;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The longest expression that EventBridge Scheduler takes.
const LONGEST: usize = 256;

/// What a field of crontab may hold.
struct Field {
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

/// The same times as EventBridge writes them: one expression, or two when crontab names days of the
/// month and of the week, of which either will do there and only one may be named here. `None` for
/// what EventBridge cannot say.
pub(super) fn expressions(cron: &Cron) -> Option<Vec<String>> {
    let fields: Vec<&str> = cron.as_str().split_whitespace().collect();
    let [minute, hour, day, month, week_day] = fields.as_slice() else { return None };
    let minute = numbers(minute, &Field { first: 0, last: 59, names: &[] })?;
    let hour = numbers(hour, &Field { first: 0, last: 23, names: &[] })?;
    let day = numbers(day, &Field { first: 1, last: 31, names: &[] })?;
    let month = numbers(month, &Field { first: 1, last: 12, names: &MONTHS })?;
    let week_day = numbers(week_day, &Field { first: 0, last: 7, names: &DAYS })?;
    let (minute, hour, month) = (list(&minute), list(&hour), list(&month));
    let by_day = |days: &str| format!("cron({minute} {hour} {days} {month} ? *)");
    // Crontab's Sunday is 0 or 7, EventBridge's is 1.
    let week_days = week_day.map(|days| {
        let mut days: Vec<u32> = days.iter().map(|one| one % 7 + 1).collect();
        days.sort_unstable();
        days.dedup();
        days
    });
    let by_week_day = |days: &str| format!("cron({minute} {hour} ? {month} {days} *)");
    let all = match (&day, &week_days) {
        (None, None) => vec![by_day("*")],
        (Some(_), None) => vec![by_day(&list(&day))],
        (None, Some(_)) => vec![by_week_day(&list(&week_days))],
        (Some(_), Some(_)) => vec![by_day(&list(&day)), by_week_day(&list(&week_days))],
    };
    all.iter().all(|one| one.len() <= LONGEST).then_some(all)
}

fn list(numbers: &Option<Vec<u32>>) -> String {
    let Some(numbers) = numbers else { return "*".into() };
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// The numbers that a field names, in order; `Some(None)` for every one, `None` for what is not
/// understood.
fn numbers(text: &str, field: &Field) -> Option<Option<Vec<u32>>> {
    if text == "*" {
        return Some(None);
    }
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (field.first, field.last),
            Some((first, last)) => (number(first, field)?, number(last, field)?),
            None if step > 1 => (number(range, field)?, field.last),
            None => (number(range, field)?, number(range, field)?),
        };
        if first > last {
            return None;
        }
        all.extend((first..=last).step_by(step));
    }
    all.sort_unstable();
    all.dedup();
    Some(Some(all))
}

fn number(text: &str, field: &Field) -> Option<u32> {
    let named = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        Some(place) => u32::try_from(place).ok()? + field.first,
        None => text.parse().ok()?,
    };
    (field.first..=field.last).contains(&number).then_some(number)
}
