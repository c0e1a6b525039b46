//! Names within AWS's limits: stable from one rendering to the next, and different for what is
//! different.

use crate::operate::render::names::{marked, shortened, single_hyphens};

/// The longest beginning of a name. A load balancer's name has 32 characters, and the longest
/// ending that is put after this one has 8.
const PREFIX: usize = 24;
/// The longest name that is made of an address.
const LONGEST_SLUG: usize = 47;
/// What names of one kind of resource or another may not begin with.
const RESERVED: [&str; 9] =
    ["amazon", "amzn-", "aws", "config", "internal-", "sg-", "ssm", "sthree-", "xn--"];

/// The beginning of every name of an environment.
pub(super) fn prefix(application: &str, environment: &str) -> String {
    let whole = format!("{application}-{environment}");
    let whole = match RESERVED.iter().any(|one| whole.starts_with(one)) {
        true => format!("app-{whole}"),
        false => whole,
    };
    fit(&whole, PREFIX)
}

/// `name` within `longest` characters and without two hyphens in a row, which databases and
/// registries refuse.
pub(super) fn fit(name: &str, longest: usize) -> String {
    match name.contains("--") {
        true => marked(&single_hyphens(name), name, longest),
        false => shortened(name, longest),
    }
}

/// A name as Terraform's own: letters, digits and underscores, `kind` first.
pub(super) fn identifier(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.replace('-', "_"))
}

/// A name made of an address, which may hold anything: what can be read of it, and its digest.
pub(super) fn slug(address: &str) -> String {
    let plain =
        |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' };
    let readable: String = address.chars().map(plain).collect();
    marked(&single_hyphens(&readable), address, LONGEST_SLUG)
}
