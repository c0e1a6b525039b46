//! Terraform's own alignment: the `=` of attributes on consecutive lines, and the comments behind
//! them, stand below each other, exactly as `terraform fmt` writes them.
//!
//! The rules are those of `hclwrite`'s format of cells: a line takes part when its value begins
//! and ends on it; any other line ends a run. Indentation is the templates' own.

use std::iter::repeat_n;

/// A line, cut where it is aligned.
#[derive(Default)]
struct Line<'a> {
    /// Up to the `=`, or all of it.
    lead: &'a str,
    /// From the `=` on, when the value is whole on this line.
    assign: Option<&'a str>,
    /// The comment behind the rest.
    comment: Option<&'a str>,
    /// Whether it is the body of a heredoc: a part of the line that opened it.
    is_body: bool,
}

/// Aligns a whole file.
pub fn hcl(text: &str) -> String {
    let lines = cut(text);
    let lead = columns(&lines, |line| line.assign.map(|_| width(line.lead)));
    let whole = |(at, line): (usize, &Line<'_>)| {
        let before = lead[at].unwrap_or_else(|| width(line.lead));
        let assign = line.assign.map_or(0, |assign| 1 + width(assign));
        line.comment.map(|_| before + assign)
    };
    let wholes: Vec<_> = lines.iter().enumerate().map(whole).collect();
    let mut at = 0..;
    let comment = columns(&lines, |_| at.next().and_then(|at: usize| wholes[at]));
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (at, line) in lines.iter().enumerate() {
        let start = out.len();
        out.push_str(line.lead);
        if let (Some(assign), Some(column)) = (line.assign, lead[at]) {
            pad(&mut out, start, column);
            out.push_str(assign);
        }
        if let (Some(text), Some(column)) = (line.comment, comment[at]) {
            pad(&mut out, start, column);
            out.push_str(text);
        }
        out.push('\n');
    }
    out
}

/// Fills the line that began at `start` up to `column`, and one space.
fn pad(out: &mut String, start: usize, column: usize) {
    let now = width(&out[start..]);
    out.extend(repeat_n(' ', column.saturating_sub(now) + 1));
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// For each line that takes part, the widest of its run.
fn columns(
    lines: &[Line<'_>],
    mut of: impl FnMut(&Line<'_>) -> Option<usize>,
) -> Vec<Option<usize>> {
    let own: Vec<_> = lines.iter().map(|line| (line.is_body, of(line))).collect();
    let mut columns = vec![None; own.len()];
    let shown: Vec<_> = (0..own.len()).filter(|at| !own[*at].0).collect();
    for run in shown.chunk_by(|a, b| own[*a].1.is_some() == own[*b].1.is_some()) {
        let widest = run.iter().filter_map(|at| own[*at].1).max();
        run.iter().for_each(|at| columns[*at] = widest);
    }
    columns
}

/// Cuts every line; those of a heredoc are left whole.
fn cut(text: &str) -> Vec<Line<'_>> {
    let mut heredoc: Option<&str> = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(end) = heredoc {
            if line.trim() == end {
                heredoc = None;
            }
            lines.push(Line { lead: line, is_body: true, ..Line::default() });
            continue;
        }
        heredoc = opened(line);
        lines.push(cells(line.trim_end()));
    }
    lines
}

/// The word that ends the heredoc which a line opens.
fn opened(line: &str) -> Option<&str> {
    let (before, word) = line.trim_end().rsplit_once("<<")?;
    let word = word.strip_prefix('-').unwrap_or(word);
    let is_word = !word.is_empty() && word.chars().all(|one| one.is_alphanumeric() || one == '_');
    (is_word && !before.trim_start().starts_with('#')).then_some(word)
}

fn cells(line: &str) -> Line<'_> {
    let marks = scan(line);
    let (rest, comment) = match marks.comment {
        Some(at) if !line[..at].trim().is_empty() => (line[..at].trim_end(), Some(&line[at..])),
        Some(_) => return Line { lead: line, ..Line::default() },
        None => (line, None),
    };
    match marks.equals {
        Some(at) if marks.open == 0 => {
            Line { lead: rest[..at].trim_end(), assign: Some(&rest[at..]), comment, is_body: false }
        }
        _ => Line { lead: rest, comment, ..Line::default() },
    }
}

/// What matters of a line, outside its strings.
#[derive(Default)]
struct Marks {
    /// Where the first `=` stands that is an operator of its own.
    equals: Option<usize>,
    /// Where a comment begins.
    comment: Option<usize>,
    /// How many brackets behind the `=` stay open.
    open: i32,
}

fn scan(line: &str) -> Marks {
    let mut marks = Marks::default();
    // For each string that is open: how many brackets are open in the interpolation we are in.
    let mut strings: Vec<i32> = Vec::new();
    let mut in_text = false;
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        if in_text {
            match bytes[at] {
                b'\\' => at += 1,
                b'"' => {
                    strings.pop();
                    in_text = false;
                }
                b'$' | b'%' if next == Some(bytes[at]) => at += 1,
                b'$' | b'%' if next == Some(b'{') => {
                    in_text = false;
                    at += 1;
                    if let Some(depth) = strings.last_mut() {
                        *depth += 1;
                    }
                }
                _ => {}
            }
            at += 1;
            continue;
        }
        match bytes[at] {
            b'"' => {
                strings.push(0);
                in_text = true;
            }
            b'#' if strings.is_empty() => {
                marks.comment = Some(at);
                break;
            }
            b'/' if strings.is_empty() && next == Some(b'/') => {
                marks.comment = Some(at);
                break;
            }
            b'}' if strings.last() == Some(&1) => {
                strings.pop();
                strings.push(0);
                in_text = true;
            }
            one @ (b'{' | b'[' | b'(') => bracket(&mut marks, &mut strings, one, 1),
            one @ (b'}' | b']' | b')') => bracket(&mut marks, &mut strings, one, -1),
            b'=' => at += equals(&mut marks, (bytes, at), strings.is_empty()),
            _ => {}
        }
        at += 1;
    }
    marks
}

/// Counts a bracket: those behind the `=` of the line, and the braces inside an interpolation.
fn bracket(marks: &mut Marks, strings: &mut [i32], one: u8, by: i32) {
    if marks.equals.is_some() {
        marks.open += by;
    }
    if let (Some(depth), b'{' | b'}') = (strings.last_mut(), one) {
        *depth += by;
    }
}

/// Notes the `=` if it is an operator of its own; how many bytes more it takes.
fn equals(marks: &mut Marks, (bytes, at): (&[u8], usize), outside: bool) -> usize {
    if matches!(bytes.get(at + 1), Some(b'=' | b'>')) {
        return 1;
    }
    let compares = at > 0 && matches!(bytes[at - 1], b'!' | b'<' | b'>');
    if outside && !compares && marks.equals.is_none() && at > 0 {
        marks.equals = Some(at);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::hcl;

    /// What `terraform fmt` 1.11.4 made of the same lines without alignment.
    const FORMATTED: &str = include_str!("align.tf");

    #[test]
    fn aligned_as_terraform_fmt_does() {
        let flat: String = FORMATTED
            .lines()
            .map(|line| {
                let indent = line.len() - line.trim_start().len();
                let words: Vec<_> = line.split_whitespace().collect();
                format!("{}{}\n", &line[..indent], words.join(" "))
            })
            .collect();
        assert_ne!(flat, FORMATTED);
        assert_eq!(hcl(&flat), FORMATTED);
        assert_eq!(hcl(FORMATTED), FORMATTED);
    }
}
