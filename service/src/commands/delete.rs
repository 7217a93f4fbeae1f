//! `echo-service delete`.

use http::Method;

use super::{
    get::{endpoint, query},
    management::Management,
    print,
};
use crate::config::Delete;

pub fn run(Delete { ids, filters, all, at }: &Delete) -> Result<String, String> {
    let management = Management::of(at)?;
    for id in ids {
        if !management.ask(Method::DELETE, &endpoint(*id), &[], None)?.is_null() {
            return Err(management.other(200).into());
        }
        print(&format!("deleted {id}\n"))?;
    }
    if !ids.is_empty() {
        return Ok(String::new());
    }
    let query = if *all { vec![("deleteAll", "true".into())] } else { query(filters) };
    let document = management.ask(Method::DELETE, "/endpoints", &query, None)?;
    match document["meta"]["deleted"].as_u64() {
        Some(1) => Ok("deleted 1 mock\n".into()),
        Some(deleted) => Ok(format!("deleted {deleted} mocks\n")),
        None => Err(management.other(200).into()),
    }
}
