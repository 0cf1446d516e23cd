//! Under which hosts the listeners are reached.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use wgcni_model::Invalid;

/// Most hosts: as many addresses fit into a join string.
pub(crate) const MAX: usize = 8;

/// Accepts an address or a DNS name.
///
/// # Errors
/// What cannot be reached, or is neither.
pub(crate) fn check_host(host: &str) -> Result<(), Invalid> {
    let bad = |why: &str| Err(Invalid::new("host", host, why));
    if let Ok(address) = host.parse::<IpAddr>() {
        let nowhere = address.is_unspecified() || address.is_multicast();
        return if nowhere { bad("is no machine's address") } else { Ok(()) };
    }
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() <= 240 && host.split('.').all(label) {
        Ok(())
    } else {
        bad("is neither an address nor a DNS name (and has no port)")
    }
}

/// The hosts under which `listen` is reached when nobody said: itself, or the addresses
/// from which this machine reaches others.
pub(crate) fn default_hosts(listen: SocketAddr) -> Vec<String> {
    if !listen.ip().is_unspecified() {
        return vec![listen.ip().to_string()];
    }
    // Documentation addresses (RFC 5737, RFC 3849): they take the default route.
    let v4 = source("0.0.0.0:0", "192.0.2.1:9");
    let v6 = if listen.is_ipv6() { source("[::]:0", "[2001:db8::1]:9") } else { None };
    let found: Vec<_> = v4.into_iter().chain(v6).map(|address| address.to_string()).collect();
    if found.is_empty() { vec!["127.0.0.1".to_owned()] } else { found }
}

/// From where packets to `to` would leave; none is sent.
fn source(from: &str, to: &str) -> Option<IpAddr> {
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

/// `host:port` of each host, with brackets where they are needed.
pub(crate) fn addresses(hosts: &[String], port: u16) -> Vec<String> {
    let address = |host: &String| match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    };
    hosts.iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_listened_on_is_where_it_is_reached() {
        assert_eq!(default_hosts("192.0.2.7:1".parse().unwrap()), ["192.0.2.7"]);
        let any = default_hosts("0.0.0.0:1".parse().unwrap());
        assert!(any.iter().all(|host| check_host(host).is_ok()), "{any:?}");
    }

    #[test]
    fn addresses_are_ones_that_a_client_can_connect_to() {
        let hosts = ["cm.example.net", "192.0.2.1", "2001:db8::1"].map(str::to_owned);
        let made = addresses(&hosts, 7400);
        assert_eq!(made, ["cm.example.net:7400", "192.0.2.1:7400", "[2001:db8::1]:7400"]);
    }
}
