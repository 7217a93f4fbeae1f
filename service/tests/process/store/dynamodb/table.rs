//! DynamoDB Local, and tables in it. Each test has its own tables. All tests share the server, because a start is slow.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};
use echo_service::{
    domain::Verb,
    store::{DynamoStore, Store, Write},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::super::{Subject, endpoint, response};
use crate::{store::model::Snapshot, support::PATIENCE};

/// The variables for a process, to find the server.
pub const VARIABLES: [(&str, &str); 4] = [
    ("AWS_REGION", "eu-test-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// The URL of the server. nextest has started a server for all tests; any other runner starts a server for each
/// process.
#[expect(clippy::disallowed_methods, reason = "it is how nextest hands over what its script has said")]
pub fn server() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        std::env::var("DYNAMODB_LOCAL_URL").unwrap_or_else(|_| {
            let start = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/dynamodb-local/start");
            let mut command = Command::new(start);
            let output = command.arg(std::process::id().to_string()).stderr(Stdio::inherit()).output().unwrap();
            assert!(output.status.success(), "{start} fails");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        })
    })
}

/// The AWS configuration of a service with the server at `url`.
pub async fn aws(url: &str) -> SdkConfig {
    let credentials = Credentials::builder().access_key_id("test").secret_access_key("test").provider_name("test");
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("eu-test-1"))
        .credentials_provider(credentials.build())
        .endpoint_url(url)
        .load()
        .await
}

const KEYS: [(&str, KeyType); 2] = [("PK", KeyType::Hash), ("SK", KeyType::Range)];

pub type Item = HashMap<String, AttributeValue>;

pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A table for a single test.
#[derive(Clone)]
pub struct Table {
    pub name: String,
    pub client: Client,
    aws: SdkConfig,
}

impl Table {
    /// The form of Terraform's table.
    pub async fn create() -> Self {
        let table = Self::with_keys(&KEYS).await;
        table.expire_by("expires_at").await;
        table
    }

    /// Without time to live.
    pub async fn with_keys(keys: &[(&str, KeyType)]) -> Self {
        let aws = aws(server()).await;
        let table = Self { name: format!("echo-{}", Uuid::now_v7()), client: Client::new(&aws), aws };
        table.make(keys).await;
        table
    }

    async fn make(&self, keys: &[(&str, KeyType)]) {
        let mut request = self.client.create_table().table_name(&self.name).billing_mode(BillingMode::PayPerRequest);
        for (key, role) in keys {
            let attribute = AttributeDefinition::builder().attribute_name(*key).attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(*key).key_type(role.clone());
            request = request.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
        }
        request.send().await.unwrap();
    }

    /// Puts another table with the given items in the place of the table.
    pub async fn replace(&self, items: Vec<Item>) {
        self.client.delete_table().table_name(&self.name).send().await.unwrap();
        self.make(&KEYS).await;
        self.expire_by("expires_at").await;
        self.put_all(items).await;
    }

    /// The time of the table's creation in milliseconds. A restored copy has a later time.
    pub async fn made(&self) -> AttributeValue {
        let described = self.client.describe_table().table_name(&self.name).send().await.unwrap();
        let made = described.table.unwrap().creation_date_time.unwrap();
        // DynamoDB sends a decimal fraction, and the SDK reads 0.123 as a little less.
        AttributeValue::N((made.secs() * 1_000 + i64::from(made.subsec_nanos() + 500_000) / 1_000_000).to_string())
    }

    pub async fn expire_by(&self, attribute: &str) {
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build().unwrap();
        let request = self.client.update_time_to_live().table_name(&self.name).time_to_live_specification(expiry);
        request.send().await.unwrap();
    }

    /// A store on the table, as in an own process.
    pub async fn open(&self) -> Arc<dyn Store> {
        Arc::new(DynamoStore::connect(&self.aws, &self.name).await.unwrap())
    }

    /// As [`Self::open`], by way of a proxy.
    pub async fn open_at(&self, url: &str) -> Arc<dyn Store> {
        Arc::new(DynamoStore::connect(&aws(url).await, &self.name).await.unwrap())
    }

    /// Deletes an entry of the log, like the expiry.
    pub async fn expire(&self, version: u64) {
        self.delete("LOG", &format!("{version:0>20}")).await;
    }

    /// An operator's step before a new lease.
    pub async fn forget_lease(&self) {
        self.delete("LEASE", "LEASE").await;
    }

    /// The state of a new table after the start of a process of this format.
    pub async fn be_of_format(&self, format: u64) {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let named = |(name, value): (&str, AttributeValue)| (name.to_owned(), value);
        let lease =
            [("PK", text("LEASE")), ("SK", text("LEASE")), ("milliseconds", number(150)), ("format", number(format))];
        self.put(lease.map(named).into()).await;
        if format > 1 {
            let marks = [("written", number(format)), ("needed", number(format)), ("made", self.made().await)];
            let head = [("PK", text("LOG")), ("SK", text("HEAD")), ("writes", number(0)), ("digest", number(0))];
            self.put(head.into_iter().chain(marks).map(named).collect()).await;
        }
    }

    pub async fn item(&self, partition: &str, sort: &str) -> Option<Item> {
        let request = self.client.get_item().table_name(&self.name).consistent_read(true);
        request.key("PK", text(partition)).key("SK", text(sort)).send().await.unwrap().item
    }

    /// The digest in the head. Waits until a process adds it.
    pub async fn digest(&self) -> AttributeValue {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(digest) = self.item("LOG", "HEAD").await.and_then(|mut head| head.remove("digest")) {
                return digest;
            }
            assert!(Instant::now() < deadline, "nobody adds the digest");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn put(&self, item: Item) {
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.unwrap();
    }

    /// The head last: no process may open a half-filled table.
    pub async fn put_all(&self, mut items: Vec<Item>) {
        items.sort_by_key(|item| item["SK"].as_s().is_ok_and(|sort| sort == "HEAD"));
        for item in items {
            self.put(item).await;
        }
    }

    pub async fn delete(&self, partition: &str, sort: &str) {
        let request = self.client.delete_item().table_name(&self.name).key("PK", text(partition));
        request.key("SK", text(sort)).send().await.unwrap();
    }

    /// How many items are in a partition.
    pub async fn count(&self, partition: &str) -> usize {
        self.partition(partition).await.len()
    }

    pub async fn partition(&self, partition: &str) -> Vec<Item> {
        let request = self.client.query().table_name(&self.name).consistent_read(true);
        let request = request.key_condition_expression("PK = :p");
        let request = request.expression_attribute_values(":p", text(partition));
        request.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// All items of the table, except the items that processes renew.
    pub async fn items(&self) -> Vec<Item> {
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let mut items: Vec<Item> = scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
        items.retain(|item| item["PK"] != text("PROCESS"));
        items
    }

    pub async fn count_all(&self) -> usize {
        self.items().await.len()
    }
}

pub struct InDynamoDb {
    store: Arc<dyn Store>,
    table: Table,
}

impl Subject for InDynamoDb {
    async fn empty() -> Self {
        let table = Table::create().await;
        Self { store: table.open().await, table }
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    async fn reopened(mut self) -> Self {
        self.store = self.table.open().await;
        self
    }

    /// Forgets something for readers at the head as well.
    async fn forget_log(&self) {
        let visitor = endpoint(Verb::Get, "/visitor", &response(0));
        let expected = self.store.write(Write::Create(visitor.clone())).await.unwrap();
        self.store.write(Write::Delete { id: visitor.id, expected }).await.unwrap();
        for version in 1..=Snapshot::of(&*self.store).await.unwrap().head.0 {
            self.table.expire(version).await;
        }
    }
}
