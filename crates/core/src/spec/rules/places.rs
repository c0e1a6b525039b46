//! Rules about places: what is there already, and who takes over from whom.

use super::super::diagnostic::{Diagnostic, nearest, quoted};
use super::super::model::{Copies, NotReference, Reference};
use super::super::parse::Spot;
use super::sections::{address, password, web_address};
use super::spots;

/// The URLs of object stores.
const STORES: [&str; 5] = ["file", "s3", "gs", "az", "https"];
const STORE_FORM: &str = "write the URL of an object store, as in `s3://bucket/folder`";

/// Everything that breaks a rule.
pub(super) fn check(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    for environment in spots(root, &["environments", "*"]) {
        existing(root, &environment, found);
    }
    if let Some(recovery) = root.key("recovery") {
        sites(root, &recovery, found);
        found.extend(recovery.key("witness").and_then(|spot| address(&spot, &STORES, STORE_FORM)));
        copies(root, &recovery, found);
    }
}

/// Parts that are there already belong to a section, and their addresses hold no passwords.
fn existing(root: &Spot<'_>, environment: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    for key in ["database", "application", "sessions"] {
        let Some(part) = environment.key(key).filter(|_| root.key(key).is_none()) else { continue };
        found.push(without_section(&part, key));
    }
    let buckets = root.key("buckets");
    for (entry, bucket) in environment.key("buckets").iter().flat_map(Spot::values) {
        if buckets.as_ref().and_then(|buckets| buckets.key(&entry.key)).is_none() {
            found.push(without_section(&bucket, &format!("buckets.{}", entry.key)));
        }
        found.extend(bucket.key("endpoint").and_then(|spot| web_address(&spot)));
    }
    found.extend(spots(environment, &["application", "url"]).iter().filter_map(web_address));
    for key in ["admin_url", "url"] {
        for spot in spots(environment, &["database", key]) {
            found.extend(reference(&spot, &["postgresql", "postgres"]));
        }
    }
    for spot in spots(environment, &["sessions", "url"]) {
        found.extend(reference(&spot, &[]));
    }
}

fn without_section(part: &Spot<'_>, key: &str) -> Diagnostic {
    let message = format!("{} exists here, but the specification has no `{key}`", part.name());
    let place = part.entry.map_or(part.place, |entry| entry.key_place);
    Diagnostic::error("part_without_section", place, &part.path, message)
        .hint(format!("add `{key}:` to the top of the file, or leave this out"))
}

fn reference(spot: &Spot<'_>, schemes: &[&str]) -> Option<Diagnostic> {
    let known = |url: &str| {
        schemes.is_empty() || schemes.iter().any(|scheme| url.starts_with(&format!("{scheme}:")))
    };
    match spot.node.text()?.parse::<Reference>() {
        Ok(Reference::Url(url)) if !known(&url) => Some(no_reference(spot)),
        Ok(_) => None,
        Err(NotReference::Form) => Some(no_reference(spot)),
        Err(NotReference::Password) => Some(password(
            spot,
            "keep the whole URL in an environment variable or a secret, and name that: \
             `env:VARIABLE` or `secret:NAME`; then change the password, because it has been \
             written down",
        )),
    }
}

fn no_reference(spot: &Spot<'_>) -> Diagnostic {
    let message = format!("{} is not an address, nor the name of one", spot.name());
    Diagnostic::error("url_form", spot.place, &spot.path, message)
        .hint("write `env:VARIABLE` or `secret:NAME`, or a URL without a password")
}

/// The names of the environments.
fn environments<'a>(root: &Spot<'a>) -> Vec<&'a str> {
    let Some(environments) = root.node.get("environments") else { return Vec::new() };
    environments.value.entries().iter().map(|entry| entry.key.as_str()).collect()
}

fn sites(root: &Spot<'_>, recovery: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let known = environments(root);
    let (primary, standby) = (recovery.key("primary"), recovery.key("standby"));
    for spot in [&primary, &standby].into_iter().flatten() {
        let unknown = spot.node.text().filter(|name| !known.contains(name));
        found.extend(unknown.map(|name| unknown_place(spot, name, &known)));
    }
    let (Some(primary), Some(standby)) = (primary, standby) else { return };
    if primary.node.text().is_some() && primary.node.text() == standby.node.text() {
        let message = "the standby is the primary itself".to_owned();
        found.push(
            Diagnostic::error("recovery_same_place", standby.place, &standby.path, message)
                .hint("name another environment: what is lost with the primary cannot replace it"),
        );
    }
}

fn unknown_place(spot: &Spot<'_>, name: &str, known: &[&str]) -> Diagnostic {
    let message = format!("{} is not an environment of this specification", quoted(name));
    let diagnostic = Diagnostic::error("environment_unknown", spot.place, &spot.path, message)
        .allowed(known.iter().copied());
    match nearest(name, known.iter().copied()) {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic.hint("add it under `environments:`"),
    }
}

fn copies(root: &Spot<'_>, recovery: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(copies) = recovery.key("copies") else { return };
    let known = environments(root);
    let of = copies.key("of");
    let items = of.as_ref().map_or(0, |of| of.node.items().len());
    let mut seen = Vec::new();
    for item in (0..items).filter_map(|index| of.as_ref()?.item(index)) {
        let Some(name) = item.node.text() else { continue };
        if name.contains("://") {
            found.extend(address(&item, &STORES, STORE_FORM));
        } else if !known.contains(&name) {
            found.push(unknown_place(&item, name, &known));
        }
        if seen.contains(&name) {
            let message = "this place stands in the list a second time".to_owned();
            found.push(
                Diagnostic::error("place_twice", item.place, &item.path, message)
                    .hint("two copies at one place are lost together: name another place"),
            );
        }
        seen.push(name);
    }
    let places = if items == 0 { 2 } else { items as u64 };
    let at_least = copies.key("at_least").and_then(|spot| spot.node.to_value().as_u64());
    if at_least.unwrap_or(Copies::default().at_least.into()) <= places {
        return;
    }
    let Some(spot) = copies.key("at_least") else { return };
    let message = format!("{} asks for more copies than there are places ({places})", spot.name());
    found.push(
        Diagnostic::error("copies_order", spot.place, &spot.path, message)
            .hint("name more places in `of`, or ask for fewer"),
    );
}
