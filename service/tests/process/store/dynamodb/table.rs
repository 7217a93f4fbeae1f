//! DynamoDB Local, and tables in it. A test has tables of its own and shares the server, which is slow to start.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
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
use uuid::Uuid;

use super::super::{Subject, endpoint, response};

/// The variables by which a process finds the server.
pub const VARIABLES: [(&str, &str); 4] = [
    ("AWS_REGION", "eu-test-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// Where the server is: nextest has started one for all tests; any other runner starts one for each of its processes.
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

/// What the environment would say of AWS, with the server at `url`.
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

/// A table of one's own.
#[derive(Clone)]
pub struct Table {
    pub name: String,
    pub client: Client,
    aws: SdkConfig,
}

impl Table {
    /// As Terraform makes it.
    pub async fn create() -> Self {
        let table = Self::with_keys(&[("PK", KeyType::Hash), ("SK", KeyType::Range)]).await;
        table.expire_by("expires_at").await;
        table
    }

    /// Without time to live.
    pub async fn with_keys(keys: &[(&str, KeyType)]) -> Self {
        let aws = aws(server()).await;
        let (name, client) = (format!("echo-{}", Uuid::now_v7()), Client::new(&aws));
        let mut request = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        for (key, role) in keys {
            let attribute = AttributeDefinition::builder().attribute_name(*key).attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(*key).key_type(role.clone());
            request = request.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
        }
        request.send().await.unwrap();
        Self { name, client, aws }
    }

    pub async fn expire_by(&self, attribute: &str) {
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build().unwrap();
        let request = self.client.update_time_to_live().table_name(&self.name).time_to_live_specification(expiry);
        request.send().await.unwrap();
    }

    /// A store as a process of its own opens it.
    pub async fn open(&self) -> Arc<dyn Store> {
        Arc::new(DynamoStore::connect(&self.aws, &self.name).await.unwrap())
    }

    /// As [`Self::open`], by way of a proxy.
    pub async fn open_at(&self, url: &str) -> Arc<dyn Store> {
        Arc::new(DynamoStore::connect(&aws(url).await, &self.name).await.unwrap())
    }

    /// Deletes an entry of the log, as its time to live does.
    pub async fn expire(&self, version: u64) {
        self.delete("LOG", &format!("{version:0>20}")).await;
    }

    /// What an operator does before a new lease.
    pub async fn forget_lease(&self) {
        self.delete("LEASE", "LEASE").await;
    }

    pub async fn put(&self, item: HashMap<String, AttributeValue>) {
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.unwrap();
    }

    pub async fn delete(&self, partition: &str, sort: &str) {
        let request = self.client.delete_item().table_name(&self.name).key("PK", AttributeValue::S(partition.into()));
        request.key("SK", AttributeValue::S(sort.into())).send().await.unwrap();
    }

    /// How many items are in a partition.
    pub async fn count(&self, partition: &str) -> usize {
        let request = self.client.query().table_name(&self.name).consistent_read(true);
        let request = request.key_condition_expression("PK = :p");
        let request = request.expression_attribute_values(":p", AttributeValue::S(partition.into()));
        request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap().len()
    }

    /// All items there are, of all kinds.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
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

    /// There is something to forget for those who are at the head as well.
    async fn forget_log(&self) {
        let visitor = endpoint(Verb::Get, "/visitor", &response(0));
        let expected = self.store.write(Write::Create(visitor.clone())).await.unwrap();
        self.store.write(Write::Delete { id: visitor.id, expected }).await.unwrap();
        for version in 1..=self.store.load().await.unwrap().head.0 {
            self.table.expire(version).await;
        }
    }
}
