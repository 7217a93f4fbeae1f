//! Who may do what: keys, their scopes, and the rate of each caller.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, Uri, header};
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use url::Url;

use super::{
    error::{ApiError, Kind, Source},
    origin,
};
use crate::{
    config::{Key, PublicUrl, Scope},
    limits::{LineLimit, RateLimit, TrustedProxies, network_of},
};

const SCHEME: &str = "Key";

/// Whom a limit is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    Key(Arc<str>),
    Address(IpAddr),
}

/// What a request may do, found out before anything else of it is looked at.
#[derive(Debug, Clone)]
pub enum Access {
    /// No key is configured: everybody who reaches the listener may do everything.
    Anonymous,
    Key(Arc<Key>),
    /// A key is needed, and none or a wrong one was given.
    Refused {
        token_given: bool,
    },
}

impl Access {
    /// Whether the caller has what is asked for, if only for other requests.
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

/// Checks keys and rates.
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

    /// The address of the client, as far as it is known.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.trusted.client(peer, headers)
    }

    /// Whether management needs a key.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Identifies the caller and counts the request against them.
    pub fn admit(&self, peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> Result<(Caller, Access), ApiError> {
        let access = self.identify(headers);
        let caller = match &access {
            Access::Key(key) => Caller::Key(key.name.as_str().into()),
            // Wrong keys are counted by address, or guessing would be free.
            Access::Anonymous | Access::Refused { .. } => Caller::Address(network_of(self.client(peer, headers))),
        };
        self.rate.check(&caller).map_err(ApiError::too_many_requests)?;
        if matches!(access, Access::Anonymous) {
            origin::check(uri, headers, self.public.as_ref())?;
        }
        Ok((caller, access))
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

/// Lets a handler run only for those who may read.
pub struct MayRead;
/// Lets a handler run only for those who may write.
pub struct MayWrite;

fn check(request: &Request, scope: Scope) -> Result<(), ApiError> {
    match request.extensions().get::<Access>().expect("the management app admits every request") {
        Access::Anonymous => Ok(()),
        Access::Key(key) if key.allows(scope) => Ok(()),
        Access::Key(key) => {
            let detail = format!(
                "The key `{}` does not have the scope `{scope}`: use one that has",
                key.name,
                scope = scope.as_str()
            );
            Err(ApiError::new(Kind::Forbidden, detail, Some(Source::header("Authorization"))))
        }
        Access::Refused { .. } if is_key_entry(request) => Err(ApiError::key_entry()),
        Access::Refused { token_given } => Err(ApiError::unauthorized(*token_given)),
    }
}

/// Whether the caller, who may do what they ask for, may see endpoints as well.
pub fn may_read(request: &Request) -> bool {
    check(request, Scope::Read).is_ok()
}

/// Whether the client has sent the entry that `echo-service key new` prints for `--keys` beside the token.
fn is_key_entry(request: &Request) -> bool {
    let parts: Vec<_> = request.header(header::AUTHORIZATION).unwrap_or_default().trim().split(':').collect();
    matches!(parts[..], [_, _, hash] if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn register_scheme(registry: &mut Registry) {
    registry.create_security_scheme(
        SCHEME,
        MetaSecurityScheme {
            ty: "http",
            description: Some("A token that `echo-service key new` has made."),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("echo_…"),
            flows: None,
            openid_connect_url: None,
        },
    );
}

macro_rules! guard {
    ($guard:ident, $scope:expr) => {
        impl<'a> ApiExtractor<'a> for $guard {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_scheme(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![SCHEME]
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                Ok(check(request, $scope).map(|()| Self)?)
            }
        }
    };
}

guard!(MayRead, Scope::Read);
guard!(MayWrite, Scope::Write);
