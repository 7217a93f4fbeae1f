//! The right spelling of a wrong path.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    canonical::{IS_PATH_BYTE, canonical, push_escape},
    shape::Segment,
};

/// The suggestion for a refused text: the path in it, with the necessary escapes and parameters of different names. The
/// result is valid, unless it is too long.
pub(super) fn advice(text: &str) -> String {
    let path = text.split_once("://").map_or(text, |(_, rest)| rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = if path.starts_with('/') { Cow::Borrowed(path) } else { format!("/{path}").into() };
    let (mut names, count) = (BTreeSet::new(), path.split('/').count());
    let mut segment = |(at, text): (usize, &str)| {
        let segment = Segment::of(text);
        let Some(name) = segment.name() else { return canonical(&escaped(text)).unwrap_or_default().into_owned() };
        let star = if matches!(segment, Segment::Rest(_)) && at + 1 == count { "*" } else { "" };
        let mut name = name.to_owned();
        while !names.insert(name.clone()) {
            name += "_2";
        }
        format!("{{{star}{name}}}")
    };
    without_dot_segments(&path.split('/').enumerate().map(&mut segment).collect::<Vec<_>>().join("/"))
}

/// A segment with the necessary escapes.
fn escaped(segment: &str) -> String {
    let mut escaped = String::with_capacity(segment.len());
    for (at, byte) in segment.bytes().enumerate() {
        let is_kept = IS_PATH_BYTE[byte as usize] || byte == b'%' && is_escape(segment, at);
        if is_kept { escaped.push(char::from(byte)) } else { push_escape(&mut escaped, byte) }
    }
    escaped
}

fn is_escape(text: &str, at: usize) -> bool {
    text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

pub(super) fn bad_escape(text: &str) -> String {
    let at = text.match_indices('%').map(|(at, _)| at).find(|&at| !is_escape(text, at)).unwrap_or_default();
    text[at..].chars().take(3).collect()
}

pub(super) fn is_dot_segment(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// RFC 3986 section 5.2.4.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            kept.pop();
        }
        if !is_dot_segment(segment) {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}
