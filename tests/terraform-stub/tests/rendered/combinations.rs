//! Specifications that together hold every pair of options.

use std::collections::BTreeSet;

/// What a specification can have: the choices of each option, as YAML at the top of the file.
const OPTIONS: &[&[&str]] = &[
    &["", "profile: standard\n", "profile: resilient\n"],
    &["", "database:\n", "database: {size: medium, high_availability: true, version: 16}\n"],
    &["", "buckets: {documents: , exports: }\n"],
    &["", "sessions: {ttl: 1h}\n"],
    &[
        "",
        "chat: {model: {aws: anthropic.claude-3-5-sonnet-20240620-v1:0, azure: gpt-4o, gcp: gemini-2.5-flash}}\n",
        "chat: {endpoint: \"https://llm.example.com/v1\", key: llm, model: {aws: m, azure: m, gcp: m}}\n",
    ],
    &[
        "",
        "jobs: {nightly: {schedule: 0 3 * * *, command: [clean]}}\n",
        "jobs: {often: {schedule: \"*/5 * * * *\", command: [sync], timeout: 4m, interruptible: true}}\n",
    ],
    &["", "domain: app.example.com\n"],
    &[
        "",
        "alarms: {errors: {metric: error_rate, threshold: 5, notify: ops@example.com}}\n",
        "alarms: {cpu: {metric: cpu, threshold: 80, notify: \"https://example.com/hook\"}, own: {metric: queue_length, threshold: 3, statistic: maximum}}\n",
    ],
    &["", "cache: {memory: 2Gi}\n"],
    &["", "cdn: true\n"],
    &["", "firewall: true\n"],
    &["", "tracing: true\n"],
    &["", "budget: {monthly_usd: 300}\n", "budget: {monthly_usd: 300, notify: cfo@example.com}\n"],
    &[
        "",
        "scale: {min: 0, max: 4}\n",
        "scale: {min: 2, max: 20, concurrency: 100, interruptible: true}\n",
    ],
    &["", "size: {cpu: 2, memory: 4Gi}\n"],
];

/// The application, with and without secrets.
const APPLICATIONS: &[&str] = &[
    "application: {image: \"ghcr.io/acme/shop:1.4.2\"}\n",
    "application:\n  image: ghcr.io/acme/shop:1.4.2\n  command: [shop, serve]\n  secrets: {API_KEY: api-key}\n  \
     variables: {GREETING: \"Good morning ${you} %{if}\"}\n  dapr: true\n",
];

fn options() -> Vec<&'static [&'static str]> {
    let mut all = vec![APPLICATIONS];
    all.extend(OPTIONS);
    all
}

/// A small set of specifications in which every pair of choices of two options stands together at
/// least once: each next one takes the choices that add most pairs.
pub(crate) fn pairwise() -> Vec<String> {
    let options = options();
    let mut missing = BTreeSet::new();
    for (a, choices) in options.iter().enumerate() {
        for (b, others) in options.iter().enumerate().skip(a + 1) {
            for i in 0..choices.len() {
                missing.extend((0..others.len()).map(|j| (a, i, b, j)));
            }
        }
    }
    let mut rows = Vec::new();
    while let Some(&(a, i, b, j)) = missing.first() {
        let mut row = vec![None; options.len()];
        (row[a], row[b]) = (Some(i), Some(j));
        for at in 0..options.len() {
            if row[at].is_none() {
                row[at] =
                    (0..options[at].len()).max_by_key(|choice| gain(&row, at, *choice, &missing));
            }
        }
        let row: Vec<usize> = row.into_iter().flatten().collect();
        missing.retain(|&(a, i, b, j)| row[a] != i || row[b] != j);
        rows.push(row);
    }
    rows.iter().map(|row| text(row)).collect()
}

type Pair = (usize, usize, usize, usize);

/// How many pairs a choice adds.
fn gain(row: &[Option<usize>], at: usize, choice: usize, missing: &BTreeSet<Pair>) -> usize {
    let adds = |(other, chosen): (usize, &Option<usize>)| {
        let chosen = (*chosen)?;
        let pair =
            if at < other { (at, choice, other, chosen) } else { (other, chosen, at, choice) };
        missing.contains(&pair).then_some(())
    };
    row.iter().enumerate().filter_map(adds).count()
}

fn text(row: &[usize]) -> String {
    let chosen = options().into_iter().zip(row).map(|(choices, choice)| choices[*choice]);
    let text: String = chosen.collect();
    // A job or a chat without anything that runs makes no sense, so there is always an application.
    format!("name: shop\n{text}")
}

/// The combinations to run: all with `TREFOIL_TEST_FULL`, else so many, by a seed that is printed.
pub(crate) fn sample(all: &[String], count: usize) -> Vec<(usize, String)> {
    let numbered = all.iter().cloned().enumerate();
    if std::env::var_os("TREFOIL_TEST_FULL").is_some() {
        return numbered.collect();
    }
    let seed: usize = match std::env::var("TREFOIL_TEST_SEED") {
        Ok(seed) => seed.parse().expect("TREFOIL_TEST_SEED is a number"),
        Err(_) => std::process::id() as usize,
    };
    println!("combinations by TREFOIL_TEST_SEED={seed}: {count} of {}", all.len());
    let step = (all.len() / count).max(1);
    numbered.cycle().skip(seed % all.len()).step_by(step).take(count).collect()
}
