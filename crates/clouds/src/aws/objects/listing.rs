//! Listings: keys come back encoded, since XML cannot hold every character that a key can.

use aws_sdk_s3::types::{DeleteMarkerEntry, EncodingType, Object, ObjectVersion};
use url::form_urlencoded;

use super::S3Objects;
use super::failure::failure;
use super::info::{size, timestamp};
use crate::objects::{ListedObject, Page, Version};
use crate::{Error, Result};

/// The most that the store lists in one call.
const PAGE_MAX: usize = 1_000;

/// Objects whose key starts with `prefix` and is after `after`, at most `limit`.
pub(super) async fn page(
    objects: &S3Objects,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page> {
    let (mut found, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let wanted = (limit - found.len()).min(PAGE_MAX);
        let (part, truncated) = one_call(objects, prefix, after.as_deref(), wanted).await?;
        let last = part.last().map(|object| object.key.clone());
        found.extend(part);
        match last {
            Some(last) if truncated && found.len() < limit => after = Some(last),
            last => return Ok(Page { next: last.filter(|_| truncated), objects: found }),
        }
    }
}

/// At least one key, unless there are no more, and whether there are more. A page may be empty and
/// not the last one.
async fn one_call(
    objects: &S3Objects,
    prefix: &str,
    after: Option<&str>,
    wanted: usize,
) -> Result<(Vec<ListedObject>, bool)> {
    let mut token = None;
    loop {
        let (mut listed, truncated, next) = ask(objects, prefix, after, wanted, token).await?;
        if listed.is_empty() && truncated {
            if next.is_none() {
                let why = "the store says that a listing has more, and not where";
                return Err(Error::failed("bucket_listing", why));
            }
            token = next;
            continue;
        }
        let more = listed.len() > wanted;
        listed.truncate(wanted);
        return Ok((listed, truncated || more));
    }
}

async fn ask(
    objects: &S3Objects,
    prefix: &str,
    after: Option<&str>,
    wanted: usize,
    token: Option<String>,
) -> Result<(Vec<ListedObject>, bool, Option<String>)> {
    let before = after.map(before);
    let again = usize::from(after.is_some());
    let found = objects
        .client()
        .await
        .list_objects_v2()
        .bucket(&objects.address.bucket)
        .prefix(prefix)
        .set_start_after(before.clone())
        .set_continuation_token(token)
        .max_keys(i32::try_from(wanted + again).unwrap_or(i32::MAX))
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .map_err(|error| failure(&objects.address, error))?;
    let encoded = found.encoding_type == Some(EncodingType::Url);
    let truncated = found.is_truncated.unwrap_or(false);
    let listed = found.contents.unwrap_or_default().into_iter();
    let listed: Result<Vec<_>> = listed.map(|object| listed_object(object, encoded)).collect();
    let (mut listed, given) = (listed?, before.as_deref().zip(after));
    listed.retain(|object| {
        given.is_none_or(|(before, after)| object.key != after && !is_between(&object.key, before))
    });
    Ok((listed, truncated, found.next_continuation_token))
}

/// A key just before another one. A store of folders that is told to begin after the object `a`
/// leaves out all that is in the folder `a` too; told to begin before it, it leaves out nothing.
fn before(key: &str) -> String {
    let Some(last) = key.chars().next_back() else { return String::new() };
    let mut before = key[..key.len() - last.len_utf8()].to_owned();
    let lower = (0..u32::from(last)).rev().find_map(char::from_u32);
    // Nothing is between `a` and `a` with a zero behind it.
    if let Some(lower) = lower {
        before.extend([lower, char::MAX]);
    }
    before
}

fn listed_object(object: Object, encoded: bool) -> Result<ListedObject> {
    Ok(ListedObject {
        key: decode(object.key.unwrap_or_default(), encoded)?,
        size_bytes: size(object.size),
        etag: object.e_tag.unwrap_or_default(),
        modified_at: timestamp(object.last_modified.as_ref()),
        digest: None,
        attributes: None,
    })
}

/// The versions of a key, newest first, at most `limit`.
pub(super) async fn versions(objects: &S3Objects, key: &str, limit: usize) -> Result<Vec<Version>> {
    let (mut found, mut marker) = (Vec::new(), Marker::default());
    loop {
        let (page, next) = versions_page(objects, key, marker).await?;
        // Other keys with this one as a prefix come after all of its versions.
        let beyond = page.iter().any(|(of, _)| of != key);
        found.extend(page.into_iter().filter(|(of, _)| of == key).map(|(_, version)| version));
        match next {
            Some(next) if !beyond && found.len() < limit => marker = next,
            _ => break,
        }
    }
    found.sort_by(|one, other| {
        other.is_latest.cmp(&one.is_latest).then(other.modified_at.cmp(&one.modified_at))
    });
    found.truncate(limit);
    Ok(found)
}

/// Every version below a prefix, by key and name.
pub(super) async fn all_versions(
    objects: &S3Objects,
    prefix: &str,
) -> Result<Vec<(String, Option<String>)>> {
    let (mut found, mut marker) = (Vec::new(), Marker::default());
    loop {
        let (page, next) = versions_page(objects, prefix, marker).await?;
        found.extend(page.into_iter().map(|(key, version)| (key, Some(version.version))));
        match next {
            Some(next) => marker = next,
            None => return Ok(found),
        }
    }
}

/// Where the next page of versions begins.
#[derive(Default)]
struct Marker {
    key: Option<String>,
    version: Option<String>,
}

async fn versions_page(
    objects: &S3Objects,
    prefix: &str,
    marker: Marker,
) -> Result<(Vec<(String, Version)>, Option<Marker>)> {
    let page = objects
        .client()
        .await
        .list_object_versions()
        .bucket(&objects.address.bucket)
        .prefix(prefix)
        .set_key_marker(marker.key)
        .set_version_id_marker(marker.version)
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .map_err(|error| failure(&objects.address, error))?;
    let encoded = page.encoding_type() == Some(&EncodingType::Url);
    let versions = page.versions().iter().map(|found| (found.key(), version(found)));
    let deletions = page.delete_markers().iter().map(|found| (found.key(), deletion(found)));
    let named = versions
        .chain(deletions)
        .map(|(key, version)| Ok((decode(key.unwrap_or_default().to_owned(), encoded)?, version)));
    let found = named.collect::<Result<Vec<_>>>()?;
    let next = page.is_truncated().unwrap_or(false).then(|| Marker {
        key: page.next_key_marker.clone(),
        version: page.next_version_id_marker.clone(),
    });
    Ok((found, next))
}

fn version(found: &ObjectVersion) -> Version {
    Version {
        version: found.version_id().unwrap_or_default().to_owned(),
        size_bytes: Some(size(found.size())),
        modified_at: timestamp(found.last_modified()),
        is_latest: found.is_latest().unwrap_or(false),
    }
}

fn deletion(found: &DeleteMarkerEntry) -> Version {
    Version {
        version: found.version_id().unwrap_or_default().to_owned(),
        size_bytes: None,
        modified_at: timestamp(found.last_modified()),
        is_latest: found.is_latest().unwrap_or(false),
    }
}

/// A key as it is.
pub(super) fn decode(key: String, encoded: bool) -> Result<String> {
    if !encoded {
        return Ok(key);
    }
    // A value without a name: `=` and `&` are encoded in it, as is every `+` that means itself.
    let text = form_urlencoded::parse(key.as_bytes()).next();
    text.map(|(text, _)| text.into_owned()).ok_or_else(|| {
        let why = format!("the store lists the key `{}`, which cannot be decoded", key);
        Error::failed("bucket_listing", why)
    })
}

/// Whether a key is after what [`before`] made, and before what it was made of.
fn is_between(key: &str, before: &str) -> bool {
    before.ends_with(char::MAX) && key.starts_with(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_before_a_key_is_close_to_it_and_has_no_key_between() {
        for key in ["a", "a/b", "\u{e000}", "é", "a\u{0}", "\u{1}", "🍀"] {
            let before = before(key);
            assert!(before.as_str() < key, "{before:?} {key:?}");
            assert!(!is_between(key, &before) && !is_between(&format!("{key}!"), &before));
        }
        assert_eq!(before("a"), "`\u{10ffff}");
        assert_eq!(before("a\u{0}"), "a");
        assert_eq!(before("\u{e000}"), "\u{d7ff}\u{10ffff}");
    }

    #[test]
    fn encoded_keys_come_back_as_they_were() {
        for (encoded, key) in [("a+b%2B%26%3D%2F", "a b+&=/"), ("%00%0A", "\0\n"), ("a%20b", "a b")]
        {
            assert_eq!(decode(encoded.to_owned(), true).unwrap(), key);
        }
        assert_eq!(decode("a+b".to_owned(), false).unwrap(), "a+b");
    }
}
