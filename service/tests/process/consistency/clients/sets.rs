//! Requests for whole sets.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{
    super::{
        client_sets::{list, set_of},
        history::{Item, Kind, Operation, Outcome},
        routes::attributes,
    },
    Client, PUT, SHOW_SET, outcome, told, value_of,
};

impl Client<'_> {
    /// Writes or shows the set of a group. `None` if the request has no effect.
    pub(super) fn ask_of_set(
        &mut self,
        service: SocketAddr,
        kind: u32,
        group: usize,
        route: String,
        name: &str,
    ) -> Option<()> {
        let (set, call, nothing) = (set_of(&route), self.now(), json!(null));
        let path = format!("/-/sets/{set}");
        let list = if kind == PUT { list(group, name, &mut self.random) } else { Vec::new() };
        let (kind, value, outcome) = if kind == SHOW_SET {
            let answer = told(service, "GET", &path, &nothing, &[200, 404])?;
            let document = if answer.status == 200 { answer.json() } else { json!([]) };
            let mut values: Vec<_> = document.as_array().unwrap().iter().map(value_of).collect();
            values.sort_unstable();
            (Kind::Show, values.join(","), Outcome::Done)
        } else if list.is_empty() {
            // A set without mocks does not exist.
            let is_told = told(service, "DELETE", &path, &nothing, &[200, 404]).is_some();
            (Kind::Put, String::new(), if is_told { Outcome::Done } else { Outcome::Unknown })
        } else {
            let answer = told(service, "PUT", &path, &mocks_of(&list), &[200, 409]);
            if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 200) {
                self.learn(group, &list, &answer.json()["meta"]["created"]["first"]);
            }
            (Kind::Put, String::new(), outcome(answer))
        };
        let (client, r#return) = (self.number, self.now());
        let [mock, turns, id] = Default::default();
        self.recorder.record(Operation {
            client,
            route,
            kind,
            mock,
            value,
            turns,
            set,
            list,
            id,
            outcome,
            call,
            r#return,
        });
        Some(())
    }

    /// Adds new mocks of a set, of which the answer names some.
    fn learn(&self, group: usize, items: &[Item], created: &Value) {
        for mock in created.as_array().into_iter().flatten() {
            let begin = format!("{} {}", mock["verb"].as_str().unwrap(), mock["path"].as_str().unwrap());
            let item = items.iter().find(|item| item.route.starts_with(&begin)).expect("an item of the list");
            self.add(group, (mock["id"].as_str().unwrap().to_owned(), item.value.clone(), item.route.clone()));
        }
    }
}

/// A list for a set.
fn mocks_of(items: &[Item]) -> Value {
    let mock = |item: &Item| {
        let mut mock = attributes(&item.route);
        mock["response"] = json!({"code": 200, "body": item.value});
        mock
    };
    items.iter().map(mock).collect()
}
