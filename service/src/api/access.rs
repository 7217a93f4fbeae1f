//! Access to management: keys, their scopes, and the rate limit of each caller.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, Uri, header};
use poem::{FromRequest, Request, RequestBody};
use url::Url;

use super::{
    error::{ApiError, Kind, Source},
    keys::{Key, Scope},
    location::PublicUrl,
    origin,
};
use crate::web::{
    client::{TrustedProxies, network_of},
    rate::{LineLimit, RateLimit},
};

/// The unit of a limit: a key, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    Key(Arc<str>),
    Address(IpAddr),
}

/// The rights of a request. Echo finds them before it looks at anything else.
#[derive(Debug, Clone)]
pub enum Access {
    /// No keys are configured: every client of the listener has all rights.
    Anonymous,
    Key(Arc<Key>),
    /// Management needs a key, and the request has none or an unknown one.
    Refused {
        token_given: bool,
    },
}

impl Access {
    /// Whether the caller has any rights. A single operation may need another scope.
    pub const fn is_granted(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// The name of the key, for the log.
    pub fn key_name(&self) -> Option<String> {
        match self {
            Self::Key(key) => Some(key.name.clone()),
            Self::Anonymous | Self::Refused { .. } => None,
        }
    }
}

/// Checks keys, origins and rates.
pub struct Gate {
    keys: Vec<Arc<Key>>,
    trusted: TrustedProxies,
    public: Option<Url>,
    pub rate: RateLimit<Caller>,
    pub lines: Arc<LineLimit>,
}

impl Gate {
    pub fn new(
        keys: Vec<Key>,
        trusted: TrustedProxies,
        public_url: Option<&PublicUrl>,
        rate: RateLimit<Caller>,
    ) -> Self {
        let public = public_url.map(|url| url.as_str().parse().expect("a public URL is a URL"));
        Self { keys: keys.into_iter().map(Arc::new).collect(), trusted, public, rate, lines: Arc::default() }
    }

    /// The address of the client, as far as Echo can tell.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.trusted.client(peer, headers)
    }

    /// Whether management needs a key.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Identifies the caller and counts the request against its rate.
    pub fn admit(&self, peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> Result<(Caller, Access), ApiError> {
        let access = self.identify(headers);
        let caller = match &access {
            Access::Key(key) => Caller::Key(key.name.as_str().into()),
            // A wrong key counts against the address, so that guessing has a cost.
            Access::Anonymous | Access::Refused { .. } => Caller::Address(network_of(self.client(peer, headers))),
        };
        self.rate.check(&caller).map_err(ApiError::too_many_requests)?;
        if matches!(access, Access::Anonymous) {
            origin::check(uri, headers, self.public.as_ref())?;
        }
        Ok((caller, access))
    }

    /// Whether management without keys answers requests for this host and origin.
    pub fn is_own_page(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        origin::check(uri, headers, self.public.as_ref()).is_ok()
    }

    fn identify(&self, headers: &HeaderMap) -> Access {
        if self.keys.is_empty() {
            return Access::Anonymous;
        }
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            return Access::Refused { token_given: false };
        };
        let token = authorization
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let key = token.and_then(|(_, token)| Key::find(&self.keys, token.trim()));
        key.map_or(Access::Refused { token_given: true }, |key| Access::Key(Arc::clone(key)))
    }
}

/// Admits callers with the scope `read`.
pub struct MayRead;
/// Admits callers with the scope `write`.
pub struct MayWrite;

fn check(request: &Request, scope: Scope) -> Result<(), ApiError> {
    match request.extensions().get::<Access>().expect("the management app admits every request") {
        Access::Anonymous => Ok(()),
        Access::Key(key) if key.allows(scope) => Ok(()),
        Access::Key(key) => {
            let detail = format!(
                "The key `{}` does not have the scope `{scope}`: use a key with this scope",
                key.name,
                scope = scope.as_str()
            );
            Err(ApiError::new(Kind::Forbidden, detail, Some(Source::header("Authorization"))))
        }
        Access::Refused { .. } if is_key_entry(request) => Err(ApiError::key_entry()),
        Access::Refused { token_given } => Err(ApiError::unauthorized(*token_given)),
    }
}

/// Whether a caller with the right to write may also see endpoints.
pub fn may_read(request: &Request) -> bool {
    check(request, Scope::Read).is_ok()
}

/// Whether the client sent the entry for `--keys` in place of the token: `echo-service key new` prints both.
fn is_key_entry(request: &Request) -> bool {
    let parts: Vec<_> = request.header(header::AUTHORIZATION).unwrap_or_default().trim().split(':').collect();
    matches!(parts[..], [_, _, hash] if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl<'a> FromRequest<'a> for MayRead {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(check(request, Scope::Read).map(|()| Self)?)
    }
}

impl<'a> FromRequest<'a> for MayWrite {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        Ok(check(request, Scope::Write).map(|()| Self)?)
    }
}
