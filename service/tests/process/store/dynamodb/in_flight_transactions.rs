//! Transactions whose items become visible one after the other. DynamoDB Local shows all items at once, so the proxies
//! of a table show some items as they were before.
//!
//! As AWS documents ("Amazon DynamoDB Transactions: How it works"): until the answer of the transaction, each item is
//! shown as it was before or as it is afterwards. `TransactGetItems` and transactions with one of the items are
//! refused. After the answer every read shows all items.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::proxy::Message;

/// The longest time until an item is visible.
const LONGEST: u64 = 250;

/// The transactions of one table.
#[derive(Default)]
pub struct Transactions {
    /// Held for reading by a transaction on its way, so that none overtakes a slow transaction.
    sending: RwLock<()>,
    under_way: Mutex<Option<UnderWay>>,
    /// The numbers of slow transactions, of answers with earlier items, and of refusals.
    pub counts: Mutex<[usize; 3]>,
}

/// The items of a slow transaction.
struct UnderWay(Vec<Written>);

struct Written {
    /// Both keys.
    key: Value,
    /// The item before the transaction. Null if there was no item.
    before: Value,
    /// `None` before the commit.
    shown_at: Option<Instant>,
}

impl Transactions {
    /// Sends a request, and changes the answer if a transaction is under way.
    pub fn pass(&self, request: &Message, send: impl FnOnce(&Message) -> Option<Message>) -> Option<Message> {
        if request.operation() == "TransactWriteItems" {
            let _sending = self.sending.read();
            return if self.under_way.lock().is_some() { Some(self.refuse(request)) } else { send(request) };
        }
        let mut answer = send(request)?;
        let under_way = self.under_way.lock();
        let Some(UnderWay(items)) = &*under_way else { return Some(answer) };
        if request.operation() == "TransactGetItems" {
            let is_asked = |item: &Written| keys(&request.body).contains(&item.key);
            return Some(if items.iter().any(is_asked) { self.refuse(request) } else { answer });
        }
        let before = |found: &Value| {
            let written = items.iter().find(|item| is_at(found, &item.key))?;
            let is_shown = written.shown_at.is_some_and(|at| at <= Instant::now());
            (!is_shown).then(|| written.before.clone())
        };
        let found = match request.operation() {
            "GetItem" => answer.body.as_object_mut().and_then(|answer| answer.get_mut("Item")),
            _ => answer.body.as_object_mut().and_then(|answer| answer.get_mut("Items")),
        };
        let mut hidden = 0;
        let mut hide = |item: &mut Value| {
            if let Some(before) = before(item).filter(|before| before != item) {
                hidden = 1;
                *item = before;
            }
        };
        match found {
            Some(Value::Array(items)) => {
                items.iter_mut().for_each(&mut hide);
                items.retain(|item| !item.is_null());
            }
            Some(item) => hide(item),
            None => {}
        }
        if answer.body["Item"].is_null() {
            answer.body.as_object_mut().map(|answer| answer.remove("Item"));
        }
        self.counts.lock()[1] += hidden;
        Some(answer)
    }

    /// Sends a transaction that becomes visible item by item. The answer comes last.
    pub fn pass_slowly(
        &self,
        request: &Message,
        times: u64,
        mut send: impl FnMut(&Message) -> Option<Message>,
    ) -> Option<Message> {
        let (mut random, last);
        let answer = {
            let _alone = self.sending.write();
            if self.under_way.lock().is_some() {
                return Some(self.refuse(request));
            }
            let read = send(&request.reading(&keys(&request.body)))?;
            let before = read.body["Responses"].as_array().expect("it has an answer for each item");
            let items = keys(&request.body).into_iter().zip(before);
            let items = items.map(|(key, read)| Written { key, before: read["Item"].clone(), shown_at: None });
            *self.under_way.lock() = Some(UnderWay(items.collect()));
            let answer = send(request);
            let mut under_way = self.under_way.lock();
            if answer.as_ref().is_none_or(|answer| !answer.code().is_empty()) {
                *under_way = None;
                return answer;
            }
            random = StdRng::seed_from_u64(times);
            let committed = Instant::now();
            last = committed + Duration::from_millis(LONGEST);
            for item in under_way.iter_mut().flat_map(|UnderWay(items)| items) {
                item.shown_at = Some(committed + Duration::from_millis(random.random_range(0..LONGEST)));
            }
            answer
        };
        self.counts.lock()[0] += 1;
        std::thread::sleep(last - Instant::now());
        *self.under_way.lock() = None;
        answer
    }

    fn refuse(&self, request: &Message) -> Message {
        self.counts.lock()[2] += 1;
        Message::conflict_at(request, 0)
    }
}

fn is_at(item: &Value, key: &Value) -> bool {
    ["PK", "SK"].iter().all(|name| item[name] == key[name])
}

/// The keys of a transaction's items, in order.
fn keys(body: &Value) -> Vec<Value> {
    let items = body["TransactItems"].as_array().into_iter().flatten();
    let parts = items.filter_map(|item| item.as_object()?.values().next());
    let key = |part: &Value| {
        let of = if part["Item"].is_object() { &part["Item"] } else { &part["Key"] };
        json!({"PK": of["PK"], "SK": of["SK"]})
    };
    parts.map(key).collect()
}
