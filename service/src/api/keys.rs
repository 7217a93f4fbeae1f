//! Management keys: random tokens. Echo keeps only their hashes.
//!
//! A token has 256 random bits, so that a plain SHA-256 cannot be reversed and no slow password hash is needed.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A token has 69 bytes. Longer text is not hashed.
const MAX_TOKEN_BYTES: usize = 256;

/// A right that a key gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Read,
    Write,
}

impl Scope {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// A key as the service stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    scopes: Vec<Scope>,
    hash: [u8; 32],
}

impl Key {
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Finds the key of a token. The comparison takes the same time for every wrong token.
    pub fn find<'a>(keys: &'a [Arc<Self>], token: &str) -> Option<&'a Arc<Self>> {
        // Longer than any token: do not spend time on its hash.
        let hash = hash(Some(token).filter(|token| token.len() <= MAX_TOKEN_BYTES)?);
        keys.iter().fold(None, |found, key| if key.hash.ct_eq(&hash).into() { Some(key) } else { found })
    }

    /// Reads entries of the form `NAME:SCOPES:SHA-256`, separated by commas or white space.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        let keys = entries.map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("the list of keys is empty, which would open management to everybody: write entries from \
                 `echo-service key new`, or leave the setting out"
                .into());
        }
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|other| other.name == key.name || other.hash == key.hash) {
                return Err(format!("the key `{}` appears twice: keep one entry for each name and hash", key.name));
            }
        }
        Ok(keys)
    }

    fn parse(entry: &str) -> Result<Self, String> {
        let wrong =
            |what: &str| format!("a key entry {what}: write NAME:SCOPES:SHA-256, as `echo-service key new` prints it");
        let [name, scopes, hash] =
            entry.split(':').collect::<Vec<_>>().try_into().map_err(|_| wrong("does not have three parts"))?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(wrong("has a name with characters other than letters, digits, `-`, `_` and `.`"));
        }
        let hash = unhex(hash).ok_or_else(|| wrong(&format!("(`{name}`) does not end in 64 hexadecimal digits")))?;
        Ok(Self { name: name.to_owned(), scopes: parse_scopes(scopes)?, hash })
    }
}

fn parse_scopes(text: &str) -> Result<Vec<Scope>, String> {
    text.split('+')
        .map(|scope| match scope {
            "read" => Ok(Scope::Read),
            "write" => Ok(Scope::Write),
            _ => Err(format!("`{scope}` is not a scope: write read, write or read+write")),
        })
        .collect()
}

/// A new secret. Its text is shown once and never stored.
pub struct Token(String);

impl Token {
    pub fn generate() -> Self {
        Self(format!("echo_{}", to_hex(&rand::random::<[u8; 32]>())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The entry for `--keys` that admits the token.
    pub fn entry(&self, name: &str, scopes: &str) -> Result<String, String> {
        let entry = format!("{name}:{scopes}:{}", to_hex(&hash(&self.0)));
        Key::parse(&entry).map(|_| entry)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn to_hex(bytes: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(bytes))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| digits.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_opens_its_entry_and_no_other() {
        let (token, other) = (Token::generate(), Token::generate());
        assert!(token.as_str().starts_with("echo_") && token.as_str().len() == 69);
        let list = format!("{}\n{}", token.entry("ci", "read+write").unwrap(), other.entry("viewer", "read").unwrap());
        let keys: Vec<_> = Key::parse_list(&list).unwrap().into_iter().map(Arc::new).collect();
        let opened = |token: &str| Key::find(&keys, token).map(|key| key.name.as_str());
        assert_eq!([&token, &other].map(|token| opened(token.as_str())), [Some("ci"), Some("viewer")]);
        assert_eq!((opened(""), opened(&token.as_str()[1..])), (None, None));
        assert!(keys[0].allows(Scope::Write) && keys[1].allows(Scope::Read) && !keys[1].allows(Scope::Write));
        assert!(!list.contains(&token.as_str()[5..]));
    }

    /// A very long token costs no time: Echo does not find it, even if a key has its hash.
    #[test]
    fn a_token_that_is_too_long_is_not_hashed() {
        for (bytes, is_found) in [(MAX_TOKEN_BYTES, true), (MAX_TOKEN_BYTES + 1, false), (60_000, false)] {
            let token = Token("x".repeat(bytes));
            let keys = Key::parse_list(&token.entry("ci", "read").unwrap()).unwrap();
            let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
            assert_eq!(Key::find(&keys, token.as_str()).is_some(), is_found, "{bytes}");
        }
    }

    #[test]
    fn wrong_entries_say_what_to_write() {
        let zeros = "0".repeat(64);
        for (entry, part) in [
            (String::new(), "the list of keys is empty"),
            (" ,\n".to_owned(), "the list of keys is empty"),
            ("ci".to_owned(), "three parts"),
            (format!("c i:read:{zeros}"), "three parts"),
            (format!("ci:admin:{zeros}"), "`admin` is not a scope"),
            (format!(":read:{zeros}"), "name"),
            ("ci:read:abc".to_owned(), "64 hexadecimal digits"),
            (format!("a:read:{zeros},a:read:{}", "1".repeat(64)), "twice"),
        ] {
            let message = Key::parse_list(&entry).unwrap_err();
            assert!(message.contains(part), "{entry}: {message}");
        }
    }
}
