//! Client addresses and rate limits.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use http::HeaderMap;
use ipnet::IpNet;

/// Above this number, the limit forgets idle callers at once. A flood of addresses takes bounded memory after its first
/// second.
const MAX_TRACKED: usize = 100_000;

/// Networks whose forwarding headers Echo believes.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The right-most address of `X-Forwarded-For` that is not a trusted proxy: a client can forge the addresses to the
    /// left. Without a trusted proxy, the address of the connection.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if self.0.is_empty() {
            return client;
        }
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.contains(client) {
            match hops.next().and_then(|hop| address(hop.trim())) {
                Some(hop) => client = hop.to_canonical(),
                None => break,
            }
        }
        client
    }
}

/// Proxies write an address, or an address and a port.
fn address(hop: &str) -> Option<IpAddr> {
    hop.parse().or_else(|_| hop.parse().map(|socket: SocketAddr| socket.ip())).ok()
}

/// The unit of a limit: an IPv4 address, or a /64, the usual network of one IPv6 host (RFC 6177).
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Allows each key a number of requests per second, and bursts of the same number. Replicas do not share the count.
pub struct RateLimit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// `None` is no limit.
    pub fn per_second(rate: Option<NonZeroU32>) -> Self {
        Self(rate.map(|rate| RateLimiter::dashmap(Quota::per_second(rate))))
    }

    /// Whether there is a limit. Without one, the caller need not find out the key.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Allows a request, or returns the time to wait.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.len() > MAX_TRACKED {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|refusal| refusal.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets keys with a full allowance. Call this periodically.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// Number of remembered keys.
    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.0.as_ref().map_or(0, RateLimiter::len)
    }
}

/// Log lines per second for invalid requests of all clients together.
const LINES: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Bounds the log lines that clients can cause, and counts the omitted lines.
pub struct LineLimit {
    limiter: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Default for LineLimit {
    fn default() -> Self {
        Self { limiter: RateLimiter::direct(Quota::per_second(LINES)), left_out: AtomicU64::new(0) }
    }
}

impl LineLimit {
    /// Whether the log has room for one more line. If so, reports the lines omitted before.
    pub fn has_room(&self) -> bool {
        let has_room = self.limiter.check().is_ok();
        if has_room {
            self.report();
        } else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        has_room
    }

    /// Logs the number of lines omitted since the last report.
    pub fn report(&self) {
        let lines = self.left_out.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "log lines about refused requests were omitted");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedProxies(trusted.split_whitespace().map(|n| n.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn forwarding_headers_of_untrusted_clients_are_ignored() {
        assert_eq!(client("", "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "192.0.2.1", &["1.2.3.4"]), "192.0.2.1");
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["6.6.6.6", "1.2.3.4, 10.9.9.9"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", &["::ffff:1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["1.2.3.4, nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["1.2.3.4:5678"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_host_cannot_escape_by_another_address_of_its_network() {
        let network = |address: &str| network_of(address.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn a_burst_is_let_through_and_the_rest_told_to_wait() {
        let limit = RateLimit::per_second(NonZeroU32::new(5));
        assert!((0..5).all(|_| limit.check(&"a").is_ok()));
        let wait = limit.check(&"a").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limit.check(&"b").is_ok());
        limit.forget_idle();
        assert!(limit.check(&"a").is_err());
        assert!((0..1000).all(|_| RateLimit::per_second(None).check(&"a").is_ok()));
    }

    /// At this rate, every caller has the full allowance again at once.
    const FORGIVING: Option<NonZeroU32> = NonZeroU32::new(100_000_000);

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let limit = RateLimit::per_second(FORGIVING);
        for n in 0..2 * MAX_TRACKED as u32 {
            limit.check(&IpAddr::from(n.to_be_bytes())).unwrap();
            assert!(limit.remembered() <= MAX_TRACKED + 1, "{} are remembered", limit.remembered());
        }
    }

    #[test]
    fn callers_with_a_full_allowance_are_forgotten() {
        let limit = RateLimit::per_second(FORGIVING);
        (0..1_000).for_each(|n| limit.check(&n).unwrap());
        let begin = Instant::now();
        while limit.remembered() > 0 {
            limit.forget_idle();
            assert!(begin.elapsed() < Duration::from_secs(20), "{} are remembered", limit.remembered());
        }
    }
}
