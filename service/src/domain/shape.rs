//! Paths with parameters: which requests they fit, and how they are looked up.

use smallvec::SmallVec;

/// A segment of a mock's path, between two slashes. Parameters hold their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Literal(&'a str),
    /// `{name}`: one segment that is not empty.
    Parameter(&'a str),
    /// `{*name}`: the rest of the path, with its slashes, or nothing.
    Rest(&'a str),
}

impl<'a> Segment<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let braced = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let is_name = |name: &&str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let rest = braced.and_then(|text| text.strip_prefix('*')).filter(is_name).map(Self::Rest);
        rest.or(braced.filter(is_name).map(Self::Parameter)).unwrap_or(Self::Literal(text))
    }

    pub(super) fn name(self) -> Option<&'a str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Rest(name) => Some(name),
        }
    }
}

/// The names of parameters in `pattern` with their raw values in a path that fits.
pub(super) fn parameters<'a>(pattern: &'a str, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    pattern.split('/').map(Segment::of).enumerate().filter_map(move |(at, segment)| {
        let value = match segment {
            Segment::Rest(_) => path.splitn(at + 1, '/').nth(at),
            _ => path.split('/').nth(at),
        };
        segment.name().zip(value)
    })
}

/// The kind of a segment. The most exact kind is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Literal,
    Parameter,
    Rest,
}

/// The kinds of a path's segments. Of two shapes that fit a request, the more exact shape is less: the first different
/// segment decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape(SmallVec<[Kind; 16]>);

impl Shape {
    /// The shape of a mock's path in canonical form. `None` for a path without parameters, which fits only itself.
    pub fn of(path: &str) -> Option<Self> {
        let kind = |segment| match Segment::of(segment) {
            Segment::Literal(_) => Kind::Literal,
            Segment::Parameter(_) => Kind::Parameter,
            Segment::Rest(_) => Kind::Rest,
        };
        path.contains('{').then(|| Self(path.split('/').skip(1).map(kind).collect()))
    }

    /// The literal segments of a path, for a lookup among the paths of this shape. `None` if the shape does not fit.
    pub fn key(&self, path: &str) -> Option<SmallVec<[u8; 128]>> {
        let mut key = SmallVec::new();
        let mut segments = path.strip_prefix('/')?.split('/');
        for kind in &self.0 {
            match (kind, segments.next()?) {
                (Kind::Literal, segment) => {
                    key.extend_from_slice(segment.as_bytes());
                    key.push(b'/');
                }
                (Kind::Parameter, "") => return None,
                (Kind::Parameter, _) => {}
                (Kind::Rest, _) => return Some(key),
            }
        }
        segments.next().is_none().then_some(key)
    }

    /// The number of segments that a path must have, if it is one number.
    fn length(&self) -> Option<usize> {
        (self.0.last() != Some(&Kind::Rest)).then_some(self.0.len())
    }

    /// Whether a path can fit both shapes, by their numbers of segments.
    pub fn may_overlap(&self, other: &Self) -> bool {
        match (self.length(), other.length()) {
            (Some(one), Some(another)) => one == another,
            (Some(length), None) => length >= other.0.len(),
            (None, Some(length)) => length >= self.0.len(),
            (None, None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fit_whole_segments() {
        for (path, fits, others) in [
            ("/users/{id}", &["/users/1", "/users/a%2Fb"][..], &["/users", "/users/", "/users/1/", "/users/1/2"][..]),
            ("/{a}/b/{c}", &["/1/b/2"], &["/1/c/2", "//b/2", "/1/b/"]),
            ("/files/{*path}", &["/files/", "/files/a", "/files/a/b//"], &["/files", "/file/a"]),
            ("/{*all}", &["/", "/a", "//"], &["", "*"]),
        ] {
            let shape = Shape::of(path).unwrap();
            let own = shape.key(path);
            for request in fits {
                assert_eq!(shape.key(request), own, "{path} {request}");
            }
            for request in others {
                assert!(shape.key(request).is_none_or(|key| Some(key) != own), "{path} {request}");
            }
        }
    }

    #[test]
    fn the_first_different_segment_decides_which_shape_is_more_exact() {
        let exactest_first =
            ["/a/b/c", "/a/b/{x}", "/a/b/{*x}", "/a/{x}/c", "/a/{x}/{y}", "/a/{*x}", "/{x}/b/c", "/{*x}"];
        assert!(exactest_first.map(Shape::of).is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn shapes_overlap_only_with_a_common_number_of_segments() {
        for (one, other, overlap) in [
            ("/{a}", "/{*b}", true),
            ("/{a}", "/{a}/b", false),
            ("/{*a}", "/{a}/b", true),
            ("/a/b/{*c}", "/{a}/b", false),
            ("/{*a}", "/b/{*c}", true),
        ] {
            let [one, other] = [one, other].map(|path| Shape::of(path).unwrap());
            assert_eq!([one.may_overlap(&other), other.may_overlap(&one)], [overlap; 2], "{one:?} {other:?}");
        }
    }
}
