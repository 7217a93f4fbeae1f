//! Claims of routes. The claim of a mock with turns also has their count, because each claim has a partition key of its
//! own.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{
    DynamoStore, failed,
    item::{self, Item, key, number, text},
    timing,
};
use crate::{
    domain::{EndpointId, Turns},
    store::{Counter, TurnError},
};

/// The attributes of a claim for turns.
const SERIES: &str = "series";
const TURN: &str = "turn";

/// Hashed: a claim may exceed the size of a partition key ("Quotas in Amazon
/// DynamoDB": 2,048 bytes).
pub(super) fn claim_key(claim: &str) -> Item {
    let hash = Bytes::copy_from_slice(&Sha256::digest(claim));
    key(format!("ROUTE#{hash:x}"), "ROUTE")
}

/// The claim of an endpoint, and the count of its turns.
pub(super) fn claim_item(claim: &str, holder: EndpointId, turns: Option<&Turns>) -> Item {
    let mut item = claim_key(claim);
    item.insert("endpoint_id".into(), text(holder.to_string()));
    if let Some(Turns { series, .. }) = turns {
        item.insert(SERIES.into(), text(series.to_string()));
        item.insert(TURN.into(), number(0));
    }
    item
}

impl DynamoStore {
    /// Sent once: the SDK would send a lost request again, and skip a turn.
    pub(super) async fn next_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        let request = self.client.update_item().table_name(&self.table).set_key(Some(claim_key(&counter.claim)));
        let request = request.update_expression("ADD #turn :one").condition_expression("#series = :series");
        let request = request.expression_attribute_names("#turn", TURN).expression_attribute_names("#series", SERIES);
        let request = request
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":series", text(counter.series.to_string()))
            .return_values(ReturnValue::UpdatedNew);
        match request.customize().config_override(timing::sent_once()).send().await {
            Ok(answer) => Ok(item::number_of(&answer.attributes.unwrap_or_default(), TURN)?),
            // A transaction that changes the mock is under way.
            Err(error) => match error.as_service_error() {
                Some(
                    UpdateItemError::ConditionalCheckFailedException(_)
                    | UpdateItemError::TransactionConflictException(_),
                ) => Err(TurnError::Changed),
                _ => Err(failed(error).into()),
            },
        }
    }

    pub(super) async fn count_turns(&self, counter: &Counter) -> Result<u64, TurnError> {
        let claim = self.read_item(claim_key(&counter.claim)).await?.ok_or(TurnError::Changed)?;
        let is_same = item::text_of(&claim, SERIES).is_ok_and(|series| series == counter.series.to_string());
        if is_same { Ok(item::number_of(&claim, TURN)?) } else { Err(TurnError::Changed) }
    }
}
