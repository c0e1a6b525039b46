//! Reads the part of Bicep that the templates use: enough to check what is rendered without the
//! compiler, which no package registry has. It is stricter than the compiler about what it knows,
//! and refuses what it does not.

use std::collections::BTreeMap;

use crate::scan::{Scanner, Wrong};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Text(Vec<Part>),
    Number(i64),
    Bool(bool),
    Null,
    Name(String),
    Member(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    Object(Vec<(Key, Expr)>),
    Array(Vec<Expr>),
    For { names: Vec<String>, of: Box<Expr>, body: Box<Expr> },
    If(Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    Both(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Literal(String),
    Code(Expr),
}

/// The key of an object: a name, or a text.
pub(crate) type Key = Vec<Part>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Param {
    pub(crate) kind: String,
    pub(crate) decorators: Vec<String>,
    pub(crate) default: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) symbol: String,
    pub(crate) kind: String,
    pub(crate) existing: bool,
    pub(crate) body: Expr,
}

#[derive(Debug, Clone)]
pub(crate) struct Module {
    pub(crate) symbol: String,
    pub(crate) path: String,
    pub(crate) body: Expr,
}

/// A file.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) params: BTreeMap<String, Param>,
    pub(crate) variables: BTreeMap<String, Expr>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) modules: Vec<Module>,
    pub(crate) outputs: BTreeMap<String, Expr>,
}

impl Expr {
    /// The text, when it holds no code.
    pub(crate) fn literal(&self) -> Option<String> {
        let Expr::Text(parts) = self else { return None };
        literal(parts)
    }

    /// The value of a key of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Expr> {
        let Expr::Object(entries) = self.inner() else { return None };
        let found = |(name, _): &&(Key, Expr)| literal(name).as_deref() == Some(key);
        entries.iter().find(found).map(|(_, value)| value)
    }

    /// What a loop or a condition is about.
    pub(crate) fn inner(&self) -> &Expr {
        match self {
            Expr::For { body, .. } | Expr::If(_, body) => body.inner(),
            other => other,
        }
    }

    /// Calls `look` with this and everything in it.
    pub(crate) fn each<'a>(&'a self, look: &mut dyn FnMut(&'a Expr)) {
        look(self);
        let parts = |parts: &'a [Part], look: &mut dyn FnMut(&'a Expr)| {
            for part in parts {
                if let Part::Code(code) = part {
                    code.each(look);
                }
            }
        };
        match self {
            Expr::Text(text) => parts(text, look),
            Expr::Number(_) | Expr::Bool(_) | Expr::Null | Expr::Name(_) => {}
            Expr::Member(one, _) | Expr::Not(one) => one.each(look),
            Expr::Index(one, two) | Expr::If(one, two) | Expr::Both(one, two) => {
                one.each(look);
                two.each(look);
            }
            Expr::Call(one, all) => {
                one.each(look);
                all.iter().for_each(|one| one.each(look));
            }
            Expr::Object(entries) => {
                for (key, value) in entries {
                    parts(key, look);
                    value.each(look);
                }
            }
            Expr::Array(all) => all.iter().for_each(|one| one.each(look)),
            Expr::For { of, body, .. } => {
                of.each(look);
                body.each(look);
            }
            Expr::Choice(one, two, three) => {
                for one in [one, two, three] {
                    one.each(look);
                }
            }
        }
    }
}

/// The text of parts without code.
pub(crate) fn literal(parts: &[Part]) -> Option<String> {
    let text = |part: &Part| match part {
        Part::Literal(text) => Some(text.clone()),
        Part::Code(_) => None,
    };
    parts.iter().map(text).collect()
}

/// Reads a file.
pub(crate) fn parse(text: &str) -> Result<File, Wrong> {
    let mut scanner = Scanner::new(text);
    let mut file = File::default();
    let mut decorators = Vec::new();
    loop {
        scanner.blank_lines();
        if scanner.is_at_end() {
            return Ok(file);
        }
        if scanner.take("@") {
            let Expr::Call(name, _) = expression(&mut scanner)? else {
                return Err(scanner.wrong("a decorator is a call"));
            };
            let Expr::Name(name) = *name else { return Err(scanner.wrong("a name is wanted")) };
            decorators.push(name);
            continue;
        }
        declaration(&mut scanner, &mut file, std::mem::take(&mut decorators))?;
        scanner.end_of_line()?;
    }
}

fn declaration(
    scanner: &mut Scanner<'_>,
    file: &mut File,
    decorators: Vec<String>,
) -> Result<(), Wrong> {
    let word = scanner.name()?;
    match word.as_str() {
        "targetScope" => {
            scanner.want("=")?;
            expression(scanner)?;
        }
        "param" => {
            let (name, kind) = (scanner.name()?, scanner.name()?);
            let default = if scanner.take("=") { Some(expression(scanner)?) } else { None };
            once(scanner, file.params.insert(name, Param { kind, decorators, default }))?;
        }
        "var" => {
            let name = scanner.name()?;
            scanner.want("=")?;
            let value = expression(scanner)?;
            once(scanner, file.variables.insert(name, value))?;
        }
        "output" => {
            let (name, _kind) = (scanner.name()?, scanner.name()?);
            scanner.want("=")?;
            let value = expression(scanner)?;
            once(scanner, file.outputs.insert(name, value))?;
        }
        "resource" | "module" => {
            let (symbol, of) = (scanner.name()?, expression(scanner)?);
            let of = of.literal().ok_or_else(|| scanner.wrong("a plain text is wanted"))?;
            let existing = scanner.take_word("existing");
            scanner.want("=")?;
            let body = body(scanner)?;
            if word == "module" {
                file.modules.push(Module { symbol, path: of, body });
            } else {
                file.resources.push(Resource { symbol, kind: of, existing, body });
            }
        }
        other => return Err(scanner.wrong(&format!("`{other}` begins nothing"))),
    }
    Ok(())
}

fn once<T>(scanner: &Scanner<'_>, before: Option<T>) -> Result<(), Wrong> {
    if before.is_some() { Err(scanner.wrong("it is declared twice")) } else { Ok(()) }
}

/// What may stand where a resource is described, and in a loop.
fn body(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    if !scanner.take_word("if") {
        return expression(scanner);
    }
    scanner.want("(")?;
    let condition = expression(scanner)?;
    scanner.want(")")?;
    Ok(Expr::If(Box::new(condition), Box::new(expression(scanner)?)))
}

pub(crate) fn expression(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    let condition = both(scanner)?;
    if !scanner.take("?") {
        return Ok(condition);
    }
    let yes = expression(scanner)?;
    scanner.want(":")?;
    let no = expression(scanner)?;
    Ok(Expr::Choice(Box::new(condition), Box::new(yes), Box::new(no)))
}

/// Operators with two sides; which binds more does not matter here.
fn both(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    let mut left = single(scanner)?;
    while ["&&", "||", "==", "!=", "+", "-", ">", "<"].iter().any(|one| scanner.take(one)) {
        left = Expr::Both(Box::new(left), Box::new(single(scanner)?));
    }
    Ok(left)
}

fn single(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    if scanner.take("!") {
        return Ok(Expr::Not(Box::new(single(scanner)?)));
    }
    let mut one = primary(scanner)?;
    loop {
        one = if scanner.take(".") {
            Expr::Member(Box::new(one), scanner.name()?)
        } else if scanner.take("[") {
            let index = expression(scanner)?;
            scanner.want("]")?;
            Expr::Index(Box::new(one), Box::new(index))
        } else if scanner.take("(") {
            Expr::Call(Box::new(one), arguments(scanner)?)
        } else {
            return Ok(one);
        };
    }
}

fn arguments(scanner: &mut Scanner<'_>) -> Result<Vec<Expr>, Wrong> {
    let mut all = Vec::new();
    scanner.blank_lines();
    while !scanner.take(")") {
        all.push(expression(scanner)?);
        scanner.take(",");
        scanner.blank_lines();
    }
    Ok(all)
}

fn primary(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    if scanner.take("'") {
        return text(scanner).map(Expr::Text);
    }
    if scanner.take("{") {
        return object(scanner);
    }
    if scanner.take("[") {
        return array(scanner);
    }
    if scanner.take("(") {
        let inner = expression(scanner)?;
        scanner.want(")")?;
        return Ok(inner);
    }
    if let Some(number) = scanner.number() {
        return Ok(Expr::Number(number));
    }
    Ok(match scanner.name()?.as_str() {
        "true" => Expr::Bool(true),
        "false" => Expr::Bool(false),
        "null" => Expr::Null,
        name => Expr::Name(name.to_owned()),
    })
}

/// A text after its opening quote.
fn text(scanner: &mut Scanner<'_>) -> Result<Vec<Part>, Wrong> {
    let mut parts = Vec::new();
    loop {
        let literal = scanner.literal()?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        if scanner.take_exactly("'") {
            return Ok(if parts.is_empty() { vec![Part::Literal(String::new())] } else { parts });
        }
        scanner.want("${")?;
        parts.push(Part::Code(expression(scanner)?));
        scanner.want("}")?;
    }
}

fn object(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    let mut entries = Vec::new();
    scanner.blank_lines();
    while !scanner.take("}") {
        let key = match scanner.take("'") {
            true => text(scanner)?,
            false => vec![Part::Literal(scanner.name()?)],
        };
        scanner.want(":")?;
        entries.push((key, expression(scanner)?));
        scanner.take(",");
        scanner.blank_lines();
    }
    Ok(Expr::Object(entries))
}

fn array(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    if scanner.take_word("for") {
        return each(scanner);
    }
    let mut all = Vec::new();
    scanner.blank_lines();
    while !scanner.take("]") {
        all.push(expression(scanner)?);
        scanner.take(",");
        scanner.blank_lines();
    }
    Ok(Expr::Array(all))
}

/// A loop after its `for`.
fn each(scanner: &mut Scanner<'_>) -> Result<Expr, Wrong> {
    let mut names = Vec::new();
    if scanner.take("(") {
        while !scanner.take(")") {
            names.push(scanner.name()?);
            scanner.take(",");
        }
    } else {
        names.push(scanner.name()?);
    }
    if !scanner.take_word("in") {
        return Err(scanner.wrong("`in` is wanted"));
    }
    let of = Box::new(expression(scanner)?);
    scanner.want(":")?;
    let body = Box::new(body(scanner)?);
    scanner.want("]")?;
    Ok(Expr::For { names, of, body })
}
