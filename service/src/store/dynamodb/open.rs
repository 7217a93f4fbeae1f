//! Connects, and checks the table before any use.

use aws_config::{
    BehaviorVersion, SdkConfig, environment::EnvironmentVariableRegionProvider, meta::region::RegionProviderChain,
    profile::ProfileFileRegionProvider,
};
use aws_sdk_dynamodb::{
    Client,
    config::{ProvideCredentials, RuntimeComponents, SharedHttpClient},
    error::SdkError,
    operation::describe_table::DescribeTableError,
    types::{KeyType, ScalarAttributeType, TableDescription, TableStatus, TimeToLiveDescription, TimeToLiveStatus},
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

use aws_types::service_config::ServiceConfigKey;
use http::Uri;
use tracing::{Dispatch, instrument::WithSubscriber};

use super::{
    chain, epoch,
    item::{EXPIRES, LEASE, PARTITION, SORT},
    timing,
};
use crate::store::format::NEWEST;

/// Why a table cannot be used. Each message has the remedy.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("no AWS region is set: set AWS_REGION to the one that the table is in, for instance eu-west-1")]
    NoRegion,
    #[error(
        "the profile of AWS names the endpoint `{0}`, which is not a URL: write `endpoint_url = http://HOST:PORT`, or leave it out"
    )]
    NoEndpoint(String),
    #[error(
        "no AWS credentials were found: give the task a role (on ECS), or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, \
         for temporary ones, AWS_SESSION_TOKEN. What was tried: {0}"
    )]
    NoCredentials(String),
    #[error(
        "there is no table {table} in {region}: make it with the Terraform module `data-store`, or correct the name or \
         AWS_REGION"
    )]
    Missing { table: String, region: String },
    #[error(
        "table {table} in {region} cannot be looked at: {reason}. The service needs a way to DynamoDB, and the rights \
         dynamodb:DescribeTable and dynamodb:DescribeTimeToLive"
    )]
    Unknown { table: String, region: String, reason: String },
    #[error(
        "table {table} in {region} is not as the service needs it: {}. The Terraform module `data-store` makes it right; or \
         name another table with --store", .differences.join("; ")
    )]
    Different { table: String, region: String, differences: Vec<String> },
    #[error(
        "table {table} in {region} cannot be written to: {reason}. The service needs the rights dynamodb:GetItem, Query, PutItem \
         and DeleteItem"
    )]
    Unwritable { table: String, region: String, reason: String },
    #[error(
        "the processes on table {table} have a lease of {theirs} ms, and this one is told {ours} ms: what one of them acknowledges \
         would not be true in another. Start it with --lease {theirs}ms; or, for a new one, stop all of them, delete the item \
         whose PK and SK are {LEASE}, and start them with --lease {ours}ms"
    )]
    OtherLease { table: String, theirs: u64, ours: u64 },
    #[error(
        "table {table} is kept in format {theirs}, and this version of Echo knows formats up to {NEWEST}: start a newer version, or name \
         another table with --store"
    )]
    OtherFormat { table: String, theirs: u64 },
}

/// The settings of the environment, by the rules of all AWS tools ("AWS SDKs and Tools Reference
/// Guide").
pub(super) async fn environment() -> Result<SdkConfig, TableError> {
    // Not from a machine's metadata: without any, the SDK would wait, and log at length.
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    let region = region.region().await.ok_or(TableError::NoRegion)?;
    // A fixed version, so that an update of the SDK does not change retries or connections.
    Ok(aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).http_client(client()).load().await)
}

/// The SDK's own client, with the smaller of two TLS providers.
fn client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// A client for an existing, correct table, and the time of the table's creation.
pub(super) async fn connect(aws: &SdkConfig, table: &str) -> Result<(Client, u64), TableError> {
    // The region in a profile may be empty.
    let region = aws.region().filter(|region| !region.as_ref().is_empty()).ok_or(TableError::NoRegion)?.to_string();
    // Variables are checked; a profile may hold any URL, and an empty one makes the SDK panic.
    let key =
        ServiceConfigKey::builder().service_id("dynamodb").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let endpoint = aws.service_config().and_then(|profile| profile.load_config(key.expect("all three are there")));
    if let Some(url) = endpoint
        && !url.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some())
    {
        return Err(TableError::NoEndpoint(url));
    }
    let no_credentials = |why: String| TableError::NoCredentials(why);
    let credentials = aws.credentials_provider().ok_or_else(|| no_credentials("nothing".into()))?;
    // The SDK's own log lines would repeat the error at length.
    let found = credentials.provide_credentials().with_subscriber(Dispatch::none()).await;
    // The SDK's error is a list. The log needs one line.
    found.map_err(|why| no_credentials(chain(&why).trim_end().replace('\n', " -")))?;

    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .timeout_config(timing::timeouts())
        .retry_config(timing::retries())
        .build();
    let client = Client::from_conf(config);
    let (name, at) = (|| table.to_owned(), || region.clone());
    let unknown = |reason: String| TableError::Unknown { table: name(), region: at(), reason };

    let described = client.describe_table().table_name(table).send().await.map_err(|error| match &error {
        SdkError::ServiceError(e) if matches!(e.err(), DescribeTableError::ResourceNotFoundException(_)) => {
            TableError::Missing { table: name(), region: at() }
        }
        _ => unknown(chain(&error)),
    })?;
    let described = described.table.ok_or_else(|| unknown("DynamoDB describes no table".into()))?;
    let expiry = client.describe_time_to_live().table_name(table).send().await;
    let expiry = expiry.map_err(|error| unknown(chain(&error)))?.time_to_live_description;

    let mut differences = differences(&described);
    differences.extend(expiry_difference(table, expiry.as_ref()));
    if differences.is_empty() {
        Ok((client, epoch::made(&described)))
    } else {
        Err(TableError::Different { table: name(), region: at(), differences })
    }
}

pub(super) fn unwritable(client: &Client, table: &str, reason: String) -> TableError {
    let region = client.config().region().map(ToString::to_string).unwrap_or_default();
    TableError::Unwritable { table: table.to_owned(), region, reason }
}

fn differences(table: &TableDescription) -> Vec<String> {
    let mut found = Vec::new();
    for (name, role, what) in [(PARTITION, KeyType::Hash, "partition key"), (SORT, KeyType::Range, "sort key")] {
        let of_role = table.key_schema().iter().find(|key| key.key_type == role);
        let is_text = |name: &str| {
            let mut attributes = table.attribute_definitions().iter();
            attributes.any(|a| a.attribute_name == name && a.attribute_type == ScalarAttributeType::S)
        };
        match of_role.map(|key| key.attribute_name.as_str()) {
            Some(there) if there == name && is_text(name) => {}
            Some(there) if there == name => found.push(format!("its {what} `{name}` is not of type S")),
            Some(there) => found.push(format!("its {what} is `{there}`, not `{name}`")),
            None => found.push(format!("it has no {what}, which should be `{name}`")),
        }
    }
    // A global table shows acknowledged writes late in other regions, or undoes them by older
    // writes.
    if !table.replicas().is_empty() {
        let regions: Vec<_> = table.replicas().iter().map(|replica| replica.region_name().unwrap_or("?")).collect();
        found.push(format!(
            "it is a global table (replicas in {}), and no region of one sees at once what another has written: use a table of one \
             region, or delete its replicas",
            regions.join(", ")
        ));
    } else if table.global_table_version() == Some("2017.11.29") {
        // Global tables of the first version may list no replicas.
        found.push("it is a global table of version 2017.11.29 (legacy): use a table of one region".into());
    }
    match table.table_status() {
        // The table works during changes of capacity, indices and encryption.
        Some(TableStatus::Active | TableStatus::Updating) => {}
        status => {
            let status = status.map_or("UNKNOWN", TableStatus::as_str);
            found.push(format!("its status is {status}: wait until it is ACTIVE, and start again"));
        }
    }
    found
}

/// Without expiry the log would grow for ever.
fn expiry_difference(table: &str, expiry: Option<&TimeToLiveDescription>) -> Option<String> {
    let attribute = expiry.and_then(TimeToLiveDescription::attribute_name);
    match expiry.and_then(TimeToLiveDescription::time_to_live_status) {
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) if attribute == Some(EXPIRES) => None,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => {
            Some(format!("its time to live is by `{}`, not by `{EXPIRES}`", attribute.unwrap_or("?")))
        }
        _ => Some(format!(
            "its time to live is off, by which old entries of the log go away: `aws dynamodb update-time-to-live --table-name \
             {table} --time-to-live-specification Enabled=true,AttributeName={EXPIRES}` switches it on"
        )),
    }
}
