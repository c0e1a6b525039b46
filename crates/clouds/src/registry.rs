//! The clouds that this build knows. A further cloud is a folder, a line here and a feature.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
#[cfg(feature = "operate")]
use trefoil_core::cost::{Needs, Offer, Place, PriceBook, Pricer, Usage};
use trefoil_core::spec::AppSpec;
use url::Url;

use crate::change_record;
use crate::chat::{Chat, ChatOptions};
use crate::objects::Objects;
use crate::schemes::by_url;
use crate::secrets::Secrets;
use crate::services::{ExistingBucket, ExistingBuckets, Services};
use crate::sessions::Sessions;
use crate::{Error, Result};

/// What a cloud gives to this crate.
struct Cloud {
    name: &'static str,
    /// What it bills for what a specification needs; a cloud without it sends no bill.
    #[cfg(feature = "operate")]
    bill: Option<Bill>,
    /// How its public price feed is read.
    #[cfg(feature = "operate")]
    feed: Option<crate::operate::feed::ReadFeed>,
    /// How the files that set it up are written; a cloud without it needs none.
    #[cfg(feature = "operate")]
    renders: Option<crate::operate::render::Renderer>,
    /// How its services and environments are opened; a cloud without it can be priced only.
    opens: Option<Opens>,
    /// How a bucket of it is opened; the only service that some clouds of this build have yet.
    objects: Option<OpensObjects>,
}

/// How a cloud's buckets are opened.
#[derive(Clone, Copy)]
struct OpensObjects {
    /// The schemes of their URLs.
    schemes: &'static [&'static str],
    open: fn(&Url) -> Result<Objects>,
    /// The URL of a bucket that is there already, by its name, endpoint and region.
    existing: Option<ExistingUrl>,
    /// How logs are kept in a bucket.
    #[cfg(feature = "operate")]
    log: Option<OpensLog>,
}

/// How a log is opened by its URL.
#[cfg(feature = "operate")]
type OpensLog = fn(&Url) -> Result<std::sync::Arc<dyn crate::operate::log_store::LogStore>>;

/// The URL of a bucket by its name, endpoint and region.
type ExistingUrl = fn(&str, Option<&str>, Option<&str>) -> Result<Url>;

/// What a cloud bills for what a specification needs.
#[cfg(feature = "operate")]
type Bill = fn(&Place, &Needs, &Offer<'_>) -> Result<Vec<Usage>>;

/// How the services of an environment are opened, with the buckets of it that are elsewhere.
type OpensServices =
    fn(&AppSpec, &str, &Path, Option<&SecretString>, &ExistingBuckets) -> Result<Services>;

/// How a cloud's services and environments are opened.
struct Opens {
    /// The schemes of the URLs of its services.
    schemes: &'static [&'static str],
    sessions: fn(&Url) -> Result<Sessions>,
    secrets: fn(&Url) -> Result<Secrets>,
    /// The schemes of the URLs of its chats.
    chat_schemes: &'static [&'static str],
    chat: fn(&Url, &ChatOptions) -> Result<Chat>,
    services: OpensServices,
    #[cfg(feature = "operate")]
    open: fn(&crate::operate::OpenSite<'_>, ExistingBuckets) -> Result<crate::operate::Site>,
}

const CLOUDS: &[Cloud] = &[
    #[cfg(feature = "local")]
    Cloud {
        name: "local",
        #[cfg(feature = "operate")]
        bill: None,
        #[cfg(feature = "operate")]
        feed: None,
        #[cfg(feature = "operate")]
        renders: None,
        opens: Some(Opens {
            schemes: crate::local::SCHEMES,
            sessions: crate::local::open_sessions,
            secrets: crate::local::open_secrets,
            chat_schemes: crate::local::CHAT_SCHEMES,
            chat: crate::local::open_chat,
            services: crate::local::open_services,
            #[cfg(feature = "operate")]
            open: crate::local::operate::open,
        }),
        objects: Some(OpensObjects {
            schemes: crate::local::SCHEMES,
            open: crate::local::open_objects,
            existing: None,
            #[cfg(feature = "operate")]
            log: None,
        }),
    },
    #[cfg(feature = "aws")]
    Cloud {
        name: "aws",
        #[cfg(feature = "operate")]
        bill: Some(crate::aws::operate::pricing::usages),
        #[cfg(feature = "operate")]
        feed: Some(crate::aws::operate::feed::read),
        #[cfg(feature = "operate")]
        renders: Some(crate::aws::operate::render::RENDERER),
        opens: None,
        objects: Some(OpensObjects {
            schemes: crate::aws::SCHEMES,
            open: crate::aws::open_objects,
            existing: Some(crate::aws::bucket_url),
            #[cfg(feature = "operate")]
            log: Some(crate::aws::operate::open_log),
        }),
    },
    #[cfg(feature = "azure")]
    Cloud {
        name: "azure",
        #[cfg(feature = "operate")]
        bill: Some(crate::azure::operate::pricing::usages),
        #[cfg(feature = "operate")]
        feed: Some(crate::azure::operate::feed::read),
        #[cfg(feature = "operate")]
        renders: Some(crate::azure::operate::render::RENDERER),
        opens: None,
        objects: None,
    },
    #[cfg(feature = "gcp")]
    Cloud {
        name: "gcp",
        #[cfg(feature = "operate")]
        bill: Some(crate::gcp::operate::pricing::usages),
        #[cfg(feature = "operate")]
        feed: Some(crate::gcp::operate::feed::read),
        #[cfg(feature = "operate")]
        renders: Some(crate::gcp::operate::render::RENDERER),
        opens: None,
        objects: None,
    },
];

impl Cloud {
    /// How it is opened.
    ///
    /// # Errors
    /// `cloud_not_yet`, when this build can only price it.
    fn opens(&self) -> Result<&Opens> {
        self.opens.as_ref().ok_or_else(|| {
            let message = format!("environments on `{}` cannot be operated yet", self.name);
            let operated: Vec<_> = CLOUDS
                .iter()
                .filter(|cloud| cloud.opens.is_some())
                .map(|cloud| cloud.name)
                .collect();
            Error::refused("cloud_not_yet", message).hint(format!(
                "`trefoil cost` can price it; what can be operated: {}",
                operated.join(", ")
            ))
        })
    }
}

/// The clouds that can be priced.
#[cfg(feature = "operate")]
pub fn priced() -> Vec<&'static str> {
    CLOUDS.iter().filter(|cloud| cloud.bill.is_some()).map(|cloud| cloud.name).collect()
}

/// The clouds whose files can be rendered.
#[cfg(feature = "operate")]
pub fn rendered() -> Vec<&'static str> {
    CLOUDS.iter().filter(|cloud| cloud.renders.is_some()).map(|cloud| cloud.name).collect()
}

/// How the files that set up a cloud are written.
///
/// # Errors
/// `cloud_unknown`; `render_nothing` for a cloud that needs no files.
#[cfg(feature = "operate")]
pub fn renderer(cloud: &str) -> Result<crate::operate::render::Renderer> {
    find(cloud)?.renders.ok_or_else(|| {
        let message = format!("`{cloud}` is set up without any files");
        Error::usage("render_nothing", message)
            .hint(format!("what can be rendered: {}", rendered().join(", ")))
    })
}

/// Reads what the price feed of a cloud has for the prices of a catalogue; `None` for a cloud
/// without one. `key` is the API key, where the feed wants one.
///
/// # Errors
/// `cloud_unknown`, `feed_key`, `feed_unreachable`, `feed_truncated` and `feed_shape`.
#[cfg(feature = "operate")]
pub fn read_feed(
    cloud: &str,
    book: &PriceBook,
    key: Option<&str>,
    fetch: &dyn crate::operate::feed::Fetch,
) -> Result<Vec<trefoil_core::cost::refresh::Matches>> {
    let Some(read) = find(cloud)?.feed else { return Ok(Vec::new()) };
    let prices = book.catalogue().prices.iter().enumerate();
    let wanted: Vec<_> = prices
        .filter(|(_, price)| price.provider == cloud)
        .filter(|(_, price)| crate::operate::feed::is_selected(&price.feed))
        .map(|(place, price)| crate::operate::feed::Wanted { place, price })
        .collect();
    read(&wanted, key, fetch)
}

/// What each cloud of this build bills for what a specification needs.
#[cfg(feature = "operate")]
#[derive(Debug, Clone, Copy)]
pub struct Bills;

#[cfg(feature = "operate")]
impl Pricer for Bills {
    fn usages(&self, place: &Place, needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>> {
        let bill = find(&place.cloud)?.bill.ok_or_else(|| {
            Error::usage("cost_provider", format!("`{}` sends no bill", place.cloud))
                .hint(format!("what can be priced: {}", priced().join(", ")))
        })?;
        bill(place, needs, offer)
    }
}

/// Libraries of clouds that warn of each place in which they look, as tracing names them: what
/// they found in the end is in the error's cause.
pub const TALKATIVE: [&str; 1] = ["aws_config"];

/// The names of the clouds that this build knows.
pub fn known() -> Vec<&'static str> {
    CLOUDS.iter().map(|cloud| cloud.name).collect()
}

/// The cloud of that name, or an error that lists those known.
fn find(name: &str) -> Result<&'static Cloud> {
    CLOUDS.iter().find(|cloud| cloud.name == name).ok_or_else(|| {
        Error::usage("cloud_unknown", format!("`{name}` is not a cloud that this build knows"))
            .hint(format!("it knows: {}", known().join(", ")))
    })
}

/// The cloud of an environment of the specification.
fn cloud_of(spec: &AppSpec, environment: &str) -> Result<&'static Cloud> {
    let found = spec.environments.get(environment).ok_or_else(|| {
        let names: Vec<_> = spec.environments.keys().map(String::as_str).collect();
        Error::usage("environment_unknown", format!("there is no environment `{environment}`"))
            .hint(format!("the specification has: {}", names.join(", ")))
    })?;
    find(&found.cloud)
}

/// Opens an environment to be operated. Starts nothing.
#[cfg(feature = "operate")]
pub fn open_site(open: &crate::operate::OpenSite<'_>) -> Result<crate::operate::Site> {
    let cloud = cloud_of(open.spec, open.environment)?.opens()?.open;
    let existing = existing_buckets(open.spec, open.environment)?;
    match &open.spec.environment(open.environment)?.database {
        Some(database) => {
            crate::operate::existing::open(open, database, |rest| cloud(rest, existing))
        }
        None => cloud(open, existing),
    }
}

/// Opens the services of an environment. Starts and makes nothing: what is not there yet is
/// empty to readers, and made by the first write. The database is there when its URL is given.
pub fn open_services(
    spec: &AppSpec,
    environment: &str,
    folder: &Path,
    database_url: Option<&SecretString>,
) -> Result<Services> {
    let cloud = cloud_of(spec, environment)?.opens()?;
    let existing = existing_buckets(spec, environment)?;
    (cloud.services)(spec, environment, folder, database_url, &existing)
}

/// Opens a bucket by its URL.
pub(crate) fn open_objects(url: &str) -> Result<Objects> {
    let (url, recorded) = without_record(url);
    let all = CLOUDS.iter().filter_map(|cloud| cloud.objects);
    let (objects, url) = by_url(&url, all.map(|objects| (objects.schemes, objects)))?;
    let bucket = (objects.open)(&url)?;
    if recorded { change_record::recorded(bucket) } else { Ok(bucket) }
}

/// What asks in a bucket's URL for notes of its changes.
const RECORD: (&str, &str) = ("change_record", "true");

/// The URL of a bucket without `change_record=true`, and whether it was there: it means the same
/// to every store.
fn without_record(text: &str) -> (String, bool) {
    let Ok(mut url) = Url::parse(text) else { return (text.to_owned(), false) };
    let is_record = |(name, value): &(String, String)| (name.as_str(), value.as_str()) == RECORD;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !pairs.iter().any(is_record) {
        return (text.to_owned(), false);
    }
    let rest: Vec<_> = pairs.into_iter().filter(|pair| !is_record(pair)).collect();
    url.set_query(None);
    if !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    (url.into(), true)
}

/// Opens the store of logs at a URL such as `s3://bucket/folder`. Asks nobody yet.
///
/// # Errors
/// `service_url` and `service_url_unknown`.
#[cfg(feature = "operate")]
pub fn open_log_store(
    url: &str,
) -> Result<std::sync::Arc<dyn crate::operate::log_store::LogStore>> {
    let all = CLOUDS.iter().filter_map(|cloud| cloud.objects);
    let logs = all.filter_map(|objects| Some((objects.schemes, objects.log?)));
    let (open, url) = by_url(url, logs)?;
    open(&url)
}

/// The buckets of an environment that are there already, opened. Asks nobody yet.
fn existing_buckets(spec: &AppSpec, environment: &str) -> Result<ExistingBuckets> {
    let mut found = ExistingBuckets::new();
    for name in spec.buckets.keys() {
        if let Some(url) = existing_url(spec, environment, name)? {
            let objects = open_objects(&url)?;
            found.insert(name.clone(), ExistingBucket { url, objects });
        }
    }
    Ok(found)
}

/// The URL of a bucket of an environment that is there already; `None` of one that Trefoil makes.
/// An endpoint means a store that speaks the language of the cloud whose buckets have endpoints.
///
/// # Errors
/// Code `bucket_endpoint` for a bucket without an endpoint on a cloud without such buckets.
fn existing_url(spec: &AppSpec, environment: &str, bucket: &str) -> Result<Option<String>> {
    let Some(place) = spec.environments.get(environment) else { return Ok(None) };
    let Some(there) = place.buckets.get(bucket) else { return Ok(None) };
    let own = find(&place.cloud)?.objects.and_then(|objects| objects.existing);
    let spoken = || CLOUDS.iter().find_map(|cloud| cloud.objects?.existing);
    let url = match there.endpoint {
        Some(_) => own.or_else(spoken),
        None => own,
    };
    let url = url.ok_or_else(|| {
        let key = format!("environments.{environment}.buckets.{bucket}");
        let cloud = &place.cloud;
        let message = format!("`{key}` has no endpoint, and `{cloud}` has no buckets of its own");
        Error::usage("bucket_endpoint", message)
            .hint("give the `endpoint` of a store that speaks S3, or leave the bucket out")
    })?;
    let name = there.name.as_deref().unwrap_or(bucket);
    let mut url = url(name, there.endpoint.as_deref(), place.region.as_deref())?;
    if spec.buckets.get(bucket).is_some_and(|bucket| bucket.change_record) {
        let (name, value) = RECORD;
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(Some(url.into()))
}

/// Opens a store of sessions by its URL.
pub(crate) fn open_sessions(url: &str) -> Result<Sessions> {
    let (cloud, url) = by_url(url, opened().map(|cloud| (cloud.schemes, cloud)))?;
    (cloud.sessions)(&url)
}

/// Opens a store of secrets by its URL.
pub(crate) fn open_secrets(url: &str) -> Result<Secrets> {
    let (cloud, url) = by_url(url, opened().map(|cloud| (cloud.schemes, cloud)))?;
    (cloud.secrets)(&url)
}

/// Opens a chat by its URL.
pub(crate) fn open_chat(url: &SecretString, options: &ChatOptions) -> Result<Chat> {
    let all = opened().map(|cloud| (cloud.chat_schemes, cloud));
    let (cloud, url) = by_url(url.expose_secret(), all)?;
    (cloud.chat)(&url, options)
}

/// The clouds whose environments can be opened.
fn opened() -> impl Iterator<Item = &'static Opens> {
    CLOUDS.iter().filter_map(|cloud| cloud.opens.as_ref())
}
