//! Names within AWS's limits: stable from one rendering to the next, and different for what is
//! different.

use sha2::{Digest, Sha256};

/// The longest beginning of a name. A load balancer's name has 32 characters, and the longest
/// ending that is put after this one has 8.
const PREFIX: usize = 24;
/// Six digits of a digest: two names of one account that are cut to the same beginning differ.
const DIGITS: usize = 6;
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

/// `name` itself if it has at most `longest` characters and no two hyphens in a row, which
/// databases and registries refuse; else its beginning and a part of its digest.
pub(super) fn fit(name: &str, longest: usize) -> String {
    if name.len() <= longest && !name.contains("--") {
        return name.to_owned();
    }
    let digest = hex::encode(Sha256::digest(name));
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    let single = parts.join("-");
    let room = longest.saturating_sub(DIGITS + 1);
    let beginning: String = single.chars().take(room).collect();
    format!("{}-{}", beginning.trim_end_matches('-'), &digest[..DIGITS])
}

/// A name as Terraform's own: letters, digits and underscores, `kind` first.
pub(super) fn identifier(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.replace('-', "_"))
}

/// A name made of an address, which may hold anything: what can be read of it, and its digest.
pub(super) fn slug(address: &str) -> String {
    let digest = hex::encode(Sha256::digest(address));
    let plain =
        |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' };
    let readable: String = address.chars().map(plain).collect();
    let parts: Vec<&str> = readable.split('-').filter(|part| !part.is_empty()).collect();
    let readable: String = parts.join("-").chars().take(40).collect();
    format!("{}-{}", readable.trim_end_matches('-'), &digest[..DIGITS])
}
