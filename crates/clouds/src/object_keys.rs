//! Which keys a store keeps byte for byte: stores that keep objects as files fold some of them.

use serde::Serialize;

/// Which unusual keys a store keeps as they are. What is false comes back as another key, or is
/// refused, or takes the place of another object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KeyRules {
    /// `a//b`, which file systems take for `a/b`.
    pub empty_parts: bool,
    /// `/a`.
    pub leading_slash: bool,
    /// `a/` beside `a`.
    pub trailing_slash: bool,
    /// `.`, `..`, `a/../b`.
    pub dot_parts: bool,
    /// `a` and `a/b`, both of them.
    pub below_an_object: bool,
    /// A byte below 0x20, or 0x7F.
    pub control_characters: bool,
    /// One character in its two normal forms, as two keys.
    pub unicode_forms: bool,
    /// A part of more than 255 bytes.
    pub long_parts: bool,
    /// `a\\b` beside `a/b`.
    pub backslashes: bool,
    /// Nothing but white space.
    pub blank: bool,
}

impl KeyRules {
    /// Every legal key is kept.
    pub const ALL: Self = Self {
        empty_parts: true,
        leading_slash: true,
        trailing_slash: true,
        dot_parts: true,
        below_an_object: true,
        control_characters: true,
        unicode_forms: true,
        long_parts: true,
        backslashes: true,
        blank: true,
    };

    /// Why the store cannot keep a key as it is, in words that follow "this key"; `None` when it
    /// can. Two rules depend on the other keys: see [`KeyRules::below_an_object`] and
    /// [`KeyRules::unicode_forms`].
    pub fn refuses(&self, key: &str) -> Option<&'static str> {
        let (first, inner) = (key.starts_with('/'), key.trim_matches('/'));
        let mut parts = key.split('/');
        let broken = [
            (self.leading_slash, first, "begins with `/`"),
            (self.trailing_slash, key.ends_with('/'), "ends with `/`"),
            (self.empty_parts, inner.contains("//") || slashes(key), "has `//` in it"),
            (
                self.dot_parts,
                parts.any(|part| matches!(part, "." | "..")),
                "has a part `.` or `..`",
            ),
            (self.control_characters, key.contains(char::is_control), "has a control character"),
            (self.backslashes, key.contains('\\'), "has `\\` in it"),
            (self.blank, key.trim().is_empty(), "has nothing but white space in it"),
            (self.long_parts, key.split('/').any(is_long), "has a part of more than 255 bytes"),
        ];
        broken.into_iter().find(|(kept, has, _)| !kept && *has).map(|(_, _, why)| why)
    }
}

/// Whether a key begins or ends with more than one slash.
fn slashes(key: &str) -> bool {
    key.starts_with("//") || key.ends_with("//")
}

fn is_long(part: &str) -> bool {
    part.len() > 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_files_names_what_it_folds_and_nothing_else() {
        let files = KeyRules::default();
        for ordinary in ["a", "a/b", " a", "a.b", "...", "a b/c+d", "é", "🍀", &"k".repeat(255)]
        {
            assert_eq!(files.refuses(ordinary), None, "{ordinary:?}");
        }
        let long = format!("a/{}", "k".repeat(256));
        let odd = [
            ("a//b", "has `//` in it"),
            ("/a", "begins with `/`"),
            ("a/", "ends with `/`"),
            ("a/../b", "has a part `.` or `..`"),
            (".", "has a part `.` or `..`"),
            ("a\nb", "has a control character"),
            ("a\\b", "has `\\` in it"),
            (" ", "has nothing but white space in it"),
            (long.as_str(), "has a part of more than 255 bytes"),
        ];
        for (key, why) in odd {
            assert_eq!(files.refuses(key), Some(why), "{key:?}");
            assert_eq!(KeyRules::ALL.refuses(key), None, "{key:?}");
        }
        let only = KeyRules { empty_parts: false, ..KeyRules::ALL };
        assert!(only.refuses("a//").is_some() && only.refuses("//a").is_some());
        assert_eq!(only.refuses("/a/"), None);
    }
}
