//! What the store's answers say of an object.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ChecksumType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::attributes;
use crate::objects::{Attributes, ObjectInfo};

/// The fields that the answers to two calls have in common.
pub(super) struct Answer<'a> {
    pub(super) key: &'a str,
    pub(super) size_bytes: u64,
    pub(super) etag: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) modified: Option<&'a DateTime>,
    pub(super) metadata: Option<&'a HashMap<String, String>>,
    pub(super) checksum: Option<&'a str>,
    pub(super) checksum_type: Option<&'a ChecksumType>,
    pub(super) attributes: Attributes,
    pub(super) tags: i32,
}

impl<'a> Answer<'a> {
    pub(super) fn of_head(key: &'a str, found: &'a HeadObjectOutput) -> Self {
        Self {
            key,
            size_bytes: size(found.content_length),
            etag: found.e_tag(),
            version: found.version_id(),
            modified: found.last_modified(),
            metadata: found.metadata(),
            checksum: found.checksum_sha256(),
            checksum_type: found.checksum_type(),
            attributes: Attributes {
                content_type: attributes::said_type(found.content_type()),
                cache_control: found.cache_control.clone(),
                content_encoding: found.content_encoding.clone(),
                content_disposition: found.content_disposition.clone(),
                content_language: found.content_language.clone(),
                metadata: attributes::from_headers(found.metadata()),
                tags: BTreeMap::new(),
            },
            tags: found.tag_count().unwrap_or(0),
        }
    }

    /// The length of a part of an object is not that of the object: `size_bytes` comes from its
    /// Content-Range.
    pub(super) fn of_get(key: &'a str, found: &'a GetObjectOutput) -> Self {
        let whole = found.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
        Self {
            key,
            size_bytes: whole.unwrap_or_else(|| size(found.content_length)),
            etag: found.e_tag(),
            version: found.version_id(),
            modified: found.last_modified(),
            metadata: found.metadata(),
            checksum: found.checksum_sha256(),
            checksum_type: found.checksum_type(),
            attributes: Attributes {
                content_type: attributes::said_type(found.content_type()),
                cache_control: found.cache_control.clone(),
                content_encoding: found.content_encoding.clone(),
                content_disposition: found.content_disposition.clone(),
                content_language: found.content_language.clone(),
                metadata: attributes::from_headers(found.metadata()),
                tags: BTreeMap::new(),
            },
            tags: found.tag_count().unwrap_or(0),
        }
    }

    /// Whether it was written in parts: then the checksum is one of the parts' checksums.
    pub(super) fn is_of_parts(&self) -> bool {
        self.checksum_type == Some(&ChecksumType::Composite)
            || self.checksum.is_none_or(|text| text.contains('-'))
    }

    /// The digest of the whole content: the store's own checksum, else what the writer noted.
    pub(super) fn digest(&self) -> Option<String> {
        let whole = self.checksum.filter(|_| !self.is_of_parts());
        let whole = whole.and_then(|text| STANDARD.decode(text).ok());
        let noted = || self.metadata?.get(attributes::DIGEST).cloned();
        whole.filter(|bytes| bytes.len() == 32).map(hex::encode).or_else(noted)
    }

    pub(super) fn into_info(self) -> ObjectInfo {
        ObjectInfo {
            digest: self.digest(),
            key: self.key.to_owned(),
            size_bytes: self.size_bytes,
            etag: self.etag.unwrap_or_default().to_owned(),
            modified_at: timestamp(self.modified),
            version: self.version.filter(|name| *name != "null").map(str::to_owned),
            attributes: self.attributes,
        }
    }
}

pub(super) fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

pub(super) fn timestamp(found: Option<&DateTime>) -> Timestamp {
    found
        .and_then(|time| Timestamp::from_nanosecond(time.as_nanos()).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}
