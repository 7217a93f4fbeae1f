//! `echo-service get` and `export`.

use std::iter;

use http::Method;
use serde_json::Value;

use super::{json, management::Management, table, text, yaml};
use crate::{
    config::{Export, Filters, Form, Get, Output},
    domain::EndpointId,
};

/// The largest page of the listing.
const PAGE: &str = "1000";

pub fn run(Get { id, filters, sets, output, at }: &Get) -> Result<String, String> {
    let management = Management::of(at)?;
    if let Some(id) = id {
        let document = management.ask(Method::GET, &endpoint(*id), &[], None)?;
        return Ok(json(&plain(&document["data"]).ok_or_else(|| management.other(200))?));
    }
    let list = if *sets { self::sets(&management)? } else { mocks(&management, filters)? };
    Ok(match output {
        Output::Json => json(&list.into()),
        Output::Table if *sets => {
            table(["SET", "MOCKS"], list.iter().map(|set| [text(&set["name"]), text(&set["mocks"])]))
        }
        Output::Table => table(["ID", "VERB", "PATH", "SET", "CODE"], list.iter().map(row)),
    })
}

pub fn export(Export { set, output, at }: &Export) -> Result<String, String> {
    let management = Management::of(at)?;
    match management.ask(Method::GET, &format!("/-/sets/{set}"), &[], None)? {
        list @ Value::Array(_) if *output == Form::Json => Ok(json(&list)),
        list @ Value::Array(_) => Ok(yaml(&list)),
        _ => Err(management.other(200).into()),
    }
}

/// The path of an endpoint.
pub fn endpoint(id: EndpointId) -> String {
    format!("/endpoints/{id}")
}

/// The parameters of the filters.
pub fn query(Filters { verb, path, set }: &Filters) -> Vec<(&'static str, String)> {
    let set = set.as_ref().map(ToString::to_string);
    let filters = [("filter[verb]", verb.clone()), ("filter[path]", path.clone()), ("filter[set]", set)];
    filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// All pages of the listing.
fn mocks(management: &Management, filters: &Filters) -> Result<Vec<Value>, String> {
    let (mut mocks, mut after) = (Vec::new(), None);
    loop {
        let mut query = query(filters);
        query.push(("page[size]", PAGE.into()));
        query.extend(after.map(|after| ("page[after]", after)));
        let page = management.ask(Method::GET, "/endpoints", &query, None)?;
        let data = page["data"].as_array().and_then(|data| data.iter().map(plain).collect::<Option<Vec<_>>>());
        mocks.extend(data.ok_or_else(|| management.other(200))?);
        after = mocks.last().map(|last| text(&last["id"])).filter(|_| page["links"]["next"].is_string());
        if after.is_none() {
            return Ok(mocks);
        }
    }
}

fn sets(management: &Management) -> Result<Vec<Value>, String> {
    let document = management.ask(Method::GET, "/-/sets", &[], None)?;
    Ok(document["meta"]["sets"].as_array().ok_or_else(|| management.other(200))?.clone())
}

/// The attributes of a resource, beside its id.
fn plain(resource: &Value) -> Option<Value> {
    let id = ("id".to_owned(), resource["id"].as_str()?.into());
    let attributes = resource["attributes"].as_object()?.clone();
    Some(iter::once(id).chain(attributes).collect())
}

fn row(mock: &Value) -> [String; 5] {
    let response = mock.get("response").unwrap_or(&mock["responses"][0]);
    [&mock["id"], &mock["verb"], &mock["path"], &mock["set"], &response["code"]].map(text)
}
