//! What stands in the way of a bucket's move, found before anything is written: keys that the
//! target cannot hold, and keys that somebody else's object has there.

use std::collections::BTreeSet;

use trefoil_clouds::objects::{KeyRules, ListedObject, ObjectInfo, Objects};
use trefoil_core::plan::Blocker;

use super::list;
use crate::Result;
use crate::movers::retry::retrying;

/// How many keys of a bucket are named.
const NAMED_MAX: usize = 20;

/// Everything that a look at both sides finds. The source is listed only when the target cannot
/// hold every key, and the target only when it holds something.
pub async fn obstacles(bucket: &str, source: &Objects, target: &Objects) -> Result<Vec<Blocker>> {
    let rules = retrying("a probe", |_| target.probe()).await?.keys;
    let mut found = Found { bucket, blockers: Vec::new() };
    if rules != KeyRules::ALL {
        unholdable(source, &rules, &mut found).await?;
    }
    taken(source, target, &mut found).await?;
    Ok(found.blockers)
}

struct Found<'a> {
    bucket: &'a str,
    blockers: Vec<Blocker>,
}

impl Found<'_> {
    fn is_full(&self) -> bool {
        self.blockers.len() >= NAMED_MAX
    }

    fn blocker(&mut self, code: &str, key: &str, why: &str, hint: &str) {
        let key = key.escape_debug();
        let message = format!("the object `{key}` of the bucket {}: {why}", self.bucket);
        self.blockers.push(Blocker { code: code.into(), message, hint: hint.into() });
    }
}

/// Names the source's keys that the target would change or refuse.
async fn unholdable(source: &Objects, rules: &KeyRules, found: &mut Found<'_>) -> Result<()> {
    // The folders of the last key: most keys have those of the one before.
    let mut checked = BTreeSet::new();
    let mut after = None;
    while !found.is_full() {
        let page = list(source, after.as_deref()).await?;
        for object in &page.objects {
            let why = match rules.refuses(&object.key) {
                None if !rules.below_an_object => {
                    below_an_object(source, &object.key, &mut checked).await?
                }
                why => why.map(|why| format!("the key {why}, which the target cannot keep")),
            };
            if let Some(why) = why.filter(|_| !found.is_full()) {
                let hint = "rename it, or choose a bucket that keeps every key";
                found.blocker("object_key_unholdable", &object.key, &why, hint);
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// Whether a beginning of the key, up to a slash, is a key as well.
async fn below_an_object(
    source: &Objects,
    key: &str,
    checked: &mut BTreeSet<String>,
) -> Result<Option<String>> {
    checked.retain(|folder| key.starts_with(folder.as_str()));
    let folders = key.match_indices('/').map(|(at, _)| &key[..at]);
    for folder in folders.filter(|folder| !folder.is_empty()) {
        if !checked.insert(folder.to_owned()) {
            continue;
        }
        if retrying("an object", |_| source.head(folder)).await?.is_some() {
            let folder = folder.escape_debug();
            return Ok(Some(format!(
                "there is an object `{folder}`, and the target cannot keep both"
            )));
        }
    }
    Ok(None)
}

/// Names the source's keys under which the target holds something else.
async fn taken(source: &Objects, target: &Objects, found: &mut Found<'_>) -> Result<()> {
    let mut after = None;
    while !found.is_full() {
        let page = list(target, after.as_deref()).await?;
        for there in &page.objects {
            let here = retrying("an object", |_| source.head(&there.key)).await?;
            if here.is_some_and(|here| !may_be_same(&here, there)) && !found.is_full() {
                let why = "the target holds another object under this key";
                let hint = "it is never overwritten: move it away, or choose another bucket";
                found.blocker("object_foreign", &there.key, why, hint);
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// Whether the two can have the same content; the copy itself makes sure.
fn may_be_same(here: &ObjectInfo, there: &ListedObject) -> bool {
    let digests = here.digest.as_ref().zip(there.digest.as_ref());
    here.size_bytes == there.size_bytes && digests.is_none_or(|(here, there)| here == there)
}
