//! Names within a cloud's limits: stable from one rendering to the next, and different for what is
//! different.

use trefoil_core::digest::sha256_hex;

/// How many digits of a digest tell apart names that were cut to the same beginning.
const DIGITS: usize = 6;

/// `name` itself if it has at most `longest` characters; else its beginning and a part of its
/// digest.
pub fn shortened(name: &str, longest: usize) -> String {
    if name.len() <= longest { name.to_owned() } else { marked(name, name, longest) }
}

/// The beginning of `shown`, which stands for `whole`, and a part of the digest of `whole`: at most
/// `longest` characters.
pub fn marked(shown: &str, whole: &str, longest: usize) -> String {
    let kept: String = shown.chars().take(longest.saturating_sub(DIGITS + 1)).collect();
    let digest = sha256_hex(whole.as_bytes());
    format!("{}-{}", kept.trim_end_matches('-'), &digest[..DIGITS])
}

/// `name` without empty parts: many services refuse two hyphens in a row.
pub fn single_hyphens(name: &str) -> String {
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::{marked, shortened, single_hyphens};

    #[test]
    fn two_names_stay_two() {
        let (one, other) = ("a".repeat(40), format!("{}b", "a".repeat(39)));
        assert_eq!(shortened(&one, 40), one);
        assert_eq!(shortened(&one, 20).len(), 20);
        assert_ne!(shortened(&one, 20), shortened(&other, 20));
        assert_eq!(shortened(&one, 20), shortened(&one, 20));
    }

    #[test]
    fn a_cut_name_has_no_two_hyphens_in_a_row() {
        assert_eq!(single_hyphens("a--b-"), "a-b");
        let cut = marked("shop-orders", "shop--orders", 12);
        assert!(cut.starts_with("shop-") && !cut.contains("--"), "{cut}");
    }
}
