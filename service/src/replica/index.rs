//! A value for each verb and path of mocks, found by a request in one lookup for each shape of path in use.

use std::collections::{HashMap, hash_map::Entry};

use bytes::Bytes;

use crate::{
    domain::{Route, Shape, Verb},
    store::WriteError,
};

/// Maximum number of lookups for places near a request.
const MAX_NEAR_LOOKUPS: usize = 20;
/// Maximum number of shapes with parameters for a verb: each adds a lookup to each call.
const MAX_SHAPES: usize = 64;

/// Verb and path without the names of parameters: the place of mocks that fit the same requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    verb: Verb,
    /// `None`: without parameters.
    shape: Option<Shape>,
    /// The literal segments; without parameters the path.
    key: Bytes,
}

impl Place {
    pub(super) fn of(route: &Route) -> Self {
        Self::new(route.verb, Bytes::copy_from_slice(route.path.as_str().as_bytes()))
    }

    /// The place of mocks with this path.
    pub(super) fn new(verb: Verb, path: Bytes) -> Self {
        let text = str::from_utf8(&path).expect("a path is text");
        let shape = Shape::of(text);
        let key = shape.as_ref().and_then(|shape| shape.key(text)).map(|key| Bytes::copy_from_slice(&key));
        Self { verb, shape, key: key.unwrap_or(path) }
    }

    /// The same place, without the memory of the path.
    pub(super) fn copied(&self) -> Self {
        Self { key: Bytes::copy_from_slice(&self.key), ..self.clone() }
    }

    /// Verb and path of the only request that fits, if only one does.
    pub(super) fn request(&self) -> Option<(Verb, &str)> {
        let is_one = self.shape.is_none() && self.verb != Verb::Any;
        Some((self.verb, str::from_utf8(&self.key).ok()?)).filter(|_| is_one)
    }
}

/// The values of a verb.
struct Paths<T> {
    plain: HashMap<Bytes, T>,
    shaped: Vec<(Shape, HashMap<Bytes, T>)>,
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { plain: HashMap::new(), shaped: Vec::new() }
    }
}

impl<T> Paths<T> {
    /// The values whose path fits, each with its shape.
    fn fitting<'a>(&'a self, path: &str) -> impl Iterator<Item = (Option<&'a Shape>, &'a T)> {
        let plain = self.plain.get(path.as_bytes()).map(|value| (None, value));
        let shaped =
            self.shaped.iter().filter_map(|(shape, values)| Some((Some(shape), values.get(&*shape.key(path)?)?)));
        plain.into_iter().chain(shaped)
    }

    fn at(&self, shape: Option<&Shape>) -> Option<&HashMap<Bytes, T>> {
        let Some(shape) = shape else { return Some(&self.plain) };
        self.shaped.iter().find(|(other, _)| other == shape).map(|(_, values)| values)
    }

    fn at_mut(&mut self, shape: Option<&Shape>) -> &mut HashMap<Bytes, T> {
        let Some(shape) = shape else { return &mut self.plain };
        let at = self.shaped.iter().position(|(other, _)| other == shape).unwrap_or_else(|| {
            self.shaped.push((shape.clone(), HashMap::new()));
            self.shaped.len() - 1
        });
        &mut self.shaped[at].1
    }
}

/// A canonical path in small letters, except for its escapes.
fn in_small_letters(path: &str) -> String {
    let mut after_percent = 3;
    let small = |letter: char| {
        after_percent = if letter == '%' { 0 } else { after_percent + 1 };
        if after_percent <= 2 { letter } else { letter.to_ascii_lowercase() }
    };
    path.chars().map(small).collect()
}

/// See the module.
pub(super) struct Index<T>([Paths<T>; Verb::ALL.len()]);

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<T> Index<T> {
    /// The values that fit a request, each with its shape, and whether it has the verb ANY.
    pub(super) fn fitting<'a>(
        &'a self,
        verb: Verb,
        path: &str,
    ) -> impl Iterator<Item = (Option<&'a Shape>, bool, &'a T)> {
        [(verb, false), (Verb::Any, true)].into_iter().flat_map(move |(verb, is_any)| {
            self.0[verb as usize].fitting(path).map(move |(shape, value)| (shape, is_any, value))
        })
    }

    /// Values that fit almost: the path differs by a slash at its end or by small letters, or the verb differs.
    pub(super) fn near(&self, verb: Verb, path: &str) -> Vec<&T> {
        let slashed = |path: &str| path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        let small = in_small_letters(path);
        let similar = [slashed(path), slashed(&small), small];
        let similar = similar.iter().filter(|other| *other != path);
        let similar = similar.flat_map(|path| [(verb, &**path), (Verb::Any, path)]);
        let others = Verb::ALL.into_iter().filter(|other| ![verb, Verb::Any].contains(other)).map(|verb| (verb, path));
        let asked: Vec<_> = similar.chain(others).map(|(verb, path)| (&self.0[verb as usize], path)).collect();
        let plain = asked.iter().map(|(paths, path)| paths.plain.get(path.as_bytes()));
        let shaped = asked.iter().flat_map(|(paths, path)| {
            paths.shaped.iter().filter_map(|(shape, values)| Some(values.get(&*shape.key(path)?)))
        });
        plain.chain(shaped).take(MAX_NEAR_LOOKUPS).flatten().collect()
    }

    pub(super) fn get(&self, place: &Place) -> Option<&T> {
        self.0[place.verb as usize].at(place.shape.as_ref())?.get(&place.key)
    }

    pub(super) fn entry(&mut self, place: &Place) -> Entry<'_, Bytes, T> {
        self.0[place.verb as usize].at_mut(place.shape.as_ref()).entry(place.key.clone())
    }

    /// Removes the value, and a shape without values.
    pub(super) fn remove(&mut self, place: &Place) -> Option<T> {
        let paths = &mut self.0[place.verb as usize];
        let removed = paths.at_mut(place.shape.as_ref()).remove(&place.key);
        paths.shaped.retain(|(_, values)| !values.is_empty());
        removed
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0
            .iter()
            .flat_map(|paths| paths.plain.values().chain(paths.shaped.iter().flat_map(|(_, values)| values.values())))
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(&T) -> bool) {
        for paths in &mut self.0 {
            paths.plain.retain(|_, value| is_kept(value));
            paths.shaped.retain_mut(|(_, values)| {
                values.retain(|_, value| is_kept(value));
                !values.is_empty()
            });
        }
    }

    /// Refuses a new shape beyond [`MAX_SHAPES`].
    pub(super) fn check(&self, route: &Route) -> Result<(), WriteError> {
        let shapes = &self.0[route.verb as usize].shaped;
        let is_new = |shape: &Shape| shapes.iter().all(|(other, _)| other != shape);
        if shapes.len() >= MAX_SHAPES && route.path.shape().as_ref().is_some_and(is_new) {
            return Err(WriteError::TooManyShapes { verb: route.verb, max: MAX_SHAPES });
        }
        Ok(())
    }

    /// Whether a request may fit this place and another place, whose mocks come later at the same priority. May say yes
    /// too often: shapes are compared without their literal segments.
    pub(super) fn may_hide(&self, place: &Place) -> bool {
        let meets = |verb: &Verb| *verb == Verb::Any || [*verb, Verb::Any].contains(&place.verb);
        let path = str::from_utf8(&place.key).unwrap_or_default();
        Verb::ALL.into_iter().filter(meets).map(|verb| &self.0[verb as usize]).any(|paths| match &place.shape {
            None => paths.fitting(path).next().is_some(),
            Some(shape) => {
                let is_less_exact = |other: &Shape| shape < other && shape.may_overlap(other);
                paths.at(Some(shape)).is_some_and(|values| values.contains_key(&place.key))
                    || paths.shaped.iter().any(|(other, _)| is_less_exact(other))
            }
        })
    }
}
