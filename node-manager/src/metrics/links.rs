//! What has passed through our links, as the kernel counts it.

use std::io;

/// What passed through one link since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counters {
    pub link: String,
    pub receive: Direction,
    pub transmit: Direction,
}

/// One direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Direction {
    pub bytes: u64,
    pub packets: u64,
    pub drops: u64,
}

/// Of these links, as far as they are there. Every thread is in the host's namespace.
pub(super) fn read(links: &[&str]) -> io::Result<Vec<Counters>> {
    Ok(parse(&std::fs::read_to_string("/proc/thread-self/net/dev")?, links))
}

/// proc(5): name, colon, eight numbers received (bytes, packets, errors, drops, ...), eight
/// transmitted.
fn parse(text: &str, links: &[&str]) -> Vec<Counters> {
    let line = |line: &str| {
        let (link, rest) = line.split_once(':')?;
        let link = link.trim();
        links.contains(&link).then_some(())?;
        let numbers: Vec<u64> = rest.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let direction = |from: usize| {
            let (bytes, packets) = (*numbers.get(from)?, *numbers.get(from + 1)?);
            Some(Direction { bytes, packets, drops: *numbers.get(from + 3)? })
        };
        let (receive, transmit) = (direction(0)?, direction(8)?);
        Some(Counters { link: link.to_owned(), receive, transmit })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
wghub0: 1234567    1000    1    2    0     0          0         0  7654321    2000    3    4    0     0       0          0
wghub01:      9       9    9    9    9     9          9         9        9       9    9    9    9     9       9          9
broken: 1
";

    #[test]
    fn counters_of_our_links_are_found_among_others() {
        let receive = Direction { bytes: 1_234_567, packets: 1000, drops: 2 };
        let transmit = Direction { bytes: 7_654_321, packets: 2000, drops: 4 };
        let hub = Counters { link: "wghub0".to_owned(), receive, transmit };
        assert_eq!(parse(TEXT, &["wghub0", "wgmesh0", "broken"]), [hub]);
    }
}
