//! `wgcni attachments`.

use serde::Serialize;
use wgcni_api::view::Attachment;

use crate::nearby::Nearby;
use crate::out::Out;
use crate::table::{Table, clean};
use crate::{Failure, times, units};

/// An attachment for programs.
#[derive(Serialize)]
struct Row {
    network: String,
    container_id: String,
    ifname: String,
    addresses: Vec<String>,
    public_key: String,
    namespace: String,
    made: Option<String>,
    handshake_age_seconds: Option<u64>,
    received_bytes: Option<u64>,
    sent_bytes: Option<u64>,
}

impl From<&Attachment> for Row {
    fn from(attachment: &Attachment) -> Self {
        let traffic = attachment.traffic;
        Self {
            network: attachment.key.network.to_string(),
            container_id: attachment.key.container_id.to_string(),
            ifname: attachment.key.ifname.to_string(),
            addresses: attachment.addresses.iter().map(|address| address.to_string()).collect(),
            public_key: attachment.public_key.to_string(),
            namespace: attachment.namespace.path.clone(),
            made: times::rfc3339(made(attachment)),
            handshake_age_seconds: units::seconds(traffic.and_then(|t| t.handshake)),
            received_bytes: traffic.map(|t| t.received),
            sent_bytes: traffic.map(|t| t.sent),
        }
    }
}

fn made(attachment: &Attachment) -> u64 {
    u64::try_from(attachment.made.as_millis()).unwrap_or_default()
}

#[derive(Serialize)]
struct Rows {
    attachments: Vec<Row>,
    trouble: Option<String>,
}

/// Lists the containers of this node.
pub(crate) async fn attachments(nearby: &Nearby, out: &mut Out) -> Result<(), Failure> {
    let listed = nearby.attachments().await?;
    let table = table(&listed.all, out.now);
    if let Some(trouble) = &listed.trouble {
        out.note(format!("what passed is not known: {trouble}"));
    }
    if table.is_empty() {
        out.note("no attachments");
    }
    let attachments = listed.all.iter().map(Row::from).collect();
    out.show(&Rows { attachments, trouble: listed.trouble }, table)
}

fn table(all: &[Attachment], now: std::time::Duration) -> Table {
    let mut table = Table::new(&[
        "NETWORK",
        "CONTAINER",
        "IFNAME",
        "ADDRESSES",
        "MADE",
        "HANDSHAKE",
        "RECEIVED",
        "SENT",
        "NAMESPACE",
    ]);
    for attachment in all {
        let key = &attachment.key;
        let traffic = attachment.traffic.as_ref();
        let addresses: Vec<_> = attachment.addresses.iter().map(|a| a.to_string()).collect();
        table.row([
            key.network.to_string(),
            short(key.container_id.as_str()),
            key.ifname.to_string(),
            addresses.join(","),
            times::relative(made(attachment), now),
            units::handshake(traffic),
            traffic.map(|t| units::bytes(t.received)).unwrap_or_default(),
            traffic.map(|t| units::bytes(t.sent)).unwrap_or_default(),
            attachment.namespace.path.clone(),
        ]);
    }
    table
}

/// The first twelve characters of an id of 64 hexadecimal digits, as runtimes show them.
pub(crate) fn short(id: &str) -> String {
    let long = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    clean(if long { &id[..12] } else { id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_that_runtimes_shorten_are_shortened() {
        assert_eq!(short(&"0123456789abcdef".repeat(4)), "0123456789ab");
        assert_eq!(short("nginx-deployment-7c5ddbdf54-abcde"), "nginx-deployment-7c5ddbdf54-abcde");
    }
}
