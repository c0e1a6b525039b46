//! One escaping function for each language that is rendered: whatever a specification says stays
//! a value and never becomes code.
//!
//! Each function gives what stands *between* the quotes of a string of its language.

/// Between the double quotes of a Terraform string: no interpolation, no directive, no line end.
/// Source: Terraform language, "Strings and Templates", escape sequences.
pub fn hcl(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // `$${` and `%%{` are a literal `${` and `%{`.
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(one);
                out.push(one);
            }
            other if other.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => out.push(other),
        }
    }
    out
}

/// Between the single quotes of a Bicep string. Source: Bicep data types, "Strings".
pub fn bicep(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if rest.peek() == Some(&'{') => out.push_str("\\$"),
            other if other.is_control() => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(other)));
            }
            other => out.push(other),
        }
    }
    out
}

/// Between the double quotes of a JSON string, and of a double-quoted YAML scalar, of which JSON's
/// strings are a part (YAML 1.2, section 1.3).
pub fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    // JSON lets these stand, YAML does not or reads them as line ends.
    inner
        .chars()
        .map(|one| match one {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                format!("\\u{:04x}", u32::from(one))
            }
            other => other.to_string(),
        })
        .collect()
}

/// Between the single quotes of a POSIX shell word.
pub fn shell(text: &str) -> String {
    text.replace('\'', r"'\''")
}

/// The text of a Markdown paragraph or table cell: no markup, no HTML, no line end.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            '`' | '*' | '_' | '[' | ']' | '|' | '\\' | '#' => {
                out.push('\\');
                out.push(one);
            }
            other => out.push(other),
        }
    }
    out
}
