//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};

use rand::Rng;

use crate::{Error, Result};

/// Where ports are looked for: below those that Linux gives to outgoing connections
/// (32768 and up, ip(7)), so that none of them takes the port while its owner restarts.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
/// How many are tried.
const TRIES: usize = 200;

/// Whether nothing listens on a port now.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that nothing listens on now; chosen at random, so that two that look at the same time
/// hardly ever find the same.
pub(super) fn find_free() -> Result<u16> {
    let mut random = rand::rng();
    std::iter::repeat_with(|| random.random_range(RANGE))
        .take(TRIES)
        .find(|port| is_free(*port))
        .ok_or_else(|| Error::failed("instance_failed", "there is no free port on 127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_free() {
        let port = find_free().unwrap();
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        drop(held);
        assert!(is_free(port));
    }
}
