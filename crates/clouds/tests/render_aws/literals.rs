//! Reads the strings of Terraform's language, as its specification has them and without any of the
//! renderer's own code.

/// The strings of a file that hold no interpolation, as Terraform would read them, and how many
/// hold one.
pub(crate) fn literals(text: &str) -> (Vec<String>, usize) {
    let (mut plain, mut mixed) = (Vec::new(), 0);
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '#' => at = end_of_line(&chars, at),
            '"' => {
                let (literal, after) = string(&chars, at + 1);
                match literal {
                    Some(literal) => plain.push(literal),
                    None => mixed += 1,
                }
                at = after;
            }
            _ => at += 1,
        }
    }
    (plain, mixed)
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|one| *one == '\n').map_or(chars.len(), |length| from + length)
}

/// The string that begins at `at`, unless it holds an interpolation, and where it ends.
fn string(chars: &[char], mut at: usize) -> (Option<String>, usize) {
    let (mut literal, mut is_plain) = (String::new(), true);
    loop {
        let next = |step: usize| chars.get(at + step).copied();
        match chars[at] {
            '"' => return (is_plain.then_some(literal), at + 1),
            '\n' => panic!("a string goes over the end of its line: {literal}"),
            '\\' => {
                let (one, length) = escaped(&chars[at + 1..]);
                literal.push(one);
                at += 1 + length;
            }
            one @ ('$' | '%') if next(1) == Some(one) && next(2) == Some('{') => {
                literal.extend([one, '{']);
                at += 3;
            }
            '$' | '%' if next(1) == Some('{') => {
                is_plain = false;
                at = interpolation(chars, at + 2);
            }
            one => {
                literal.push(one);
                at += 1;
            }
        }
    }
}

fn escaped(chars: &[char]) -> (char, usize) {
    let hex = |digits: usize| {
        let text: String = chars[1..=digits].iter().collect();
        (char::from_u32(u32::from_str_radix(&text, 16).unwrap()).unwrap(), digits + 1)
    };
    match chars[0] {
        'n' => ('\n', 1),
        'r' => ('\r', 1),
        't' => ('\t', 1),
        '"' => ('"', 1),
        '\\' => ('\\', 1),
        'u' => hex(4),
        'U' => hex(8),
        other => panic!("`\\{other}` is no escape of Terraform's"),
    }
}

/// The end of an interpolation, which may hold strings of its own.
fn interpolation(chars: &[char], mut at: usize) -> usize {
    let mut depth = 1;
    while depth > 0 {
        match chars[at] {
            '{' => depth += 1,
            '}' => depth -= 1,
            '"' => {
                at = string(chars, at + 1).1;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    at
}
