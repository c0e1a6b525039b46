//! The characters of a Bicep file: words, numbers, texts, comments.

/// What is wrong, with the line.
pub(crate) type Wrong = String;

pub(crate) struct Scanner<'a> {
    all: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(all: &'a str) -> Self {
        Self { all, at: 0 }
    }

    pub(crate) fn wrong(&self, what: &str) -> Wrong {
        let line = self.all[..self.at].lines().count();
        let here: String = self.rest().chars().take(30).collect();
        format!("line {line}: {what}, at {here:?}")
    }

    fn rest(&self) -> &'a str {
        &self.all[self.at..]
    }

    /// Goes past spaces and comments, but not past the end of a line.
    fn spaces(&mut self) {
        loop {
            let rest = self.rest();
            let next = rest.trim_start_matches([' ', '\t']);
            self.at += rest.len() - next.len();
            if !next.starts_with("//") {
                return;
            }
            self.at += next.find('\n').unwrap_or(next.len());
        }
    }

    pub(crate) fn blank_lines(&mut self) {
        self.spaces();
        while self.rest().starts_with('\n') {
            self.at += 1;
            self.spaces();
        }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn end_of_line(&mut self) -> Result<(), Wrong> {
        self.spaces();
        if self.is_at_end() || self.rest().starts_with('\n') {
            return Ok(());
        }
        Err(self.wrong("the line should end here"))
    }

    /// Takes a sign, if it is next.
    pub(crate) fn take(&mut self, sign: &str) -> bool {
        self.spaces();
        self.take_exactly(sign)
    }

    /// Takes a sign, if it is next without any space.
    pub(crate) fn take_exactly(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        self.spaces();
        let after = self.rest().strip_prefix(word);
        let is_word = after.is_some_and(|after| !after.starts_with(in_name));
        is_word && self.take_exactly(word)
    }

    pub(crate) fn want(&mut self, sign: &str) -> Result<(), Wrong> {
        if self.take(sign) { Ok(()) } else { Err(self.wrong(&format!("`{sign}` is wanted"))) }
    }

    pub(crate) fn name(&mut self) -> Result<String, Wrong> {
        self.spaces();
        let rest = self.rest();
        let end = rest.find(|one| !in_name(one)).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|one: char| one.is_ascii_digit()) {
            return Err(self.wrong("a name is wanted"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    pub(crate) fn number(&mut self) -> Option<i64> {
        self.spaces();
        let rest = self.rest();
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let length = digits.find(|one: char| !one.is_ascii_digit()).unwrap_or(digits.len());
        let end = rest.len() - digits.len() + length;
        let number = rest[..end].parse().ok()?;
        self.at += end;
        Some(number)
    }

    /// What a text says up to its end or the next code in it.
    pub(crate) fn literal(&mut self) -> Result<String, Wrong> {
        let mut out = String::new();
        loop {
            let mut rest = self.rest().chars();
            match rest.next() {
                None | Some('\n') => return Err(self.wrong("a text does not end")),
                Some('\'') => return Ok(out),
                Some('$') if rest.as_str().starts_with('{') => return Ok(out),
                Some('\\') => out.push(self.escaped()?),
                Some(other) => {
                    out.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Wrong> {
        self.at += 1;
        for (written, meant) in
            [("n", '\n'), ("r", '\r'), ("t", '\t'), ("\\", '\\'), ("'", '\''), ("${", '$')]
        {
            if self.rest().starts_with(written) {
                self.at += 1;
                return Ok(meant);
            }
        }
        let code = self.rest().strip_prefix("u{").and_then(|rest| rest.split_once('}'));
        let Some((code, _)) = code else { return Err(self.wrong("an unknown escape")) };
        self.at += code.len() + 3;
        let meant = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        meant.ok_or_else(|| self.wrong("not a character"))
    }
}

fn in_name(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '_'
}
