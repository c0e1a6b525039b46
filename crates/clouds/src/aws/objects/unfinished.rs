//! Uploads in parts that nobody ends any more: their writer was killed before it could abort them.

use std::collections::HashSet;

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::EncodingType;

use super::S3Objects;
use super::failure::{Outcome, failure, outcome};
use super::listing::decode;
use crate::Result;

/// Where a page of uploads begins.
type Marker = (Option<String>, Option<String>);

/// Aborts the uploads of these keys, and says how many there were.
pub(super) async fn abort(objects: &S3Objects, keys: &HashSet<String>) -> Result<usize> {
    let (mut count, mut marker) = (0, Marker::default());
    loop {
        let page = page(objects, marker).await?;
        let encoded = page.encoding_type() == Some(&EncodingType::Url);
        for upload in page.uploads() {
            let key = decode(upload.key().unwrap_or_default().to_owned(), encoded)?;
            if let Some(upload_id) = upload.upload_id().filter(|_| keys.contains(&key)) {
                abort_one(objects, &key, upload_id).await?;
                count += 1;
            }
        }
        if !page.is_truncated().unwrap_or(false) {
            return Ok(count);
        }
        marker = (page.next_key_marker, page.next_upload_id_marker);
    }
}

async fn page(objects: &S3Objects, marker: Marker) -> Result<ListMultipartUploadsOutput> {
    let list = objects.client().await.list_multipart_uploads().bucket(&objects.address.bucket);
    let list = list.set_key_marker(marker.0).set_upload_id_marker(marker.1);
    let found = list.encoding_type(EncodingType::Url).send().await;
    found.map_err(|error| failure(&objects.address, error))
}

async fn abort_one(objects: &S3Objects, key: &str, upload_id: &str) -> Result<()> {
    let client = objects.client().await;
    let abort = client.abort_multipart_upload().bucket(&objects.address.bucket).key(key);
    match abort.upload_id(upload_id).send().await {
        Err(error) if outcome(&error) != Outcome::Absent => Err(failure(&objects.address, error)),
        _ => Ok(()),
    }
}
