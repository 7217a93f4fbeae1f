//! Permits: replicas load everything again one at a time, because all loads share the capacity of one partition key.
//!
//! An item names the process that loads. The process renews the item during the load, and deletes the item at the end.
//! A process without renewals for 30 s, by the monotonic clock of the reader, has ended. A permit only saves capacity:
//! no answer depends on it.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    DynamoStore, failed,
    item::{self, EXPIRES, Item, PARTITION},
    timing,
};

/// Both keys of the item, and its attributes.
const LOAD: &str = "LOAD";
const HOLDER: &str = "holder";
const RENEWED: &str = "renewed";

/// Minimum time between two questions for the permit.
const APART: Duration = Duration::from_secs(1);
/// Minimum time between two renewals.
const RENEWAL: Duration = Duration::from_secs(5);
/// Time without renewals after which the holder has ended.
const GONE: Duration = Duration::from_secs(30);

/// The permit in the view of this process.
#[derive(Default)]
pub(super) struct Permit(Mutex<View>);

#[derive(Default)]
struct View {
    /// The time of the last question or renewal.
    asked: Option<Instant>,
    /// The number of renewals by this process, if it has the permit.
    own: Option<u64>,
    /// Another holder, the number of its renewals, and the time of the first sight of both.
    other: Option<(String, u64, Instant)>,
}

impl View {
    /// Whether it is time for a question or renewal.
    fn is_due(&mut self, apart: Duration, now: Instant) -> bool {
        let is_due = self.asked.is_none_or(|asked| now.duration_since(asked) >= apart);
        if is_due {
            self.asked = Some(now);
        }
        is_due
    }

    fn saw(&mut self, holder: &str, renewed: u64, now: Instant) {
        if self.other.as_ref().is_none_or(|(of, count, _)| of != holder || *count != renewed) {
            self.other = Some((holder.to_owned(), renewed, now));
        }
    }

    /// The other holder and its renewals, if it has ended.
    fn gone(&self, now: Instant) -> Option<(&str, u64)> {
        let gone = self.other.as_ref().filter(|(.., since)| now.duration_since(*since) >= GONE);
        gone.map(|(holder, renewed, _)| (holder.as_str(), *renewed))
    }
}

impl DynamoStore {
    pub(super) async fn ask_permit(&self) -> bool {
        let request = {
            let mut view = self.permit.0.lock();
            if view.own.is_some() {
                return true;
            }
            if !view.is_due(APART, Instant::now()) {
                return false;
            }
            let free = format!("attribute_not_exists({PARTITION}) OR {HOLDER} = :own");
            match view.gone(Instant::now()) {
                None => self.write_permit(1).condition_expression(free),
                Some((holder, renewed)) => self
                    .write_permit(1)
                    .condition_expression(format!("{free} OR {HOLDER} = :holder AND {RENEWED} = :renewed"))
                    .expression_attribute_values(":holder", item::text(holder))
                    .expression_attribute_values(":renewed", item::number(renewed)),
            }
        };
        let request = request.return_values_on_condition_check_failure(AllOld);
        let answer = request.customize().config_override(timing::sent_once()).send().await;
        let mut view = self.permit.0.lock();
        match answer {
            Ok(_) => view.other = None,
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                    if let Some(item) = refusal.item()
                        && let (Ok(holder), Ok(renewed)) = (item::text_of(item, HOLDER), item::number_of(item, RENEWED))
                    {
                        view.saw(holder, renewed, Instant::now());
                        return false;
                    }
                    // An item without these attributes has no holder.
                }
                // The load itself shows whether DynamoDB answers.
                _ => {
                    tracing::warn!(error = %failed(error), "the item of loads cannot be written: this process loads without it");
                }
            },
        }
        view.own = Some(1);
        true
    }

    /// Renews the permit during a load. A failed renewal is repeated at the next page.
    pub(super) async fn renew_permit(&self) {
        let renewed = {
            let mut view = self.permit.0.lock();
            let Some(renewed) = view.own.map(|renewed| renewed + 1) else { return };
            if !view.is_due(RENEWAL, Instant::now()) {
                return;
            }
            view.own = Some(renewed);
            renewed
        };
        let request = self.write_permit(renewed).condition_expression(format!("{HOLDER} = :own"));
        _ = request.customize().config_override(timing::sent_once()).send().await;
    }

    pub(super) async fn return_permit(&self) {
        if self.permit.0.lock().own.take().is_none() {
            return;
        }
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(item::key(LOAD, LOAD)));
        let request = request.condition_expression(format!("{HOLDER} = :own"));
        let request = request.expression_attribute_values(":own", item::text(self.processes.id()));
        _ = request.customize().config_override(timing::sent_once()).send().await;
    }

    fn write_permit(&self, renewed: u64) -> PutItemFluentBuilder {
        let mut item: Item = item::key(LOAD, LOAD);
        item.insert(HOLDER.into(), item::text(self.processes.id()));
        item.insert(RENEWED.into(), item::number(renewed));
        item.insert(EXPIRES.into(), item::number(timing::expiry_of_now()));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.expression_attribute_values(":own", item::text(self.processes.id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_without_renewals_for_30_s_has_ended() {
        let (mut view, start) = (View::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        view.saw("1", 7, at(0));
        view.saw("1", 7, at(20));
        assert_eq!((view.gone(at(29)), view.gone(at(30))), (None, Some(("1", 7))));
        view.saw("1", 8, at(30));
        assert_eq!((view.gone(at(59)), view.gone(at(60))), (None, Some(("1", 8))));
        view.saw("2", 8, at(60));
        assert_eq!(view.gone(at(61)), None);
    }
}
