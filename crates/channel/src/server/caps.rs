//! What clients may hold, how long, and how often.

use std::time::Duration;

/// How often: `burst` times at once, and once more `every` so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How long until one more is allowed.
    pub every: Duration,
}

/// What clients of one listener may hold, how long, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Connections. Further ones are dropped at once, as with the next three.
    pub total: usize,
    /// Connections whose TLS handshake is not done.
    pub handshakes: usize,
    /// Those of one address, so that one cannot take all: an IPv4 address or an IPv6 /64.
    pub handshakes_per_address: usize,
    /// Connections of one address.
    pub per_address: usize,
    /// Connections of one member; one more cuts its oldest. A member that lost its network
    /// is not kept out by what it left behind, and with a member's key one can only cut
    /// that member's own.
    pub per_identity: usize,
    /// Requests at a time in one connection.
    pub streams: u32,
    /// From accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// From there to the first request's headers; with HTTP/1 for every request's.
    pub headers: Duration,
    /// From a request's headers to the end of its body.
    pub body: Duration,
    /// How often a connection is asked whether it is still there, and how long it may take
    /// to answer.
    pub keep_alive: Duration,
    /// How old a connection may become: then the client is told to make a new one. A tenth
    /// less for some, so that not all come back at once.
    pub age: Duration,
    /// How long requests under way may go on after that, or after shutdown.
    pub grace: Duration,
    /// New connections of one address.
    pub connects: Rate,
    /// Requests of one member, or where nobody is known of one address.
    pub requests: Rate,
}

impl Caps {
    /// For the main listener.
    pub const fn main() -> Self {
        Self {
            total: 8192,
            handshakes: 512,
            handshakes_per_address: 64,
            per_address: 1024,
            per_identity: 8,
            streams: 32,
            handshake: Duration::from_secs(5),
            headers: Duration::from_secs(5),
            body: Duration::from_secs(10),
            keep_alive: Duration::from_secs(20),
            age: Duration::from_hours(1),
            grace: Duration::from_secs(5),
            connects: Rate { burst: 256, every: Duration::from_millis(50) },
            requests: Rate { burst: 2000, every: Duration::from_millis(2) },
        }
    }

    /// For the join listener, where nobody is known: joining takes seconds.
    pub const fn join() -> Self {
        Self {
            total: 1024,
            handshakes: 256,
            handshakes_per_address: 32,
            per_address: 64,
            keep_alive: Duration::from_secs(5),
            age: Duration::from_mins(1),
            connects: Rate { burst: 64, every: Duration::from_millis(250) },
            requests: Rate { burst: 128, every: Duration::from_millis(100) },
            ..Self::main()
        }
    }
}

impl Default for Caps {
    /// As for the main listener.
    fn default() -> Self {
        Self::main()
    }
}
